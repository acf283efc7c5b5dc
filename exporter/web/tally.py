"""What serving tells of itself, beside every page."""

import threading
from collections import Counter
from enum import StrEnum
from http import HTTPStatus

from exporter import catalogue
from exporter.exposition import Samples
from exporter.web.following import Following


class Rejection(StrEnum):
    """Why a request was sent away."""

    BUSY = "busy"
    LATE = "late"
    LOGIN_BUSY = "login_busy"
    UNAUTHORIZED = "unauthorized"


class Tally:
    """Counts requests; used by all threads that serve.

    Args:
        most: How many scrapes may be answered at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._in_flight = 0
        self._answered: Counter[HTTPStatus] = Counter()
        self._rejected: Counter[Rejection] = Counter(dict.fromkeys(Rejection, 0))
        self._sent = 0
        self._last_seconds: float | None = None

    def enter(self) -> bool:
        """Take a place for one scrape; False when there is none."""
        with self._lock:
            free = self._in_flight < self._most
            self._in_flight += free
        return free

    def leave(self, seconds: float | None) -> None:
        """Give the place back; *seconds* is what a whole scrape took, None when it failed."""
        with self._lock:
            self._in_flight -= 1
            if seconds is not None:
                self._last_seconds = seconds

    def reject(self, why: Rejection) -> None:
        """Note that a request was sent away."""
        with self._lock:
            self._rejected[why] += 1

    def answer(self, status: HTTPStatus) -> None:
        """Note an answer that begins."""
        with self._lock:
            self._answered[status] += 1

    def send(self, size: int) -> None:
        """Note what was sent of a body."""
        with self._lock:
            self._sent += size

    def add_to(self, samples: Samples, web: Following | None) -> None:
        """Add what is so now."""
        with self._lock:
            answered, rejected = dict(self._answered), dict(self._rejected)
            in_flight, sent, seconds = self._in_flight, self._sent, self._last_seconds
        for status, count in answered.items():
            samples.add(catalogue.HTTP_REQUESTS, (str(status.value),), count)
        samples.add(catalogue.SCRAPES_IN_FLIGHT, (), in_flight)
        for why, count in rejected.items():
            samples.add(catalogue.HTTP_REJECTED, (why,), count)
        samples.add(catalogue.HTTP_SENT_BYTES, (), sent)
        if seconds is not None:
            samples.add(catalogue.LAST_SCRAPE_SECONDS, (), seconds)
        if web is not None:
            samples.add(catalogue.WEB_CONFIG_RELOADED, (), web.is_current)
            samples.add(catalogue.WEB_CONFIG_READ, (), web.read_at)
            if web.current().context is not None:
                for failure, count in web.handshakes.failures().items():
                    samples.add(catalogue.HTTP_TLS_FAILURES, (failure,), count)
