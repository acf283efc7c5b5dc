"""Which moments a history shows: a grid that is the same for everybody who asks the same."""

import math
from typing import NamedTuple

from queryapi.errors import InvalidParameter

DAY = 86_400
RANGE, STEP = DAY, 300
"""What is shown where nothing is asked for, in seconds."""
LONGEST, SHORTEST_STEP, MOST_POINTS = 31 * DAY, 15, 2000

# A long range has longer steps: as many points as a day has of five minutes, or fewer.
_STEPS = (STEP, 600, 900, 1800, 3600, 7200, 10_800)
# Rules are committed one by one: an evaluation of this moment may not be complete.
_SETTLED_SECONDS = 5.0
_KEPT_SECONDS = 60


class Cell(NamedTuple):
    """The moments for which one answer holds: those of one `end`, at most a minute of them."""

    end: int
    minute: int


class Span(NamedTuple):
    """So many seconds back from now, with so many from point to point."""

    seconds: int
    step: int

    @property
    def kept(self) -> int:
        """Seconds for which an answer is not asked for again."""
        return min(self.step, _KEPT_SECONDS)

    def cell(self, now: float) -> Cell:
        """Return the cell of Unix time *now*; it ends at a multiple of the step."""
        settled = now - _SETTLED_SECONDS
        end = math.floor(settled / self.step) * self.step
        return Cell(end, math.floor((settled - end) / _KEPT_SECONDS))

    def start(self, end: int) -> int:
        """Return the first moment of a history that ends there."""
        return end - self.seconds // self.step * self.step

    def moments(self, end: int) -> range:
        """Return all of them."""
        return range(self.start(end), end + 1, self.step)


def span_of(seconds: int | None = None, step: int | None = None) -> Span:
    """Return what is asked for, in seconds; None = nothing is.

    Raises:
        InvalidParameter: When it is too long, too fine, or too many points.
    """
    asked = RANGE if seconds is None else seconds
    if not SHORTEST_STEP <= asked <= LONGEST:
        raise InvalidParameter(f"range must be from {SHORTEST_STEP}s to {LONGEST // DAY}d")
    if step is None:
        return Span(asked, min(_default_step(asked), asked))
    if not SHORTEST_STEP <= step <= asked:
        raise InvalidParameter(f"step must be from {SHORTEST_STEP}s to the range, {asked}s")
    if asked // step + 1 > MOST_POINTS:
        raise InvalidParameter(
            f"range and step must give at most {MOST_POINTS} points, these give"
            f" {asked // step + 1}: a step of {asked // MOST_POINTS + 1}s does"
        )
    return Span(asked, step)


def _default_step(seconds: int) -> int:
    return next(step for step in _STEPS if seconds <= step * RANGE // STEP)
