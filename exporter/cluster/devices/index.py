"""A relation looked up from one side: key → everything that was added under it."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value", str, tuple[str, str])


class Index(Generic[_Key, _Value]):
    """Sets by key; a key whose set became empty is forgotten.

    Most sets have one member, and there are several for every GPU: a lone member stands for its
    set, which would take four times the memory.
    """

    def __init__(self) -> None:
        self._found: dict[_Key, _Value | set[_Value]] = {}

    def add(self, keys: Iterable[_Key], value: _Value) -> None:
        """Add *value* under each of *keys*."""
        for key in keys:
            found = self._found.setdefault(key, value)
            if isinstance(found, set):
                found.add(value)
            elif found != value:
                self._found[key] = {found, value}

    def discard(self, keys: Iterable[_Key], value: _Value) -> None:
        """Take *value* away from each of *keys*."""
        for key in keys:
            found = self._found.get(key)
            if isinstance(found, set):
                found.discard(value)
                if len(found) == 1:
                    self._found[key] = found.pop()
            elif found == value:
                del self._found[key]

    def __getitem__(self, key: _Key) -> list[_Value]:
        """Return what was added under *key*, sorted."""
        found = self._found.get(key)
        if found is None:
            return []
        return sorted(found) if isinstance(found, set) else [found]
