"""Questions that are asked again and again, each once for all who want its answer."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queryapi.gateway.codes import POLICY_VIOLATION
from queryapi.gateway.service import PollResult
from queryapi.gateway.session import Caller, Clock, Session
from queryapi.telemetry.streaming import Streaming

if TYPE_CHECKING:
    from collections.abc import Container

    from queryapi.access.principal import Scope

Ask = Callable[[str, Caller], Awaitable[PollResult]]
"""Asks the service for a path and query, as a caller."""
Doubt = Callable[[Session], Awaitable[None]]
"""Judges a session's caller again, and closes it when they may not stay."""

_LOG = logging.getLogger(__name__)
# What says more of who asks than of what is asked: another's token may do.
_OF_ONE_CALLER = frozenset({"denied", "limited"})
# Callers who are tried one after another.
_TRIED = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Args:
        target: Path and query.
        interval: Seconds between two answers.
    """

    target: str
    interval: float


class Feeds:
    """One feed per question and scope: callers who see the same share one.

    Args:
        ask: Asks the service.
        doubt: Told whose token the service did not accept.
        metrics: Told how many feeds there are.
        clock: Monotonic seconds.
    """

    def __init__(
        self, ask: Ask, doubt: Doubt, *, metrics: Streaming, clock: Clock = time.monotonic
    ) -> None:
        self._ask = ask
        self._doubt = doubt
        self._metrics = metrics
        self._clock = clock
        self._feeds: dict[tuple[Question, Scope], _Feed] = {}

    def join(self, session: Session, question: Question) -> None:
        """Send *session* every answer from now on, and the newest at once."""
        key = question, session.caller.principal.scope
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = _Feed(question, self._ask, self._doubt, self._clock)
            self._metrics.feeds(len(self._feeds))
        feed.join(session)

    def leave(self, session: Session, question: Question) -> None:
        """Send *session* nothing more; a question that nobody asks is not asked."""
        key = question, session.caller.principal.scope
        if self._feeds[key].leave(session):
            del self._feeds[key]
            self._metrics.feeds(len(self._feeds))


class _Feed:
    """One question and those who want its answers."""

    def __init__(self, question: Question, ask: Ask, doubt: Doubt, clock: Clock) -> None:
        self._question = question
        self._ask = ask
        self._doubt = doubt
        self._clock = clock
        self._subscribers: dict[Session, None] = {}
        self._newest = b""
        self._told_at = -math.inf
        self._refused = False
        self._again = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def join(self, session: Session) -> None:
        self._subscribers[session] = None
        if self._clock() - self._told_at < self._question.interval:
            session.post(self._question, self._newest)
        elif self._refused:
            # Not this one was.
            self._again.set()

    def leave(self, session: Session) -> bool:
        """Tell whether that was the last one."""
        self._subscribers.pop(session, None)
        if not self._subscribers:
            self._task.cancel()
        return not self._subscribers

    async def _run(self) -> None:
        interval, due = self._question.interval, self._clock()
        while True:
            try:
                await self._poll()
            except Exception:  # noqa: BLE001 - a defect of ours: the next turn may go well
                _LOG.exception("a feed failed")
            # What was missed is not made up for, and who has asked early waits from now on.
            due = min(due, self._clock())
            due += interval * max(1, math.ceil((self._clock() - due) / interval))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due - self._clock()):
                    await self._again.wait()
            self._again.clear()

    async def _poll(self) -> None:
        told = await self._told()
        self._refused = told is None or told.outcome in _OF_ONE_CALLER
        if told is None:
            return
        if not self._refused:
            self._newest, self._told_at = told.message, self._clock()
        for session in list(self._subscribers):
            session.post(self._question, told.message)
            if told.final:
                session.finish(POLICY_VIOLATION, "the service refuses this question")

    async def _told(self) -> PollResult | None:
        """Ask as a subscriber whom the service answers; None = nobody is left.

        One caller may hold many connections: whoever was refused is not asked for again.
        """
        told: PollResult | None = None
        refused: set[str] = set()
        while len(refused) < _TRIED:
            asking = self._one_but(refused)
            if asking is None:
                break
            told = await self._ask(self._question.target, asking.caller)
            if told.outcome not in _OF_ONE_CALLER:
                break
            refused.add(asking.caller.client)
            if told.outcome == "denied":
                await self._doubt(asking)
            if asking in self._subscribers:
                # The next question is asked by another.
                del self._subscribers[asking]
                self._subscribers[asking] = None
        return told

    def _one_but(self, refused: "Container[str]") -> Session | None:
        return next(
            (
                each
                for each in self._subscribers
                if not each.ended and each.caller.client not in refused
            ),
            None,
        )
