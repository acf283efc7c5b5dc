"""The process that holds every WebSocket, from its settings to its end."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from queryapi import version
from queryapi.access.guard import guard_of
from queryapi.front.addresses import Addresses
from queryapi.front.admission import Admission, Turnstile
from queryapi.front.cors import Cors
from queryapi.gateway import live
from queryapi.gateway.door import Door
from queryapi.gateway.feeds import Feeds
from queryapi.gateway.judge import Judge
from queryapi.gateway.listener import Inside, Listener
from queryapi.gateway.operating import Operating
from queryapi.gateway.places import Places
from queryapi.gateway.service import MOST_BYTES, Service
from queryapi.gateway.sessions import Sessions
from queryapi.limits.choice import limiter_of
from queryapi.outbound.transport import HttpTransport
from queryapi.settings import Settings, split_address
from queryapi.settings.listening import service_url
from queryapi.telemetry.metrics import StreamMetrics

if TYPE_CHECKING:
    from queryapi.gateway.channels import Channel
    from queryapi.gateway.jobstream import JobStream

_LOG = logging.getLogger(__name__)
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# Feeds that are asked at the same time, and callers whom others judge.
_QUESTIONS_AT_ONCE = 8
_JUDGED_AT_ONCE = 4
_BACKLOG = 1024
# The kernel takes twice that; of what a client does not take it would keep 4 MB.
_KERNEL_BYTES = 64 * 1024
_OTHER_FILES = 512
_JUDGED_EVERY = 30.0
_ALIVE_EVERY = 1.0


def run(settings: Settings, alive: Callable[[], None], hearing: socket.socket | None = None) -> int:
    """Serve until a signal ends the process; returns the exit status.

    Args:
        settings: Checked settings.
        alive: Called every second: whoever started this knows by it that it does not hang.
        hearing: Where it is heard which jobs have changed; None = nowhere, or as the settings say.
    """
    _allow_files(settings.stream.connections + _OTHER_FILES)
    try:
        listening = listen(settings.stream_listen or "")
    except OSError as error:
        _LOG.error("stream_listen: cannot listen on %s: %s", settings.stream_listen, error.strerror)
        return 1
    asyncio.run(_until_signalled(settings, listening, alive, hearing))
    return 0


async def _until_signalled(
    settings: Settings,
    listening: socket.socket,
    alive: Callable[[], None],
    hearing: socket.socket | None,
) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, over.set)
    # Comes with a closed terminal.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    telling = loop.create_task(_tell(alive))
    with gateway(settings, hearing=hearing) as made:
        await made.open(listening)
        await over.wait()
        await made.close()
    telling.cancel()


async def _tell(alive: Callable[[], None]) -> None:
    """Say again and again that the loop turns."""
    while True:
        alive()
        await asyncio.sleep(_ALIVE_EVERY)


class Gateway:
    """Everything that one process holds.

    Args:
        listener: Accepts clients.
        sessions: Looks after them.
        jobs: Tells of jobs; None = there are none.
    """

    def __init__(self, listener: Listener, sessions: Sessions, jobs: "JobStream | None") -> None:
        self._listener = listener
        self._sessions = sessions
        self._jobs = jobs
        self._chores: tuple[asyncio.Task[None], ...] = ()

    async def open(self, listening: socket.socket) -> None:
        """Begin to accept clients."""
        loop = asyncio.get_running_loop()
        chores = [self._sessions.watch(), self._sessions.judge_again()]
        if self._jobs is not None:
            chores += self._jobs.chores()
        self._chores = tuple(loop.create_task(chore) for chore in chores)
        await self._listener.open(listening)

    async def close(self) -> None:
        """Close all clients and end."""
        await self._listener.close()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        if self._jobs is not None:
            await self._jobs.close()


@contextmanager
def gateway(
    settings: Settings,
    *,
    hearing: socket.socket | None = None,
    judged_every: float = _JUDGED_EVERY,
) -> Iterator[Gateway]:
    """Make a gateway and close what it holds open.

    Args:
        settings: Checked settings.
        hearing: Where it is heard which jobs have changed; None = nowhere, or as the settings say.
        judged_every: Seconds after which a caller is judged again.
    """
    metrics = StreamMetrics(version.current())
    with ExitStack() as resources:
        # Counted here alone: a store that answers slowly would hold up everybody.
        turnstile = Turnstile(limiter_of(settings, None), settings.limits)
        judge = _judge(settings, metrics, turnstile, resources)
        sessions = Sessions(judge, patience=settings.stream.patience, every=judged_every)
        feeds = Feeds(
            _service(settings, metrics, resources).ask, sessions.doubt, metrics=metrics.streaming
        )
        jobs = _job_stream(settings, hearing, metrics, resources)
        channels: dict[str, Channel] = {live.PATH: live.LiveMetrics(feeds)}
        if jobs is not None:
            channels |= dict.fromkeys(jobs.paths, jobs)
        places = Places(settings.stream.connections, settings.stream.per_client)
        door = Door(
            channels,
            judge=judge,
            turnstile=turnstile,
            places=places,
            cors=Cors(settings.cors_origins),
            addresses=Addresses(settings.limits.trusted_proxies),
        )
        closed = settings.auth.metrics == "token"
        operating = Operating(metrics.exposition, judge, closed=closed)
        inside = Inside(door, operating, sessions, places, metrics.streaming)
        yield Gateway(Listener(inside, settings.stream), sessions, jobs)


def listen(address: str) -> socket.socket:
    """Return a socket that listens on `host:port`; raises OSError."""
    host, port = split_address(address, "stream_listen")
    family, *_, target = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.create_server(target[:2], family=family, backlog=_BACKLOG)
    # Whoever is accepted has the same.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
    return listening


def _judge(
    settings: Settings, metrics: StreamMetrics, turnstile: Turnstile, resources: ExitStack
) -> Judge:
    # What it says of addresses is about ours.
    ours = msgspec.structs.replace(settings, listen=(settings.stream_listen or "",))
    guard = guard_of(ours, metrics.judging)
    resources.callback(guard.close)
    executor = _threads(_JUDGED_AT_ONCE, "judge", resources)
    return Judge(guard, Admission(guard, turnstile), executor)


def _service(settings: Settings, metrics: StreamMetrics, resources: ExitStack) -> Service:
    transport = HttpTransport(
        connect=settings.timeouts.connect, connections=_QUESTIONS_AT_ONCE, max_bytes=MOST_BYTES
    )
    resources.callback(transport.close)
    return Service(
        service_url(settings),
        transport,
        _threads(_QUESTIONS_AT_ONCE, "question", resources),
        patience=settings.timeouts.request + settings.timeouts.connect,
        metrics=metrics.streaming,
    )


def _job_stream(
    settings: Settings,
    hearing: socket.socket | None,
    metrics: StreamMetrics,
    resources: ExitStack,
) -> "JobStream | None":
    if settings.database_url is None:
        return None
    # SQL takes 20 MB: only where there is some.
    from queryapi.gateway.jobstream import job_stream_of  # noqa: PLC0415

    return job_stream_of(
        settings,
        partial(_threads, resources=resources),
        resources,
        hearing=hearing,
        metrics=metrics.following,
    )


def _threads(count: int, name: str, resources: ExitStack) -> ThreadPoolExecutor:
    threads = ThreadPoolExecutor(count, thread_name_prefix=name)
    resources.callback(threads.shutdown, wait=False, cancel_futures=True)
    return threads


def _allow_files(wanted: int) -> None:
    """Let this process open a file for every client, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        _LOG.warning("only %d files may be open: stream.connections needs %d", most, wanted)
