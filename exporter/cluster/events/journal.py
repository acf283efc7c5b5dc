"""The newest happenings of nodes and pods: bounded, ordered by when they happened."""

import re
from bisect import bisect_left, insort
from dataclasses import dataclass

MOST = 500
"""How many happenings may be kept: each is a series of its own."""

# White space, control characters, those that turn the direction of text or take no room, and
# halves of surrogate pairs, which have no UTF-8 form.
_UNPRINTABLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+"
)
_LONGEST_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, at `when` in Unix seconds; what has the same `id` is the same."""

    when: float
    id: str
    type: str
    object: str
    message: str


def tidy(text: str, longest: int = _LONGEST_MESSAGE) -> str:
    """Return foreign *text* on one line of at most *longest* characters."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


class Journal:
    """Keeps the newest happenings, each id once, at the latest time it was told of.

    In whatever order they are told, the same ones are kept.

    Args:
        limit: How many are kept, 0 to `MOST`.

    Attributes:
        dropped: How many gave way to newer ones, or were too old to be taken in.
        version: Moves on whenever what is kept changes.

    Raises:
        ValueError: When the limit is out of range.
    """

    def __init__(self, limit: int) -> None:
        if not 0 <= limit <= MOST:
            raise ValueError(f"a journal keeps 0 to {MOST} happenings, not {limit}")
        self.dropped = 0
        self.version = 0
        self._limit = limit
        # Sorted by time; the happenings themselves stand aside, so that comparing is cheap.
        self._order: list[tuple[float, str]] = []
        self._by_id: dict[str, Happening] = {}

    def add(self, happening: Happening) -> None:
        """Take in one happening; an earlier one of the same id gives way to it."""
        known = self._by_id.get(happening.id)
        if known is not None:
            if known == happening or known.when > happening.when:
                return
            del self._order[bisect_left(self._order, (known.when, known.id))]
        elif len(self._order) == self._limit:
            self.dropped += 1
            if not self._order or (happening.when, happening.id) < self._order[0]:
                return
            del self._by_id[self._order.pop(0)[1]]
        insort(self._order, (happening.when, happening.id))
        self._by_id[happening.id] = happening
        self.version += 1

    def newest_first(self) -> list[Happening]:
        """Return what is kept, newest first."""
        return [self._by_id[identity] for _, identity in reversed(self._order)]
