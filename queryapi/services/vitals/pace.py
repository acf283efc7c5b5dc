"""When the services are looked at next: pure, by a clock that is told."""

from dataclasses import dataclass
from typing import Self

from queryapi.cache.grid import Grid

# Whoever keeps a page open asks more often than that.
_IDLE_SECONDS = 60.0
# Whatever clients ask.
_BRAKE_SECONDS = 1.0
# A look may be a little later than its deadline on a busy machine.
_MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How often looks begin.

    Args:
        ttl: Age in seconds from which on a look is not served as a new one.
        grid: When looks begin while somebody asks, the same in every process.
    """

    ttl: float
    grid: Grid

    @classmethod
    def of(cls, ttl: float, deadline: float) -> Self:
        """Return the pace at which a look of *deadline* seconds ends before the last one is old."""
        lead = min(_MARGIN * deadline, ttl / 2)
        return cls(ttl, Grid.of("real-time-metrics", max(_BRAKE_SECONDS, ttl - lead)))

    def due(self, now: float, last: float | None, *, asked: float, wanted: bool) -> float | None:
        """Return when the next look begins, in Unix time; None = nobody needs one.

        Args:
            now: The present.
            last: When the last one began.
            asked: When somebody asked last.
            wanted: Whether somebody waits for a look that has not begun.
        """
        if not wanted and now - asked >= _IDLE_SECONDS:
            return None
        # A clock that was set back: what it says of earlier looks means nothing.
        if last is None or last > now:
            return now
        if wanted:
            return max(now, last + _BRAKE_SECONDS)
        return max(last + _BRAKE_SECONDS, self.grid.earlier(self.grid.start(last), -1))
