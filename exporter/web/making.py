"""Making a page within the time its client waits for it."""

import threading
import time
from collections.abc import Callable, Sequence

# More at once would only wait for one another; what hangs keeps its place until it no longer does.
_AT_ONCE = 8
_LONGEST_SECONDS = 60.0
_SENDING_SECONDS = 0.5
_SENDING_SHARE = 0.1

Pieces = Sequence[bytes]


class TooLateError(Exception):
    """The page is not there in time."""


def patience(header: str | None) -> float:
    """Return for how many seconds a page may be made, by `X-Prometheus-Scrape-Timeout-Seconds`.

    Some of the client's time is left for sending, so that what comes too late is refused in time.
    """
    try:
        told = float(header or "")
    except ValueError:
        return _LONGEST_SECONDS
    if not 0 < told < _LONGEST_SECONDS:  # NaN compares false
        return _LONGEST_SECONDS
    return told - min(_SENDING_SECONDS, told * _SENDING_SHARE)


class Maker:
    """Makes pages, several at once, each in a thread that may be left behind."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(_AT_ONCE)

    def make(self, work: Callable[[], Pieces], seconds: float) -> Pieces:
        """Return what *work* returns.

        Raises:
            TooLateError: When that takes more than *seconds*.
        """
        until = time.monotonic() + seconds
        if not self._places.acquire(timeout=seconds):
            raise TooLateError
        task = _Task(work, self._places)
        task.start()
        task.join(max(0.0, until - time.monotonic()))
        if task.error is not None:
            raise task.error
        if task.made is None:
            raise TooLateError
        return task.made


class _Task(threading.Thread):
    def __init__(self, work: Callable[[], Pieces], places: threading.Semaphore) -> None:
        super().__init__(name="page", daemon=True)
        self._work = work
        self._places = places
        self.made: Pieces | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.made = self._work()
        except Exception as error:  # noqa: BLE001 - raised again by who waits
            self.error = error
        finally:
            self._places.release()
