"""Keeps questions few: one at a time about the same thing, and only so many a second."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

V = TypeVar("V")


class Flights(Generic[V]):
    """The questions under way, by what they are about. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[bytes, Future[V]] = {}

    def join(self, digest: bytes) -> tuple[Future[V], bool]:
        """Return the question under way, and whether the caller is the one who must ask it."""
        with self._lock:
            running = self._running.get(digest)
            if running is not None:
                return running, False
            mine = self._running[digest] = Future()
            return mine, True

    def land(self, digest: bytes) -> None:
        """End the question: whoever comes next asks anew."""
        with self._lock:
            del self._running[digest]


class Pace:
    """So many times a second and no more, after a pause so many at once. Thread-safe."""

    def __init__(self, per_second: float, *, clock: Callable[[], float]) -> None:
        self._per_second = self._left = per_second
        self._clock = clock
        self._counted = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Tell whether it may be done once more now."""
        with self._lock:
            now = self._clock()
            more = max(0.0, now - self._counted) * self._per_second
            self._left = min(self._left + more, self._per_second)
            self._counted = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
