"""What other processes of the service have read, or are reading."""

from collections.abc import Callable
from typing import Protocol


class Elsewhere(Protocol):
    """Values that processes share, each made by one of them."""

    def fetch(self, key: str, load: Callable[[], bytes], *, keep: float, patience: float) -> bytes:
        """Return the value of *key*: another process's, or else what *load* makes.

        Never raises on its own account: whoever cannot reach the others loads alone. What *load*
        raises passes, and the other processes that wait are told to load for themselves.

        Args:
            key: Names the value, the moment it is read at included: values do not change.
            load: Makes the value.
            keep: Seconds for which the others may have it.
            patience: Seconds to wait for another process that is making it.
        """
        ...

    def find(self, key: str) -> bytes | None:
        """Return the value of *key* if somebody made it; never waits, never raises."""
        ...
