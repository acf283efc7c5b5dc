"""The few things that processes ask of what they share."""

from collections.abc import Sequence
from typing import Protocol


class Store(Protocol):
    """Keys and values with an end, seen by every process; each call raises SharedUnavailable."""

    def get(self, key: str) -> bytes | None:
        """Return a key's value."""
        ...

    def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep a value for a time."""
        ...

    def claim(self, key: str, holder: str, *, seconds: float) -> bool:
        """Hold *key* for a time, unless somebody does."""
        ...

    def release(self, key: str, holder: str) -> None:
        """Let go of *key*, if *holder* holds it."""
        ...

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str]) -> Sequence[int]:
        """Run a Lua script as one step; returns its integers."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...
