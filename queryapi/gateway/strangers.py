"""Connections that are no WebSocket yet, or will never be one: a few at a time."""

import re
from typing import Protocol

# As much of the first line as tells what was asked.
_REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[!-~]{0,200})")
_BEGINNING_BYTES = 256
_HEAD_END = b"\r\n\r\n"
_HEAD_BYTES = 32 * 1024


class Head:
    """The head of a request while it comes, and what does not belong to it.

    The client has to wait for our answer: whatever it says before that is no part of anything.
    """

    __slots__ = ("_beginning", "_bytes", "_end", "early", "whole")

    def __init__(self) -> None:
        self.whole = False
        """Whether all of it is here."""
        self.early = False
        """Whether the client did not wait for our answer."""
        self._beginning = b""
        self._end = b""
        self._bytes = 0

    @property
    def too_long(self) -> bool:
        """Whether it is longer than any that has a reason."""
        return self._bytes > _HEAD_BYTES

    @property
    def asked(self) -> tuple[str, str]:
        """The method and the path, as far as they can be told; empty = they cannot."""
        found = _REQUEST_LINE.match(self._beginning)
        method, target = (part.decode() for part in found.groups()) if found else ("", "")
        return method, target.partition("?")[0]

    def forget(self) -> None:
        """Drop what it said; it may hold what is nobody's business."""
        self._beginning = b""

    def part(self, data: bytes) -> bytes:
        """Return as much of *data*, which has come just now, as belongs to the head."""
        if self.whole:
            self.early = True
            return b""
        before = len(self._end)
        seen = self._end + data
        found = seen.find(_HEAD_END)
        self.whole = found >= 0
        part = data[: found + len(_HEAD_END) - before] if self.whole else data
        self.early = len(part) < len(data)
        self._end = seen[1 - len(_HEAD_END) :]
        if len(self._beginning) < _BEGINNING_BYTES:
            self._beginning += part[: _BEGINNING_BYTES - len(self._beginning)]
        self._bytes += len(part)
        return part


class Stranger(Protocol):
    """A connection of which nothing is known but its address."""

    def cut_off(self) -> None:
        """End it now."""
        ...


class Strangers:
    """All of them, in the order in which they came.

    Whoever holds many connections open and says nothing must not keep others out: a new one is
    let in, and the one that has been silent for longest is cut off. Those who have said who they
    are wait to be judged, and lose that place to nobody.

    Args:
        silent: How many there may be whose request is not all here.
        waiting: How many there may be whose request is.
    """

    def __init__(self, silent: int, waiting: int) -> None:
        self._most_silent = silent
        self._most_waiting = waiting
        self._silent: dict[Stranger, None] = {}
        self._waiting: set[Stranger] = set()

    def add(self, stranger: Stranger) -> None:
        """Let one in; somebody may have to go."""
        if len(self._silent) >= self._most_silent:
            leaves = next(iter(self._silent))
            del self._silent[leaves]
            leaves.cut_off()
        self._silent[stranger] = None

    def heard(self, stranger: Stranger) -> None:
        """Let one wait whose request is all here; there may be no room for that."""
        if stranger not in self._silent:
            return
        del self._silent[stranger]
        if len(self._waiting) < self._most_waiting:
            self._waiting.add(stranger)
        else:
            stranger.cut_off()

    def discard(self, stranger: Stranger) -> None:
        """Forget one that is known by now, or gone."""
        self._silent.pop(stranger, None)
        self._waiting.discard(stranger)
