"""Jobs as a stream: at `/ws` and `/`, where the document's clients connect."""

import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import Any

from queryapi.bus.choice import ear_of
from queryapi.errors import InvalidParameter
from queryapi.gateway import jobmessages
from queryapi.gateway.follower import Client
from queryapi.gateway.jobmessages import Other, Ping, Subscribe, Unsubscribe
from queryapi.gateway.session import Session
from queryapi.gateway.stories import Stories
from queryapi.gateway.tail import Tail, Threads
from queryapi.services.wording import instant
from queryapi.settings import Api, Settings
from queryapi.storage.engine import Store
from queryapi.telemetry.streaming import Following

_JOBS_EACH = 100
_EVERY_SECONDS = 1.0


class JobStream:
    """Tells clients of the jobs that they say.

    Args:
        tail: Follows them.
        metrics: Counts.
        now: Unix seconds.
    """

    api = Api.JOBS
    paths = "/ws", "/"

    def __init__(
        self, tail: Tail, metrics: Following, *, now: Callable[[], float] = time.time
    ) -> None:
        self._tail = tail
        self._metrics = metrics
        self._now = now
        self._clients: dict[Session, Client] = {}

    def chores(self) -> list[Coroutine[Any, Any, None]]:
        """Return what goes on as long as there are clients."""
        return [self._tail.run(), self._tail.listen()]

    async def close(self) -> None:
        """Close what is held open; the chores have ended."""
        await self._tail.close()

    def wanted(self, query: str) -> None:
        """Return nothing: what clients want they say later."""

    def join(self, session: Session, wanted: None) -> None:  # noqa: ARG002 - see Channel
        """Tell a client that it is connected."""
        self._clients[session] = Client(session, self._metrics)
        session.reply(jobmessages.connected(secrets.token_hex(8), instant(self._now())))

    def leave(self, session: Session, wanted: None) -> None:  # noqa: ARG002 - see Channel
        """Forget a client, and what it follows."""
        client = self._clients.pop(session)
        for job_id in list(client.followed):
            self._tail.leave(client, job_id)

    def received(self, session: Session, message: str | bytes) -> None:
        """Do what a client says, and tell it so."""
        try:
            said = jobmessages.said_by(message)
            if isinstance(said, Ping):
                session.reply(jobmessages.pong())
            elif isinstance(said, Other):
                session.reply(jobmessages.subscribed(said.name))
            elif isinstance(said, Unsubscribe):
                self._unsubscribe(self._clients[session], said.name)
            else:
                self._subscribe(self._clients[session], said)
        except InvalidParameter as error:
            session.reply(jobmessages.failure(str(error)))

    def _subscribe(self, client: Client, wish: Subscribe) -> None:
        if wish.job in client.followed:
            self._tail.leave(client, wish.job)
        elif len(client.followed) >= _JOBS_EACH:
            raise InvalidParameter(
                f"Too many subscriptions: a connection has {_JOBS_EACH} at the most; unsubscribe,"
                " or open another one"
            )
        self._tail.join(client, wish)

    def _unsubscribe(self, client: Client, name: str) -> None:
        job_id = name if name in client.followed else name.removeprefix(jobmessages.PREFIX)
        if job_id in client.followed:
            self._tail.leave(client, job_id)
            name = jobmessages.subscription_of(job_id)
        client.session.reply(jobmessages.unsubscribed(name))


def job_stream_of(
    settings: Settings,
    threads: Callable[[int, str], Executor],
    resources: ExitStack,
    *,
    hearing: socket.socket | None,
    metrics: Following,
) -> JobStream:
    """Return what tells of jobs; it begins when it is run.

    Args:
        settings: Checked settings, with a database.
        threads: Makes threads, so many and of that name.
        resources: Ends what it holds open.
        hearing: What was inherited to hear from; None = nothing.
        metrics: Counts.
    """
    # The service writes, and brings the tables up to date.
    store = Store(settings.database_url or "", settings.database_password_file, reads_only=True)
    resources.callback(store.close)
    tail = Tail(
        Stories(store),
        # One each: a client that takes slowly, or was away, holds up nobody.
        Threads(threads(1, "jobs"), threads(1, "pages")),
        ear_of(settings, hearing),
        every=_EVERY_SECONDS,
        metrics=metrics,
    )
    return JobStream(tail, metrics)
