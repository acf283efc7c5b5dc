"""Every process of the service, and of what it stores in, is ended in turn while all are busy."""

import json
import operator
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support.api_process import Api, api
from tests.support.job_follower import Follower
from tests.support.job_workers import Background, Ledger, Manner, job_ids, report
from tests.support.pool_writers import Ledger as Pools
from tests.support.pool_writers import Writer
from tests.support.postgresql import PostgresqlServer, postgresql_server
from tests.support.processes import Family, lives
from tests.support.readers import Readers
from tests.support.redis import RedisServer, redis_server
from tests.support.waiting_prometheus import answering
from tests.support.whole import WHOLE

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

SECONDS = 120.0
REPORTERS = 2
FOREVER = 10**9
READ = (
    "/api/v1/realtime/status?cluster=prod-cluster",
    "/api/v1/workers",
    "/api/v1/real-time-metrics",
    "/api/pools/activity",
    "/api/jobs/own-0/monitor",
)
"""One of each API."""
_COUNTED = "gpuscope_api_request_duration_seconds_count"
_NEW = 2 * len(READ), 2 * REPORTERS, 2, 2 * REPORTERS
"""Answers, reports, writes and frames."""
_REST = 0.2
"""Seconds: enough of each is under way at any time, and most of a core is left to the service."""
_IN_FLIGHT = "gpuscope_api_requests_in_flight"


@dataclass
class Busy:
    """A service of two workers and a gateway that everybody uses."""

    service: Api
    family: Family
    redis: RedisServer
    postgresql: PostgresqlServer
    stream: str
    readers: Readers
    jobs: Ledger
    pools: Pools
    follower: Follower

    def all_go_on(self) -> None:
        """Wait until each of them has got something new."""
        wanted = [had + new for had, new in zip(self.told(), _NEW, strict=True)]
        wait_for(
            lambda: bool(self.wrong) or all(map(operator.ge, self.told(), wanted)),
            seconds=SECONDS,
            what=f"something new for everybody: {self.told()}",
        )
        assert not self.wrong

    def told(self) -> tuple[int, ...]:
        """Return how much each of them has got."""
        return self.readers.good, self.jobs.acknowledged, self.pools.acknowledged, self.frames

    @property
    def frames(self) -> int:
        """How many frames the follower was told."""
        return sum(map(len, list(self.follower.frames.values())))

    @property
    def wrong(self) -> list[object]:
        """What nobody should have been told."""
        return [*self.jobs.wrong, *self.pools.wrong, *self.follower.wrong]

    def is_whole(self) -> bool:
        """Tell whether every process is there, once."""
        family = self.family
        there = len(family.workers) == 2 and family.gateway and family.arbiter
        return bool(there) and len(family.all()) == 5

    def refusals(self) -> set[tuple[str, int]]:
        """Return what readers were answered that nobody should be."""
        # A database that a busy machine gives no time is one that does not answer.
        allowed = {(path, 503) for path in READ if path.startswith(("/api/pools", "/api/jobs"))}
        return {each for each in self.readers.statuses() - allowed if each[1] != 200}

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples, as any worker tells it."""
        page = requests.get(f"{self.service.urls[0]}/metrics", timeout=30).text
        samples = [line for line in page.splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in samples)


@pytest.fixture(name="busy", scope="module")
def _busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    folder = tmp_path_factory.mktemp("busy")
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("TMPDIR", str(folder))
        _, url = stack.enter_context(answering())
        redis = stack.enter_context(redis_server(folder))
        postgresql = stack.enter_context(postgresql_server())
        stream = f"{LOOPBACK}:{free_port()}"
        given = {
            "workers": 2,
            "redis_url": redis.url,
            "database_url": postgresql.fresh(),
            "stream_listen": stream,
            "limits": {"per_minute": 0},
            "cache": {"ttl": 1, "stale": 600},
        }
        service = stack.enter_context(api(folder, url, given))
        wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=SECONDS, what="a gateway")
        jobs, pools = Ledger(), Pools()
        follower = Follower(f"ws://{stream}/ws", job_ids(REPORTERS))
        reporting = Background(report(service.urls[0], jobs, REPORTERS, Manner(rest=_REST)))
        following = Background(follower.follow())
        writer = Writer(service.urls[0], pools, 7, FOREVER, rest=_REST)
        writer.start()
        # Before the service ends: it would try for ever.
        stack.callback(_over, jobs, pools, follower, (writer, reporting, following))
        wait_for(lambda: jobs.acknowledged > 20, seconds=SECONDS, what="reports")
        readers = stack.enter_context(
            Readers(service.urls[0], READ, keeping=2, leaving=1, rest=_REST)
        )
        family = Family(service.process.pid)
        yield Busy(service, family, redis, postgresql, stream, readers, jobs, pools, follower)
    assert [] == list(folder.glob("gpuscope-api-*"))


def _over(
    jobs: Ledger, pools: Pools, follower: Follower, clients: Iterable[Writer | Background]
) -> None:
    """Have all clients stop: nobody may look for the service while other tests run."""
    jobs.wrong["over"] += 1
    pools.wrong.append("over")
    follower.give_up()
    for client in clients:
        client.join(SECONDS)


def _killed(busy: Busy, pid: int, number: int) -> None:
    """Signal a process, and wait until it is gone and all are there again."""
    os.kill(pid, number)
    wait_for(lambda: not lives(pid), seconds=SECONDS, what="its end")
    wait_for(busy.is_whole, seconds=SECONDS, what="the next one", every=0.25)


def _quiet(busy: Busy) -> None:
    """Everybody gets what they want, before anybody is touched."""
    wait_for(busy.is_whole, seconds=SECONDS, what="all processes", every=0.25)
    busy.all_go_on()
    busy.readers.cut.clear()
    busy.readers.statuses()
    busy.readers.refused = 0


def test_a_worker_that_is_told_to_end_cuts_nobody(busy: Busy) -> None:
    """SIGTERM: what it has begun it answers, another takes its place, no client sees anything."""
    _quiet(busy)
    unanswered = busy.jobs.unanswered + busy.pools.unanswered
    _killed(busy, min(busy.family.workers), signal.SIGTERM)
    busy.all_go_on()

    assert [] == busy.readers.cut
    assert not busy.refusals()
    assert 0 == busy.readers.refused
    assert unanswered == busy.jobs.unanswered + busy.pools.unanswered


def test_a_worker_that_is_killed_cuts_its_own_requests_only(busy: Busy) -> None:
    """SIGKILL: at most one request of each client is cut; counts go on, nothing stays in flight."""
    _quiet(busy)
    counted = busy.metric(_COUNTED)
    _killed(busy, min(busy.family.workers), signal.SIGKILL)
    busy.all_go_on()

    assert 3 >= len(busy.readers.cut)
    assert not busy.refusals()
    assert 0 == busy.readers.refused
    assert counted <= busy.metric(_COUNTED)
    # Of this moment: readers, reporters, the writer and who asks.
    assert busy.metric(_IN_FLIGHT) <= 3 + REPORTERS + 1 + 1 + 2


def test_a_worker_that_hangs_keeps_nobody_else(busy: Busy) -> None:
    """SIGSTOP: who connects anew is answered by the other; SIGCONT: it answers what it has."""
    _quiet(busy)
    worker = min(busy.family.workers)
    os.kill(worker, signal.SIGSTOP)
    try:
        told = {
            requests.get(f"{busy.service.urls[0]}/healthz", timeout=30).status_code
            for _ in range(20)
        }
    finally:
        os.kill(worker, signal.SIGCONT)
    busy.all_go_on()

    assert {200} == told
    assert [] == busy.readers.cut
    assert not busy.refusals()
    assert worker in busy.family.workers


def test_a_closed_terminal_ends_nobody(busy: Busy) -> None:
    """SIGHUP goes to all processes at once: all of them stay, and nobody is cut."""
    _quiet(busy)
    before = busy.family.all()
    for pid in before:
        os.kill(pid, signal.SIGHUP)
    busy.all_go_on()

    assert before == busy.family.all()
    assert [] == busy.readers.cut
    assert not busy.refusals()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL, *([signal.SIGINT] if WHOLE else [])]
)
def test_a_gateway_that_ends_is_followed_by_another(busy: Busy, number: int) -> None:
    """Followers connect anew and are told every frame once; HTTP is not touched."""
    _quiet(busy)
    cuts, url = busy.follower.cuts, f"ws://{busy.stream}/api/v1/real-time-metrics/ws"
    with connect(url, proxy=None, legacy=True, open_timeout=SECONDS) as client:
        client.recv(timeout=SECONDS)
        _killed(busy, busy.family.gateway, number)
        with suppress(ConnectionClosed):
            while True:
                client.recv(timeout=SECONDS)
    busy.all_go_on()

    assert (1006 if number == signal.SIGKILL else 1001) == client.protocol.close_code
    assert busy.follower.cuts > cuts
    assert [] == busy.readers.cut
    assert not busy.refusals()


@pytest.mark.parametrize("way", ["killed", "hung"])
def test_redis_ends(busy: Busy, way: str) -> None:
    """Nobody is cut or refused: each process goes on alone, and shares again when it is back."""
    _quiet(busy)
    if way == "killed":
        busy.redis.kill()
    else:
        busy.redis.freeze()
    try:
        busy.all_go_on()
    finally:
        if way == "killed":
            busy.redis.start()
        else:
            busy.redis.thaw()
    wait_for(lambda: busy.metric("gpuscope_api_shared_up") == 1, seconds=SECONDS, what="Redis")
    busy.all_go_on()

    assert [] == busy.readers.cut
    assert not busy.refusals()


@pytest.mark.parametrize("way", ["killed", "hung"])
def test_postgresql_ends(busy: Busy, way: str) -> None:
    """Pools and jobs are 503 and nothing else is, until it is back."""
    _quiet(busy)
    if way == "killed":
        busy.postgresql.kill()
    else:
        busy.postgresql.freeze()
    try:
        wait_for(
            lambda: any(status == 503 for _, status in busy.readers.statuses()),
            seconds=SECONDS,
            what="503",
        )
        status = requests.get(busy.service.urls[0] + READ[0], timeout=30).status_code
    finally:
        if way == "killed":
            busy.postgresql.start()
        else:
            busy.postgresql.thaw()
    wait_for(lambda: busy.metric("gpuscope_api_database_up") == 1, seconds=SECONDS, what="it")
    busy.all_go_on()

    assert 200 == status
    assert [] == busy.readers.cut
    assert busy.is_whole()


def test_what_was_acknowledged_is_told(busy: Busy) -> None:
    """Whoever was ended: every report that was acknowledged is a frame, and a follower has it."""
    _quiet(busy)
    told = {id_: (job.reports, list(job.seqs)) for id_, job in list(busy.jobs.jobs.items())}
    frames = busy.follower.frames
    wait_for(
        lambda: all(len(frames[id_]) >= max(seqs, default=0) for id_, (_, seqs) in told.items()),
        seconds=SECONDS,
        what="all frames",
    )

    assert not busy.wrong
    for id_, (reports, seqs) in told.items():
        kinds = [json.loads(frame)["type"] for frame in list(frames[id_])]
        # A number is of one report only, and of each there is one frame with its progress.
        assert len(seqs) == len(set(seqs))
        assert reports <= kinds.count("JOB_PROGRESS")


# One that is killed leaves none behind, as test_moments_of_the_service.py shows too.
@pytest.mark.parametrize("number", [signal.SIGTERM, *([signal.SIGKILL] if WHOLE else [])])
def test_the_service_ends_and_begins_anew(busy: Busy, number: int) -> None:
    """Its first process is told to end, twice, or killed: all others end, and cut nobody.

    Whoever comes meanwhile is refused, and goes on with the next one.
    """
    _quiet(busy)
    processes, process = busy.family.all(), busy.service.process
    process.signal(number)
    if number == signal.SIGTERM:
        process.signal(number)
    wait_for(lambda: not any(map(lives, processes)), seconds=SECONDS, what="everybody's end")
    status = process._running().wait(SECONDS)
    process.start()
    process.wait_ready(seconds=SECONDS)
    busy.family = Family(process.pid)
    wait_for(busy.is_whole, seconds=SECONDS, what="all processes")
    busy.all_go_on()

    assert (0 if number == signal.SIGTERM else -number) == status
    assert [] == busy.readers.cut
    assert not busy.refusals()
    assert busy.readers.refused
