"""How long to wait after failures."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Waiting times after failures: doubling, jittered, capped; starts over after a quiet time."""

    random: Callable[[], float]
    clock: Callable[[], float]
    first: float = 0.8
    cap: float = 30.0
    quiet: float = 120.0
    _current: float = 0.0
    _last: float = float("-inf")

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        now = self.clock()
        if now - self._last > self.quiet:
            self._current = self.first
        else:
            self._current = min(self.cap, self._current * 2)
        self._last = now
        return min(self.cap, self._current * (1 + self.random()))
