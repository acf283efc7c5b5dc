"""What one client has not been sent yet."""

from collections.abc import Hashable


class Outbox:
    """At most one message per key, in the order in which the keys came.

    Whoever takes slowly gets the newest state of everything, and never an old one after a new one.
    """

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: dict[Hashable, bytes] = {}

    def put(self, key: Hashable, message: bytes) -> bool:
        """Put in a message; tells whether it replaced an older one of its key."""
        replaced = key in self._pending
        self._pending[key] = message
        return replaced

    def take(self) -> bytes | None:
        """Take out the message whose key has waited longest; None = there is none."""
        for key in self._pending:
            return self._pending.pop(key)
        return None

    def __len__(self) -> int:
        return len(self._pending)
