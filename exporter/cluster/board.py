"""Rendered lines by family and object: each is made once per change of its object."""

from collections.abc import Iterator, Mapping

from exporter.catalogue import Family
from exporter.exposition import render


class Board:
    """Keeps the lines of many objects and joins them family by family."""

    def __init__(self) -> None:
        self._lines: dict[Family, dict[str, str]] = {}

    def put(self, key: str, lines: Mapping[Family, str]) -> None:
        """Set the lines of one object; families it no longer has lose theirs."""
        for family, objects in self._lines.items():
            if family not in lines:
                objects.pop(key, None)
        for family, text in lines.items():
            self._lines.setdefault(family, {})[key] = text

    def drop(self, key: str) -> None:
        """Remove every line of one object."""
        self.put(key, {})

    def blocks(self) -> Iterator[bytes]:
        """Yield each family's block."""
        return (render(family, objects.values()) for family, objects in self._lines.items())
