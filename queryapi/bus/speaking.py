"""Speaks in a thread of its own, so that whoever announces waits for no server."""

import threading
import time
from contextlib import suppress
from typing import Protocol

from queryapi.bus.bus import Changes
from queryapi.outbound.breaker import Breaker

# As many as anybody could have missed: more are found by looking.
_MOST_WAITING = 10_000
_ENDING_SECONDS = 1.0
_PAUSE_SECONDS = 1.0


class Carrier(Protocol):
    """What takes words to others; used by one thread."""

    def carry(self, changes: Changes) -> None:
        """Tell others, within bounds of time; raises anything where it cannot."""
        ...

    def close(self) -> None:
        """Close what is held open; `carry` opens it again."""
        ...


class SpokenBus:
    """A bus over a carrier; what comes while it speaks is told together; see Bus.

    Args:
        carrier: Takes words to others.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._waiting: dict[str, int] = {}
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        # A server that does not answer is left alone for a moment.
        self._breaker = Breaker(failures=1, pause=_PAUSE_SECONDS)

    def announce(self, changes: Changes) -> None:
        """Have it told soon."""
        with self._news:
            if self._closed or not changes:
                return
            if len(self._waiting) + len(changes) <= _MOST_WAITING:
                self._waiting.update(changes)
            if self._thread is None:
                # Not before it is needed: a process may fork after it has made this.
                thread = threading.Thread(target=self._speak, name="bus", daemon=True)
                # Where the system has none now, the next who announces may find one.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
            self._news.notify()

    def close(self) -> None:
        """Tell what waits, and end."""
        with self._news:
            self._closed = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(_ENDING_SECONDS)
        self._carrier.close()

    def _speak(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closed)
                changes, self._waiting = self._waiting, {}
            if not changes:
                return
            self._carry(changes)

    def _carry(self, changes: Changes) -> None:
        if not self._breaker.admits(time.monotonic()):
            return
        try:
            self._carrier.carry(changes)
        except Exception:  # noqa: BLE001 - no fault of a server or its client is a report's
            self._breaker.failed(time.monotonic())
            self._carrier.close()
        else:
            self._breaker.succeeded()
