"""Looks with other processes, of which everybody has something and nobody makes two at a time."""

import threading
from collections.abc import Callable, Hashable

_PAUSE_SECONDS = 1.0


class Looks:
    """Makes each look once for all who want it, and not again for a second.

    Args:
        clock: Seconds; one that is set back ends a pause.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, threading.Event] = {}
        self._began: dict[Hashable, float] = {}

    def forget(self) -> None:
        """End the pauses: there may be something else to see."""
        with self._lock:
            self._began.clear()

    def once(self, what: Hashable, look: Callable[[], object], patience: float) -> None:
        """Look, or wait for whoever does, for so many seconds at most."""
        with self._lock:
            over = self._under_way.get(what)
            mine = None
            if over is None and self._is_due(what):
                self._began[what] = self._clock()
                mine = self._under_way[what] = threading.Event()
        if over is not None:
            over.wait(patience)
        if mine is None:
            return
        try:
            look()
        finally:
            with self._lock:
                del self._under_way[what]
            mine.set()

    def _is_due(self, what: Hashable) -> bool:
        began = self._began.get(what)
        return began is None or not 0 <= self._clock() - began < _PAUSE_SECONDS
