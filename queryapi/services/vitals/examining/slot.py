"""One question that may hang, and what came of it in one round."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.model import Status
from queryapi.telemetry.logs import Sparing

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

LATE = Observation(Status.TIMEOUT, "did not answer in time")
BROKEN = Observation(Status.ERROR, "could not be looked at: the log says why")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a round is taken.

    Args:
        at: Unix time.
        deadline: Monotonic time by which every question ends by itself.
    """

    at: float
    deadline: float


class Slot(Generic[T]):
    """A question that is never under way twice: one that hangs costs this slot alone.

    Args:
        ask: The question; it ends by the moment's deadline, or soon after it.
    """

    def __init__(self, ask: Callable[[Moment], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._under_way: Future[T] | None = None
        self._sparing = Sparing(time.monotonic)

    def begin(self, moment: Moment, executor: Executor) -> "Future[T] | None":
        """Ask, and return what will come; None while an earlier round's question is under way.

        Raises:
            RuntimeError: When *executor* takes no more work.
        """
        with self._lock:
            if self._under_way is not None and not self._under_way.done():
                return None
            self._under_way = executor.submit(self._ask, moment)
            return self._under_way

    def failed(self, error: BaseException) -> Observation:
        """Return what is told when the question broke: a defect of ours, which is logged."""
        if self._sparing.is_due():
            _LOG.error("A service could not be looked at", exc_info=error)
        return BROKEN


class Outcomes:
    """What came of every slot's question by the deadline.

    Args:
        slots: Whose questions to ask.
        moment: When.
        executor: Has a thread for each slot.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        slots: Iterable[Slot[Any]],
        moment: Moment,
        executor: Executor,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._futures: dict[Slot[Any], Future[Any] | None] = {
            slot: slot.begin(moment, executor) for slot in slots
        }
        asked = [future for future in self._futures.values() if future is not None]
        wait(asked, timeout=max(0.0, moment.deadline - monotonic()))
        # What comes from now on is late for all alike.
        self._done = frozenset(slot for slot, f in self._futures.items() if f and f.done())

    def of(self, slot: Slot[T]) -> T | Observation:
        """Return what came of a slot's question, or why nothing did."""
        future: Future[T] | None = self._futures[slot] if slot in self._done else None
        if future is None:
            return LATE
        error = future.exception()
        return slot.failed(error) if error is not None else future.result()
