"""Many who wait for the disk wait for it together: one thread stores all that has gathered."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Generic, TypeVar

from queryapi.errors import Overloaded, StoreUnavailable

I = TypeVar("I")  # noqa: E741 - an item
O = TypeVar("O")  # noqa: E741 - its outcome

_LOG = logging.getLogger(__name__)

_ROOM = 2000
_MOST_WEIGHT = 5000
_MOST_ITEMS = 512


class Committer(Generic[I, O]):
    """Hands what threads submit to one that takes all of it at once, and tells each the outcome.

    Whoever is alone waits for nobody: what comes while others are stored is taken next. The thread
    is started by the first use in a process, so that one that forks before does not lose it.

    While nothing can be stored one item at a time is tried, and all others are told so at once:
    those who wait keep threads that others need.

    Args:
        settle: Stores items; returns an outcome for each, in their order; raises nothing.
        settled: Told the outcomes once everybody has theirs.
        weigh: How much an item adds to what is taken at once.
        room: How many may wait.
    """

    def __init__(
        self,
        settle: Callable[[Sequence[I]], Sequence[O | Exception]],
        settled: Callable[[Sequence[O | Exception]], None],
        weigh: Callable[[I], int],
        *,
        room: int = _ROOM,
    ) -> None:
        self._settle, self._settled, self._weigh, self._room = settle, settled, weigh, room
        self._here = _Here[I, O]()

    def submit(self, item: I) -> O:
        """Wait until an item is stored.

        Raises:
            Overloaded: When too many wait.
            StoreUnavailable: When the service is ending, or nothing could be stored of late.
            Exception: What became of it instead.
        """
        here, waiter = self._here, _Waiter[I, O](item)
        if here.process != os.getpid():
            # What another process' threads wait for is theirs, and so are its locks.
            here = self._here = _Here()
        with here.awake:
            if here.closed:
                raise StoreUnavailable("the service is ending")
            if here.trouble is not None and (here.storing or here.waiting):
                raise _again(here.trouble)
            if len(here.waiting) >= self._room:
                raise Overloaded("too many reports wait to be stored", retry_after=1)
            here.waiting.append(waiter)
            if here.thread is None:
                here.thread = self._begun(here, waiter)
            here.awake.notify()
        return waiter.outcome()

    def close(self) -> None:
        """Take nothing more, and return when all that waits has its outcome."""
        here = self._here
        if here.process != os.getpid():
            return
        with here.awake:
            here.closed = True
            here.awake.notify()
        if here.thread is not None:
            here.thread.join()

    def _begun(self, here: "_Here[I, O]", first: "_Waiter[I, O]") -> Thread:
        thread = Thread(target=self._run, args=(here,), name="committer", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # No more threads: the next may find room, and nobody waits for one that never ran.
            here.waiting.remove(first)
            raise Overloaded("no thread can be started", retry_after=1) from error
        return thread

    def _run(self, here: "_Here[I, O]") -> None:
        while batch := self._taken(here):
            outcomes = self._outcomes([waiter.item for waiter in batch])
            self._note(here, outcomes)
            for waiter, outcome in zip(batch, outcomes, strict=True):
                waiter.tell(outcome)
            try:
                self._settled(outcomes)
            except Exception:  # noqa: BLE001 - who submitted has been answered
                _LOG.exception("what was stored could not be announced")

    def _note(self, here: "_Here[I, O]", outcomes: Sequence[O | Exception]) -> None:
        """Note whether anything can be stored; nobody who waits already waits for another try."""
        troubles = [each for each in outcomes if isinstance(each, StoreUnavailable)]
        trouble = troubles[0] if len(troubles) == len(outcomes) else None
        with here.awake:
            here.storing, here.trouble = False, trouble
            told = list(here.waiting) if trouble is not None else []
            if told:
                here.waiting.clear()
        for waiter in told:
            waiter.tell(_again(troubles[0]))

    def _taken(self, here: "_Here[I, O]") -> list["_Waiter[I, O]"]:
        """Wait for something to do; returns nothing in the end."""
        with here.awake:
            while not here.waiting and not here.closed:
                here.awake.wait()
            batch: list[_Waiter[I, O]] = []
            weight = 0
            while here.waiting and weight < _MOST_WEIGHT and len(batch) < _MOST_ITEMS:
                batch.append(here.waiting.popleft())
                weight += self._weigh(batch[-1].item)
            here.storing = bool(batch)
            return batch

    def _outcomes(self, items: list[I]) -> Sequence[O | Exception]:
        try:
            return self._settle(items)
        # Whatever it is: who waits would wait for ever.
        except Exception as error:  # noqa: BLE001
            return [error] * len(items)


class _Here(Generic[I, O]):
    """What there is of it in one process."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.awake = threading.Condition(threading.Lock())
        self.waiting: deque[_Waiter[I, O]] = deque()
        self.thread: Thread | None = None
        self.storing = False
        self.trouble: StoreUnavailable | None = None
        self.closed = False


class _Waiter(Generic[I, O]):
    """One thread that waits for one item."""

    __slots__ = ("_done", "_outcome", "item")

    def __init__(self, item: I) -> None:
        self.item = item
        self._outcome: O | Exception | None = None
        # A lock alone: an event has one inside, and more.
        self._done = threading.Lock()
        self._done.acquire()

    def tell(self, outcome: O | Exception) -> None:
        self._outcome = outcome
        self._done.release()

    def outcome(self) -> O:
        self._done.acquire()
        outcome = self._outcome
        if isinstance(outcome, Exception):
            raise outcome
        assert outcome is not None  # noqa: S101 - told to mypy
        return outcome


def _again(trouble: StoreUnavailable) -> StoreUnavailable:
    """Return the same for another thread: those that raise one would write into it."""
    return StoreUnavailable(str(trouble), retry_after=trouble.retry_after)
