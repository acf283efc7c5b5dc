"""What one client has not been sent yet."""

from collections.abc import Hashable

_MOST_MESSAGES, _MOST_BYTES = 256, 1024 * 1024


class Outbox:
    """Messages in the order in which they came, but for those that newer ones replace.

    Of a key there is at most one message: whoever takes slowly gets the newest state of it, and
    never an old one after a new one. What has no key is replaced by nothing: whoever appends looks
    whether there is room.
    """

    __slots__ = ("_bytes", "_pending")

    def __init__(self) -> None:
        self._pending: dict[Hashable, bytes] = {}
        self._bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether one more may be appended."""
        return len(self._pending) < _MOST_MESSAGES and self._bytes < _MOST_BYTES

    @property
    def is_light(self) -> bool:
        """Whether half of it is free: time to fetch more."""
        return 2 * len(self._pending) <= _MOST_MESSAGES and 2 * self._bytes <= _MOST_BYTES

    @property
    def is_overfull(self) -> bool:
        """Whether it holds more than it should, though the last that had room was the largest."""
        return len(self._pending) >= 2 * _MOST_MESSAGES or self._bytes >= 4 * _MOST_BYTES

    def put(self, key: Hashable, message: bytes) -> bool:
        """Put in a message; tells whether it replaced an older one of its key."""
        older = self._pending.get(key)
        self._bytes += len(message) - (0 if older is None else len(older))
        self._pending[key] = message
        return older is not None

    def append(self, message: bytes) -> None:
        """Put in a message that stays."""
        self.put(object(), message)

    def take(self) -> bytes | None:
        """Take out the message that has waited longest, by its key; None = there is none."""
        for key in self._pending:
            message = self._pending.pop(key)
            self._bytes -= len(message)
            return message
        return None

    def __len__(self) -> int:
        return len(self._pending)
