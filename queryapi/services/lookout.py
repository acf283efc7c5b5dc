"""Answers at once with what was learnt last, while somebody asks anew behind the callers' backs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from queryapi.cache.bulkhead import Seats

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Habits:
    """How a lookout asks and waits, in seconds.

    Args:
        first: What callers wait for a first answer: a pause that no prober minds.
        later: What they wait when there is something to fall back on.
        kept: For how long an answer is not asked for again.
        recent: Age from which on an answer says nothing of now.
    """

    first: float = 1.0
    later: float = 0.2
    kept: float = 1.0
    recent: float = 15.0


_USUAL = Habits()


@dataclass(frozen=True, slots=True)
class _Asking(Generic[T]):
    """A question under way; `patient_until` is when callers stop waiting for it."""

    future: Future[T]
    patient_until: float


class Lookout(Generic[T]):
    """One question that may hang, asked now and then and never twice at a time.

    Args:
        ask: The question; it ends by a deadline of its own.
        executor: Runs it.
        seats: Where callers wait; who finds none does not. None = all may.
        habits: When it is asked; by default at most once a second.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        executor: Executor,
        *,
        seats: Seats | None = None,
        habits: Habits = _USUAL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._seats = seats
        self._executor = executor
        self._habits = habits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asking: _Asking[T] | None = None
        self._learnt: tuple[float, Future[T]] | None = None

    def look(self) -> None:
        """Begin to ask, unless that is under way or was answered a moment ago."""
        with self._lock:
            if self._asking is not None or self._known_since(self._habits.kept):
                return
            first = not self._known_since(self._habits.recent)
            patience = self._habits.first if first else self._habits.later
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
            learnt = self._learnt if self._known_since(self._habits.recent) else None
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
