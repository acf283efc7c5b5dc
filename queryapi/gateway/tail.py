"""Follows the stories of jobs in the store, and tells them on."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from queryapi.bus.bus import Changes, Ear
from queryapi.errors import StoreUnavailable
from queryapi.gateway import jobmessages
from queryapi.gateway.followed import Followed
from queryapi.gateway.follower import Client, Follower
from queryapi.gateway.stories import Look, Stories
from queryapi.services.jobs.frames import Frame
from queryapi.telemetry.streaming import Following

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
# Of one look: those that come after it wait less.
_JOBS = 200
_AWAY = jobmessages.failure(
    "the database does not answer: what happens meanwhile is told when it does"
)


@dataclass(frozen=True, slots=True)
class Threads:
    """Where the store is read.

    Args:
        looking: For what is new.
        paging: For those who were away, or take slowly: they hold up nobody.
    """

    looking: Executor
    paging: Executor


class Tail:
    """All jobs that anybody follows.

    Args:
        stories: Read in threads.
        threads: Those.
        ear: Where it is heard that there is something new; None = nowhere.
        every: Seconds after which each job is looked at, whatever was heard.
        metrics: Counts.
        now: Unix seconds.
    """

    def __init__(
        self,
        stories: Stories,
        threads: Threads,
        ear: Ear | None,
        *,
        every: float,
        metrics: Following,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stories = stories
        self._threads = threads
        self._ear = ear
        self._every = every
        self._metrics = metrics
        self._now = now
        self._followed: dict[str, Followed] = {}
        self._dirty: dict[str, None] = {}
        self._news = asyncio.Event()
        self._away = False
        self._pages: set[asyncio.Task[None]] = set()

    def join(self, client: Client, wish: jobmessages.Subscribe) -> None:
        """Have *client* follow a job; it is told so when that was looked at."""
        followed = self._followed.get(wish.job)
        if followed is None:
            followed = self._followed[wish.job] = Followed(wish.job, self._fetch, self._mark)
        follower = Follower(client, wish, followed.tell)
        client.followed[wish.job] = follower
        followed.joining[follower] = None
        self._mark(wish.job)
        if self._away:
            client.warn(_AWAY)

    def leave(self, client: Client, job_id: str) -> None:
        """Have *client* follow a job no more; what nobody follows is forgotten."""
        follower = client.followed.pop(job_id)
        followed = self._followed[job_id]
        followed.leave(follower)
        if followed.is_deserted:
            del self._followed[job_id]
            self._dirty.pop(job_id, None)

    async def listen(self) -> None:
        """Hear of what is new; runs until it is cancelled."""
        if self._ear is None:
            return
        async for changes in self._ear.heard():
            self._heard(changes)

    async def run(self) -> None:
        """Look, and tell; runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._news.wait()
            self._news.clear()
            if loop.time() >= due:
                due = loop.time() + self._every
                self._dirty |= dict.fromkeys(self._followed)
                self._go_on()
            try:
                await self._look()
            except StoreUnavailable:
                self._lost()
            except Exception:  # noqa: BLE001 - a defect of ours: the next look may go well
                _LOG.exception("a look at jobs failed")

    async def close(self) -> None:
        """Close where it is heard."""
        if self._ear is not None:
            await self._ear.close()

    def _mark(self, job_id: str) -> None:
        self._dirty[job_id] = None
        self._news.set()

    def _heard(self, changes: Changes) -> None:
        for job_id, seq in changes.items():
            followed = self._followed.get(job_id)
            if followed is not None and (followed.job is None or followed.head < seq):
                self._mark(job_id)

    async def _look(self) -> None:
        ids = list(self._dirty)[:_JOBS]
        for each in ids:
            del self._dirty[each]
        try:
            await self._look_at(ids)
        except BaseException:
            self._dirty |= {each: None for each in ids if each in self._followed}
            raise
        if self._dirty:
            self._news.set()

    async def _look_at(self, ids: Sequence[str]) -> None:
        looked_at = {each: self._followed[each] for each in ids if each in self._followed}
        if not looked_at:
            return
        joining = {each: tuple(followed.joining) for each, followed in looked_at.items()}
        back = {
            (each, follower.wish.since)
            for each, held in joining.items()
            for follower in held
            if follower.wish.since is not None
        }
        wanted = {each: followed.known for each, followed in looked_at.items()}
        try:
            look = await self._in_thread(
                self._threads.looking, partial(self._stories.look, wanted, back)
            )
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - a defect of ours, or of what is stored
            if len(ids) == 1:
                _LOG.exception("a job cannot be told of")
            # One of them that is not as it should be must not hold up the others.
            for each in ids if len(ids) > 1 else ():
                await self._look_at((each,))
            return
        self._back()
        for each, followed in looked_at.items():
            if self._followed.get(each) is followed:
                self._tell(followed, look, joining[each])

    def _tell(self, followed: Followed, look: Look, joining: tuple[Follower, ...]) -> None:
        if followed.id in look.news:
            self._delivered(followed.take_in(look.news[followed.id]))
        if not followed.is_current:
            # Whoever joins is told how it is now, not how it was on the way.
            self._mark(followed.id)
            return
        for follower in joining:
            if follower in followed.joining:
                followed.admit(follower, look.whole)

    def _delivered(self, frames: tuple[Frame, ...]) -> None:
        now = self._now()
        for frame in frames:
            # Log lines are of their worker's clock.
            if frame.type != "JOB_LOGS":
                self._metrics.delivered(now - frame.at)

    def _lost(self) -> None:
        if not self._away:
            self._away = True
            self._metrics.outage()
            _LOG.warning("jobs cannot be followed: those who do are told so")
        for client in self._clients():
            client.warn(_AWAY)

    def _back(self) -> None:
        if not self._away:
            return
        self._away = False
        _LOG.info("jobs can be followed again")
        for client in self._clients():
            client.warned = False

    def _clients(self) -> set[Client]:
        return {
            follower.client
            for followed in self._followed.values()
            for held in (followed.followers, followed.joining)
            for follower in held
        }

    def _fetch(self, follower: Follower) -> None:
        """Read what *follower* lacks, unless that is under way."""
        follower.reading = token = object()
        task = asyncio.get_running_loop().create_task(self._page(follower, token))
        self._pages.add(task)
        task.add_done_callback(self._pages.discard)

    async def _page(self, follower: Follower, token: object) -> None:
        followed = self._followed.get(follower.wish.job)
        position = follower.position
        if followed is None or followed.job is None or position is None:
            return
        job, frames = followed.job, None
        try:
            frames = await self._in_thread(
                self._threads.paging, partial(self._stories.page, job, position)
            )
        except StoreUnavailable:
            # Whoever looks tells of it, and tries this again.
            pass
        except Exception:  # noqa: BLE001 - a defect of ours: the next time may go well
            _LOG.exception("a job's story could not be read")
        if follower.reading is not token:
            return
        follower.reading = None
        if frames is None:
            return
        for frame in frames:
            if not follower.takes:
                break
            follower.give(frame)
        if not frames:
            # All that it lacks was forgotten meanwhile, for its age.
            follower.position = job.seq
        followed.tell(follower)

    async def _in_thread(self, executor: Executor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def _go_on(self) -> None:
        """Try again for those whose reading went wrong; count all."""
        count, behind = 0, 0
        for followed in self._followed.values():
            for follower in followed.followers:
                count += 1
                if follower in follower.client.behind:
                    behind += 1
                    followed.tell(follower)
        self._metrics.subscriptions(count)
        self._metrics.behind(behind)
