"""What goes on until it is cancelled ends with that, whatever happens at the same moment."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from queryapi.gateway.feeds import Feeds, Question
from queryapi.gateway.service import PollResult
from queryapi.gateway.session import Caller, Session
from queryapi.gateway.stories import Stories
from queryapi.gateway.tail import Tail, Threads
from queryapi.telemetry.metrics import StreamMetrics
from tests.queryapi.gateway.test_session import CALLER, Wire
from tests.support.stored import NEVER_HUNG

TURNS = range(6)
"""Turns of the loop between what somebody waits for and the cancellation: one of them is both."""


async def _ends(task: "asyncio.Task[None]", happen: Callable[[], None], turns: int) -> bool:
    """Let something happen, and cancel *task* so many turns later."""
    await asyncio.sleep(0.05)
    happen()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=NEVER_HUNG)
    return task.cancelled()


@pytest.mark.parametrize("turns", TURNS)
def test_a_feed_ends_with_its_last_client(turns: int) -> None:
    """Also when somebody has just asked for the next answer."""

    async def ask(_target: str, _caller: Caller) -> PollResult:
        return PollResult("answered", b"{}")

    async def doubt(_: Session) -> None:
        """Nobody is doubted."""

    async def run() -> bool:
        metrics = StreamMetrics("0").streaming
        feeds, question = Feeds(ask, doubt, metrics=metrics), Question("/", 300)
        feeds.join(Session(Wire(), CALLER, metrics=metrics, clock=time.monotonic), question)
        [feed] = feeds._feeds.values()
        return await _ends(feed._task, feed._again.set, turns)

    assert asyncio.run(run())


@pytest.mark.parametrize("turns", TURNS)
def test_whoever_looks_at_jobs_ends(turns: int) -> None:
    """Also when something new has just been heard of."""

    async def run() -> bool:
        idle = Threads(ThreadPoolExecutor(1), ThreadPoolExecutor(1))
        metrics = StreamMetrics("0").following
        # Nobody follows any job: nothing is read.
        tail = Tail(Stories(Mock()), idle, None, every=300, metrics=metrics)
        looking = asyncio.get_running_loop().create_task(tail.run())
        return await _ends(looking, tail._news.set, turns)

    assert asyncio.run(run())
