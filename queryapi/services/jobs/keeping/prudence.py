"""A clock for those who delete: one that leaps ahead is not believed at once."""

import logging
import time
from collections.abc import Callable

_LOG = logging.getLogger(__name__)

# What a clock may gain by being set right.
_LEAP_SECONDS = 3600.0
_LASTS_SECONDS = 86400.0


class PrudentClock:
    """Goes on as before when the clock leaps ahead, until it has been there for a day.

    A clock that is ahead for a moment makes everything old: it would all be gone when the clock
    is right again. Used by one thread.

    Args:
        clock: Unix seconds.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self, clock: Callable[[], float], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead = clock() - monotonic()
        self._leapt_at: float | None = None

    def __call__(self) -> float:
        """Return Unix seconds."""
        now, passed = self._clock(), self._monotonic()
        if now - passed <= self._ahead + _LEAP_SECONDS:
            self._leapt_at = None
        elif self._leapt_at is None:
            self._leapt_at = passed
            _LOG.warning("the clock has leapt ahead: jobs are kept by how it was, for a day")
        if self._leapt_at is not None and passed < self._leapt_at + _LASTS_SECONDS:
            return passed + self._ahead
        self._ahead, self._leapt_at = now - passed, None
        return now
