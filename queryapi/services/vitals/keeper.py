"""Keeps the newest look at the services, and looks again while somebody asks."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from queryapi.cache.bulkhead import Bulkhead
from queryapi.cache.memo import Answers, Shelf
from queryapi.errors import UpstreamUnavailable
from queryapi.services.vitals.looks import Look
from queryapi.services.vitals.pace import Pace

_LOG = logging.getLogger(__name__)
# From a look's end until those who wait for it run again, on a busy machine.
_WAKING_SECONDS = 0.25
# Who waits for a look that may not begin yet: some threads stay free for everybody else.
_WAITING_AT_ONCE = 4
_CLOSING_SECONDS = 1.0

# Waits until it is told of a change, or for so many seconds.
Wait = Callable[[threading.Condition, float], object]
LookSince = Callable[[float], Look]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A look, and what was made of it.

    Args:
        look: The look.
        answers: Made of it, by question.
    """

    look: Look
    answers: Shelf


@dataclass(frozen=True, slots=True)
class Terms:
    """How looks are served, in seconds.

    Args:
        pace: When they begin.
        deadline: What one takes at most.
        stale: Age up to which one is served in need.
    """

    pace: Pace
    deadline: float
    stale: float


class Keeper:
    """The newest look; a thread of its own looks while somebody asks, and there is none else.

    Args:
        look: Returns a look that began at a Unix time or later, within its deadline.
        terms: How looks are served.
        answers: Keeps what is made of them.
        bulkhead: Where those wait who want a look that may not begin yet; None = four may.
        clock: Unix seconds.
        wait: How the thread waits for the next look.
    """

    def __init__(
        self,
        look: LookSince,
        terms: Terms,
        answers: Answers,
        *,
        bulkhead: Bulkhead | None = None,
        clock: Callable[[], float] = time.time,
        wait: Wait = threading.Condition.wait,
    ) -> None:
        self._look = look
        self._terms = terms
        self._answers = answers
        self._bulkhead = bulkhead or Bulkhead(seats=_WAITING_AT_ONCE)
        self._clock = clock
        self._wait = wait
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._kept: Kept | None = None
        self._asked = clock()
        # Looks are counted: what a clock says may be taken back.
        self._begun = 0
        self._landed = 0
        self._wanted = 0
        self._since = float("-inf")
        self._began: float | None = None
        self._patient_until = 0.0

    @property
    def ttl(self) -> float:
        """Seconds for which a look is new."""
        return self._terms.pace.ttl

    def newest(self, max_age: float | None = None) -> Kept | None:
        """Return the newest look if it is new, and no older than *max_age* seconds; never waits."""
        now = self._asked = self._clock()
        if self._thread is None:
            self._start()
        kept = self._kept
        return kept if kept and self._is_new(kept, now, max_age) else None

    def fresh(self, max_age: float | None = None) -> Kept:
        """Return a look that is new, waiting for one if need be.

        All who come while a look is under way wait for that one, together and no longer than a
        look may take. Who wants a newer one waits for the next, of which one begins in a second.
        When none comes in time, the newest one that may be served in need is returned.

        Raises:
            UpstreamUnavailable: When there is none.
        """
        kept = self.newest(max_age)
        if kept is None:
            self._await(max_age)
            kept = self._kept
        # One that is new will do, however soon others are too old.
        oldest = max(self._terms.stale, self.ttl)
        if kept is None or not 0 <= self.age(kept) <= oldest:
            raise UpstreamUnavailable(
                "The services could not be looked at in time", reason="timeout"
            )
        return kept

    def age(self, kept: Kept) -> float:
        """Return how long ago a look began, in seconds."""
        return self._clock() - kept.look.began

    def close(self) -> None:
        """End the thread; a look under way ends by its own deadline."""
        with self._changed:
            self._ended = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSING_SECONDS)

    def _is_new(self, kept: Kept, now: float, max_age: float | None) -> bool:
        age = now - kept.look.began
        return 0 <= age < self.ttl and (max_age is None or age <= max_age)

    def _await(self, max_age: float | None) -> None:
        """Wait until a look has landed that is new enough, if one does in time."""
        with self._changed:
            # It may have ended since, having seen nobody.
            self._start()
            now, kept = self._clock(), self._kept
            # One may have landed since: nobody waits for another beside it.
            if kept and self._is_new(kept, now, max_age):
                return
            since = now - (self.ttl if max_age is None else min(max_age, self.ttl))
            number = self._number_of(since)
            left = self._left(number)
            if number <= self._begun:
                self._changed.wait_for(lambda: self._landed >= number, left)
                return
            self._wanted, self._since = number, max(self._since, since)
            self._changed.notify_all()
            if self._left_to_brake() <= 0:
                self._changed.wait_for(lambda: self._landed >= number, left)
                return
        self._await_seated(number, left)

    def _await_seated(self, number: int, left: float) -> None:
        try:
            self._bulkhead.take()
        except UpstreamUnavailable:
            return
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._landed >= number, left)
        finally:
            self._bulkhead.give_back()

    def _number_of(self, since: float) -> int:
        """Return which look is the first that began at *since* or later."""
        under_way = self._begun > self._landed
        began = self._began
        if under_way and began is not None and since <= began <= self._clock():
            return self._begun
        return self._begun + 1

    def _left(self, number: int) -> float:
        """Return for how many seconds it makes sense to wait for a look."""
        under_way = 0.0
        if self._begun > self._landed:
            under_way = self._patient_until - time.monotonic()
            # One that hangs lets no other begin: nobody waits for it twice.
            if under_way <= 0:
                return 0.0
        if number <= self._begun:
            return under_way
        return max(under_way, self._left_to_brake()) + self._patience

    def _left_to_brake(self) -> float:
        now = self._clock()
        due = self._terms.pace.due(now, self._began, asked=now, wanted=True)
        return 0.0 if due is None else due - now

    @property
    def _patience(self) -> float:
        return self._terms.deadline + _WAKING_SECONDS

    def _start(self) -> None:
        with self._changed:
            if self._thread is None and not self._ended:
                # Not waited for at the end of the process: nothing is lost with a look.
                self._thread = threading.Thread(target=self._work, name="vitals", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (since := self._next()) is not None:
            look = None
            try:
                look = self._look(since)
            except Exception:  # noqa: BLE001 - the next one may do better
                _LOG.exception("the services could not be looked at")
            self._land(look)

    def _next(self) -> float | None:
        """Wait until the next look is due; returns since when it must be, None at the end."""
        with self._changed:
            while not self._ended:
                now = self._clock()
                if self._asked > now:  # noqa: PLR1730 - not to undo what is asked meanwhile
                    # By a clock that was set back since: nobody asks in the future.
                    self._asked = now
                wanted = self._wanted > self._begun
                due = self._terms.pace.due(now, self._began, asked=self._asked, wanted=wanted)
                if due is None:
                    break
                if due <= now:
                    self._begun += 1
                    self._began = now
                    self._patient_until = time.monotonic() + self._patience
                    since, self._since = self._since, float("-inf")
                    return since
                self._wait(self._changed, due - now)
            self._thread = None
            return None

    def _land(self, look: Look | None) -> None:
        with self._changed:
            before = self._kept
            if look is not None:
                self._kept = Kept(look, self._answers.shelf())
                # Another process's began before: the next one is due by that.
                self._began = look.began
            self._landed = self._begun
            self._changed.notify_all()
        if look is not None and before is not None:
            before.answers.close()
