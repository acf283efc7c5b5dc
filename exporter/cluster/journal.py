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
        self._by_id: dict[str, Happening] = {}

    def add(self, happening: Happening) -> None:
        """Take in one happening; an earlier one of the same id gives way to it."""
        earlier = self._by_id.get(happening.id)
        if earlier is not None:
            self._entries.remove(earlier)
        self._by_id[happening.id] = happening
        bisect.insort(self._entries, happening)
        if len(self._entries) > self._limit:
            del self._by_id[self._entries.pop(0).id]

    def newest_first(self) -> list[Happening]:
        """Return what is kept, newest first."""
        return self._entries[::-1]
