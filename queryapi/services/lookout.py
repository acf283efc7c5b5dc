"""Answers at once with what was learnt last, while somebody asks anew behind the callers' backs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from queryapi.cache.bulkhead import Seats

T = TypeVar("T")

# A first answer is worth a pause that no prober minds. Later ones have something to fall back on.
_FIRST_PATIENCE_SECONDS = 1.0
_PATIENCE_SECONDS = 0.2
_KEPT_SECONDS = 1.0
# What was learnt longer ago than this says nothing of now.
_RECENT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Asking(Generic[T]):
    """A question under way; `patient_until` is when callers stop waiting for it."""

    future: Future[T]
    patient_until: float


class Lookout(Generic[T]):
    """One question that may hang, asked at most once a second and never twice at a time.

    Args:
        ask: The question; it ends by a deadline of its own.
        executor: Runs it.
        seats: Where callers wait; who finds none does not. None = all may.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        executor: Executor,
        *,
        seats: Seats | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._seats = seats
        self._executor = executor
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asking: _Asking[T] | None = None
        self._learnt: tuple[float, Future[T]] | None = None

    def look(self) -> None:
        """Begin to ask, unless that is under way or was answered a moment ago."""
        with self._lock:
            if self._asking is not None or self._known_since(_KEPT_SECONDS):
                return
            first = not self._known_since(_RECENT_SECONDS)
            patience = _FIRST_PATIENCE_SECONDS if first else _PATIENCE_SECONDS
            future = self._executor.submit(self._ask)
            self._asking = _Asking(future, self._monotonic() + patience)
        future.add_done_callback(self._learn)

    def tell(self) -> T | None:
        """Return what is known after a bounded wait, None when that is nothing; raises its error.

        However many callers come while a question hangs: together they wait for it once.
        """
        asking = self._asking
        if asking is not None:
            self._wait(asking)
        with self._lock:
            learnt = self._learnt if self._known_since(_RECENT_SECONDS) else None
        return learnt[1].result() if learnt else None

    def _wait(self, asking: _Asking[T]) -> None:
        left = max(0.0, asking.patient_until - self._monotonic())
        seated = self._seats is None or self._seats.take()
        try:
            asking.future.exception(timeout=left if seated else 0.0)
        except TimeoutError:
            return
        finally:
            if self._seats is not None and seated:
                self._seats.give_back()
        # Callbacks come after waiters wake: the answer is learnt here, by whoever is first.
        self._learn(asking.future)

    def _learn(self, future: Future[T]) -> None:
        with self._lock:
            if self._asking is not None and self._asking.future is future:
                self._asking = None
                self._learnt = (self._monotonic(), future)

    def _known_since(self, seconds: float) -> bool:
        return self._learnt is not None and self._monotonic() - self._learnt[0] < seconds
