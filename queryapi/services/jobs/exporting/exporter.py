"""Reads for Prometheus what is told of jobs: seldom, and so that no scrape waits for long."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import TimeoutError as TookTooLong

from queryapi.errors import StoreUnavailable
from queryapi.telemetry.jobpage import JobsShown
from queryapi.telemetry.logs import Sparing

_LOG = logging.getLogger(__name__)

_FRESH_SECONDS = 5.0
# Beyond this nothing is told: old numbers are never served as new.
_OLD_SECONDS = 15.0
_PATIENCE_SECONDS = 1.0


class Exporter:
    """Keeps what was read for a moment, for whoever asks.

    Args:
        read: Reads it; raises StoreUnavailable.
        executor: Where; one thread, so that a database that hangs has no more of them.
        patience: Seconds for which a scrape waits.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        read: Callable[[], JobsShown],
        executor: Executor,
        *,
        patience: float = _PATIENCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._executor = executor
        self._patience = patience
        self._monotonic = monotonic
        self._complaints = Sparing(monotonic)
        self._lock = threading.Lock()
        self._under_way: Future[None] | None = None
        self._kept: JobsShown | None = None
        self._read_at = float("-inf")

    def shown(self) -> JobsShown | None:
        """Return what is told; None = nobody can tell now."""
        if self._age() > _FRESH_SECONDS:
            self._wait()
        return self._kept if self._age() <= _OLD_SECONDS else None

    def _age(self) -> float:
        return self._monotonic() - self._read_at

    def _wait(self) -> None:
        try:
            with self._lock:
                if self._under_way is None or self._under_way.done():
                    self._under_way = self._executor.submit(self._renew)
            self._under_way.result(self._patience)
        except (TookTooLong, CancelledError, RuntimeError):
            # The executor ends with the application.
            return

    def _renew(self) -> None:
        began = self._monotonic()
        try:
            self._kept, self._read_at = self._read(), began
        except StoreUnavailable:
            # The store has told of its trouble.
            return
        except Exception:  # noqa: BLE001 - all that the service counts is told without jobs
            if self._complaints.is_due():
                _LOG.exception("jobs could not be told to Prometheus")
