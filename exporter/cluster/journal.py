"""The newest happenings of nodes and pods: bounded, ordered by when they happened."""

import bisect
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """One thing that happened; ordered by its time, `when` in Unix seconds."""

    when: float
    id: str
    type: str = field(compare=False)
    object: str = field(compare=False)
    message: str = field(compare=False)


class Journal:
    """Keeps the `limit` newest happenings; an older one than all of them is not taken in."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: list[Happening] = []

    def add(self, happening: Happening) -> None:
        """Take in one happening; one with the same time and id is the same one."""
        place = bisect.bisect_left(self._entries, happening)
        if place < len(self._entries) and self._entries[place] == happening:
            return
        self._entries.insert(place, happening)
        if len(self._entries) > self._limit:
            del self._entries[0]

    def newest_first(self) -> list[Happening]:
        """Return what is kept, newest first."""
        return self._entries[::-1]
