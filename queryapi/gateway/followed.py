"""A job that clients follow: what of its story is known here, and who was told how much of it."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import msgspec

from queryapi.gateway.follower import Follower
from queryapi.gateway.ring import Ring
from queryapi.gateway.stories import Known, News
from queryapi.services.jobs.frames import Frame, epoch_of, state

if TYPE_CHECKING:
    from queryapi.storage.jobrecords import Event, Job

Fetch = Callable[[Follower], None]
"""Has what a follower lacks read from the store."""

Look = Callable[[str], None]
"""Has a job looked at soon, for those who are joining."""


class Followed:
    """One job; everything here runs in the event loop and asks nobody.

    Args:
        job_id: Which.
        fetch: See there.
        look: See there.
    """

    def __init__(self, job_id: str, fetch: Fetch, look: Look) -> None:
        self.id = job_id
        self.job: Job | None = None
        self.head = 0
        """The last frame that is known here."""
        self.joining: dict[Follower, None] = {}
        """Those who wait to be told that they follow it."""
        self.followers: dict[Follower, None] = {}
        self._fetch, self._look = fetch, look
        self._ring = Ring()
        self._newest: Event | None = None
        self._ended: Event | None = None

    @property
    def known(self) -> Known | None:
        """How far it is known; None = not at all."""
        return None if self.job is None else Known(self.job.number, self.head)

    @property
    def is_current(self) -> bool:
        """Whether all that there was at the last look is known."""
        return self.job is None or self.job.seq == self.head

    @property
    def is_deserted(self) -> bool:
        """Whether nobody follows it."""
        return not self.followers and not self.joining

    def leave(self, follower: Follower) -> None:
        """Tell *follower* nothing more."""
        self.joining.pop(follower, None)
        self.followers.pop(follower, None)
        follower.client.behind.pop(follower, None)
        follower.place(None)

    def take_in(self, news: News | None) -> tuple[Frame, ...]:
        """Note what is new, and tell it; returns the frames that followers waited for."""
        was, self.job = self.job, None if news is None else news.job
        if news is None:
            self._begin_anew(None)
            return ()
        if was is None or was.number != news.job.number or news.head < self.head:
            self._begin_anew(news)
            self._appeared(anew=was is not None)
            return ()
        for frame in news.frames:
            self._ring.append(frame)
        self.head = news.head
        self._newest, self._ended = news.newest or self._newest, news.ended or self._ended
        if _whose(news.job) != _whose(was):
            self._judge_again()
        told = [follower for follower in self.followers if follower.position is not None]
        # Each frame to all before the next: it is made ready to be sent once.
        for frame in news.frames:
            for follower in told:
                if follower.position == frame.seq - 1 and follower.takes:
                    follower.give(frame)
        for follower in told:
            self.tell(follower)
        return news.frames if told else ()

    def admit(self, follower: Follower, whole: Collection[tuple[str, int]]) -> None:
        """Let *follower* follow from now on, if it takes anything now, or else when it does.

        Args:
            follower: Of those who are joining.
            whole: Ids and frames after which nothing is missing.
        """
        if not follower.takes:
            # How a job is now may be long, and whoever joins many at once takes one after another.
            follower.client.behind[follower] = None
            return
        del self.joining[follower]
        self.followers[follower] = None
        wish, job = follower.wish, self.job
        if job is None or not follower.sees(job):
            follower.acknowledge(None, 0, recovered=False)
            return
        since = wish.since
        recovered = (
            since is not None
            and wish.epoch in (None, epoch_of(job))
            and since <= self.head
            and (wish.job, since) in whole
        )
        if since is not None:
            follower.client.metrics.replay(recovered=recovered)
        self._begin(follower, since if recovered else None)

    def tell(self, follower: Follower) -> None:
        """Tell *follower* as much as it takes of what it lacks."""
        behind = follower.client.behind
        if follower in self.joining:
            behind.pop(follower, None)
            self._look(self.id)
            return
        while follower.position is not None and follower.position < self.head:
            if not follower.takes:
                behind[follower] = None
                return
            frame = self._ring.get(follower.position + 1)
            if frame is None:
                behind[follower] = None
                if follower.reading is None:
                    self._fetch(follower)
                return
            follower.give(frame)
        behind.pop(follower, None)

    def _begin(self, follower: Follower, position: int | None) -> None:
        """Have *follower* go on from a frame; None = from how it is now."""
        assert self.job is not None  # noqa: S101 - nobody follows what is not there
        follower.place(self.head if position is None else position)
        follower.acknowledge(self.job, self.head, recovered=position is not None)
        if position is None:
            now = msgspec.structs.replace(self.job, seq=self.head)
            for frame in state(now, self._newest, self._ended):
                follower.show(frame)
        self.tell(follower)

    def _begin_anew(self, news: News | None) -> None:
        """Know nothing but *news*."""
        self._ring.clear()
        for frame in () if news is None else news.frames:
            self._ring.append(frame)
        self.head = 0 if news is None else news.head
        self._newest = None if news is None else news.newest
        self._ended = None if news is None else news.ended
        for follower in self.followers:
            follower.place(None)
            follower.client.behind.pop(follower, None)

    def _appeared(self, *, anew: bool) -> None:
        """Tell those who waited for a job of this id; all of it, unless they have seen another."""
        for follower in self.followers:
            if follower.sees(self.job):
                self._begin(follower, None if anew else 0)

    def _judge_again(self) -> None:
        """See who may know of it: that depends on where it is, which may become known later."""
        for follower in self.followers:
            sees, knows = follower.sees(self.job), follower.position is not None
            if sees and not knows:
                self._begin(follower, None)
            elif knows and not sees:
                follower.place(None)
                follower.client.behind.pop(follower, None)


def _whose(job: "Job") -> tuple[str, str | None, str]:
    """Return what of a job tells who may know of it."""
    return job.cluster, job.namespace, job.owner
