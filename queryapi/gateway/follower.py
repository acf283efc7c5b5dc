"""Clients that follow jobs: whose story, and how far each has been told it."""

from typing import TYPE_CHECKING

from queryapi.gateway import jobmessages
from queryapi.gateway.session import Session
from queryapi.services.jobs.frames import Frame, epoch_of
from queryapi.services.jobs.model import Caller
from queryapi.services.jobs.visible import visible
from queryapi.storage.jobrecords import Job
from queryapi.telemetry.streaming import Following

if TYPE_CHECKING:
    from collections.abc import Callable


class Client:
    """One session, and what it follows.

    Args:
        session: Where it is sent what it is told.
        metrics: Counts frames.
    """

    def __init__(self, session: Session, metrics: Following) -> None:
        principal = session.caller.principal
        self.session = session
        self.metrics = metrics
        self.caller = Caller(principal.name, principal.scope)
        self.followed: dict[str, Follower] = {}
        """By the job's id."""
        self.behind: dict[Follower, None] = {}
        """Those that have not been told all there is."""
        self.warned = False
        """Whether it knows that the database is away."""
        session.on_room = self._go_on

    def warn(self, message: bytes) -> None:
        """Tell it once that the database is away."""
        if not self.warned:
            self.warned = True
            self.session.queue(message)

    def _go_on(self) -> None:
        # Whoever was first now is last the next time: one long story holds up no other.
        for follower in list(self.behind):
            if not self.session.has_room:
                return
            self.behind.pop(follower, None)
            follower.tell(follower)


class Follower:
    """One client's following of one job.

    Args:
        client: Whose.
        wish: What the client has said.
        tell: Tells it as much as it takes.
    """

    __slots__ = ("client", "position", "reading", "tell", "wish")

    def __init__(
        self, client: Client, wish: jobmessages.Subscribe, tell: "Callable[[Follower], None]"
    ) -> None:
        self.client = client
        self.wish = wish
        self.tell = tell
        self.position: int | None = None
        """The last frame that it was told; None = as far as it knows there is no such job."""
        self.reading: object | None = None
        """The reading that is under way for it; None = none is."""

    @property
    def takes(self) -> bool:
        """Whether it can be told one frame more."""
        return self.client.session.has_room and not self.client.session.ended

    def sees(self, job: Job | None) -> bool:
        """Tell whether there is such a job for this client."""
        return job is not None and visible(job, self.client.caller)

    def give(self, frame: Frame) -> None:
        """Tell it the next frame."""
        self.position = frame.seq
        self.show(frame)

    def show(self, frame: Frame) -> None:
        """Tell it a frame that is not the next of the story."""
        self.client.metrics.frame(frame.type)
        self.client.session.queue(frame.message)

    def acknowledge(self, job: Job | None, seq: int, *, recovered: bool) -> None:
        """Tell it that it follows the job; None = there is none."""
        told = jobmessages.subscribed(
            jobmessages.subscription_of(self.wish.job),
            epoch=None if job is None else epoch_of(job),
            seq=seq,
            recovered=recovered,
        )
        self.client.session.reply(told)

    def place(self, position: int | None) -> None:
        """Go on from there; what is being read for it is from elsewhere."""
        self.position = position
        self.reading = None
