"""An end to connections that take too long: sooner when others wait for their threads."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

_LOOK_SECONDS = 0.1
# Once others wait: for a request, less the more there are, and for taking an answer.
_PRESSED_READING_SECONDS = 0.5
_LEAST_READING_SECONDS = 0.1
_PRESSED_ANSWERING_SECONDS = 2.0
_PRESSED_FOR_SECONDS = 1.0
# In which all who wait behind silent clients are to be heard.
_WAITING_SECONDS = 2.0


class Phase(Enum):
    """What a connection takes its time for."""

    READING = "reading"
    ANSWERING = "answering"


class Cuttable(Protocol):
    """A connection."""

    def cut(self) -> None:
        """Make every call on it end at once."""


@dataclass(frozen=True, slots=True)
class _Term:
    """When a phase began, when it is over at the latest."""

    phase: Phase
    began: float
    until: float


class Deadlines:
    """Ends connections whose time is over, however they spend it.

    Args:
        waiting: Tells how many wait for a thread while none is free.
        threads: How many there are.
    """

    def __init__(self, waiting: Callable[[], int], threads: int) -> None:
        self._waiting = waiting
        self._threads = threads
        self._terms: dict[Cuttable, _Term] = {}
        self._lock = threading.Lock()
        self._pressed_until = 0.0
        self._end = float("inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Give no connection more than so long from now on."""
        self._end = time.monotonic() + seconds

    def stop(self) -> None:
        """Stop watching."""
        self._stopping.set()
        self._thread.join()

    def press(self) -> None:
        """Note that somebody was sent away for want of a place."""
        self._pressed_until = time.monotonic() + _PRESSED_FOR_SECONDS

    def set(self, connection: Cuttable, seconds: float, phase: Phase) -> None:
        """Give *connection* so much time from now on."""
        now = time.monotonic()
        with self._lock:
            self._terms[connection] = _Term(phase, now, now + seconds)

    def lift(self, connection: Cuttable) -> None:
        """Let *connection* be: its request is answered."""
        with self._lock:
            self._terms.pop(connection, None)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            now = time.monotonic()
            # Under the lock: what is closed meanwhile may be another's file descriptor by then.
            with self._lock:
                for connection in self._over(now):
                    connection.cut()

    def _over(self, now: float) -> Iterator[Cuttable]:
        longest = self._longest(now)
        for connection, term in self._terms.items():
            if min(self._end, term.until, term.began + longest[term.phase]) < now:
                yield connection

    def _longest(self, now: float) -> dict[Phase, float]:
        """Return how long each phase may take just now, whatever a connection was given."""
        longest = dict.fromkeys(Phase, float("inf"))
        waiting = self._waiting()
        if waiting:
            share = _WAITING_SECONDS * self._threads / waiting
            longest[Phase.READING] = max(
                _LEAST_READING_SECONDS, min(_PRESSED_READING_SECONDS, share)
            )
        if waiting or now < self._pressed_until:
            longest[Phase.ANSWERING] = _PRESSED_ANSWERING_SECONDS
        return longest
