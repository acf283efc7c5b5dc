"""A day of a production cluster in seconds: all that was told was true, and nothing has grown."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from demo.processes import LOOPBACK, ProcessError, answers, free_port, wait_for
from tests.support import told
from tests.support.job_follower import Follower
from tests.support.job_truth import check_story
from tests.support.job_workers import Background, Ledger, Manner, job_ids, report
from tests.support.replayed import Replay
from tests.support.sized import Size, sizes
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.traced import SCRAPE_SECONDS, trace_folder
from tests.support.whole import WHOLE, some

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.trace]

BEGIN, DAY = 12_787_200, 86_400
"""The second at which the trace's busiest day begins, and its length."""
MORNING, REST = (60, 540) if WHOLE else (4, 8)
"""Seconds that the first quarter of the day takes, after which sizes are taken, and the others."""
SHARE = some(16, 1)
"""One machine of so many is there."""
WORKERS, EVERY = some(8, 16), 0.5
AT_ONCE = some(8, 10)
"""WebSockets that come together, and leave together."""
PAUSE = 0.1 if WHOLE else 0.4
"""Seconds between two rounds of what each client does."""
LAG = 10.0 * SCRAPE_SECONDS + 10.0
"""What happened so long ago is told of: many times as long as it takes."""
STALE = 120.0
"""Seconds: where the machine stalls answers are old, and say so; none is refused for it."""
CROWD = 40
"""Requests at once before sizes are taken: threads that begin when they are needed are there."""
GROWN_BY, MORE_MEMORY, MORE_THREADS, MORE_FILES = 1.25, 15.0, 8, 40
"""Of a process between morning and night: times, MB, and how many.

SQLite keeps a file open for each of the 32 connections that there may be at once, when there was
one: closing it would give up the locks of all others.
"""
_LIVE = "/api/v1/real-time-metrics"
READS = (
    *("/api/v1/clusters", _LIVE, "/api/v1/workers", "/api/v1/operations", "/api/v1/system/health"),
    *("/api/pools", "/api/pools/activity", "/api/jobs", "/api/jobs/own-0/monitor"),
    *("/api/jobs/own-1/logs", "/api/jobs/own-2/metrics", "/metrics"),
)


@dataclass
class Day:
    """What was seen of it.

    Attributes:
        wrong: Answers that nobody should get.
        compared: How many of each kind were compared with the truth.
        fresh: How many of those did not say that they are old.
        reads: How many there were of others.
        opened: WebSockets that came and went.
        morning: What each process took after the first quarter.
        night: What each takes after all of it.
        left: WebSockets and subscriptions that the gateway counts when all have left.
    """

    ledger: Ledger = field(default_factory=Ledger)
    frames: dict[str, list[str]] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    fresh: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    opened: int = 0
    morning: Mapping[str, Size] = field(default_factory=dict)
    night: Mapping[str, Size] = field(default_factory=dict)
    left: tuple[float, float] = (-1, -1)


@pytest.fixture(name="day", scope="module")
def _day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder, trace = tmp_path_factory.mktemp("day"), trace_folder(tmp_path_factory, SHARE)
    stream = f"{LOOPBACK}:{free_port()}"
    settings = {
        "stream_listen": stream,
        "database_url": f"sqlite:///{folder / 'day.db'}",
        "stream": {"per_client": 10 * AT_ONCE},
        "cache": {"ttl": SCRAPE_SECONDS, "stale": STALE},
        "monitoring": {"ttl": SCRAPE_SECONDS},
    }
    arguments = (f"--trace={trace}", f"--at={BEGIN}")
    with running_stack(
        folder, "timeline", *arguments, seconds=SCRAPE_SECONDS, settings=settings
    ) as running:
        wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=READY_SECONDS, what="it")
        yield _Passing(running, Replay(trace, running.fleet_url, BEGIN), stream).passed()


def grown(morning: Mapping[str, Size], night: Mapping[str, Size]) -> list[str]:
    """Return the processes that have more of anything than they may."""
    return [
        f"{name}: {morning[name]}, then {size}"
        for name, size in night.items()
        if size.memory > GROWN_BY * morning[name].memory + MORE_MEMORY
        or size.threads > morning[name].threads + MORE_THREADS
        or size.files > morning[name].files + MORE_FILES
    ]


class _Passing:
    """The day as it passes."""

    def __init__(self, running: RunningStack, replay: Replay, stream: str) -> None:
        self._running, self._replay, self._stream = running, replay, stream
        self.day = Day()

    def passed(self) -> Day:
        """Have it pass."""
        self._settle()
        jobs = job_ids(WORKERS)
        follower = Follower(f"ws://{self._stream}/ws", jobs)
        following = Background(follower.follow())
        # They go on until the night: what they have open is the same each time.
        most = int(WORKERS * (MORNING + REST) / EVERY)
        url, ledger = self._running.api_url, self.day.ledger
        reporting = Background(report(url, ledger, WORKERS, Manner(most, EVERY)))
        self._pass(MORNING, DAY / 4)
        self._crowd()
        self.day.morning = self._sizes()
        self._pass(REST, DAY * 3 / 4)
        reporting.join(READY_SECONDS)
        self.day.heads = {
            id_: requests.get(f"{url}/api/jobs/{id_}/monitor", timeout=60).json()["seq"]
            for id_ in jobs
        }
        follower.until(self.day.heads)
        following.join(READY_SECONDS)
        self.day.wrong += follower.wrong
        self.day.frames = follower.frames
        self._settle()
        wait_for(lambda: self._left() == (0, 0), seconds=READY_SECONDS, what="the end of all")
        self.day.left = self._left()
        self._crowd()
        self.day.night = self._sizes()
        # Connections of those who left are closed when a busy machine comes to it.
        with suppress(ProcessError):
            wait_for(self._is_as_small, seconds=READY_SECONDS, what="what was in the morning")
        return self.day

    def _is_as_small(self) -> bool:
        self.day.night = self._sizes()
        return not grown(self.day.morning, self.day.night)

    def _pass(self, seconds: float, of_the_day: float) -> None:
        over = threading.Event()
        clients = [
            threading.Thread(target=self._again, args=(over, do))
            for do in (self._compare, self._read, self._come_and_go)
        ]
        for client in clients:
            client.start()
        try:
            with self._replay.moving(of_the_day / seconds, every=0.5):
                time.sleep(seconds)
        finally:
            over.set()
            for client in clients:
                client.join()
        self._settle()

    def _again(self, over: threading.Event, do: Callable[[], None]) -> None:
        while not over.wait(PAUSE):
            try:
                do()
            except Exception as error:  # noqa: BLE001 - told to whoever looks
                self.day.wrong[f"{type(error).__name__}: {error}"] += 1

    def _compare(self) -> None:
        for answer in told.answers(self._running):
            self.day.compared[answer.what] += 1
            self.day.fresh[answer.what] += not answer.stale
            # One that is late, and says so, tells of an earlier moment: that is to be true too.
            if not told.true(answer, self._replay, LAG):
                self.day.wrong[str(answer)] += 1

    def _read(self) -> None:
        for path in READS:
            answer = requests.get(self._running.api_url + path, timeout=60)
            # The first report of a job may be yet to come.
            if answer.status_code != requests.codes.ok and "/jobs/own" not in path:
                self.day.wrong[f"{path}: {answer.status_code} {answer.text}"] += 1
            self.day.reads += 1

    def _crowd(self) -> None:
        with ThreadPoolExecutor(CROWD) as clients:
            urls = [self._running.api_url + path for path in READS] * (2 * CROWD // len(READS))
            list(clients.map(partial(requests.get, timeout=60), urls))

    def _come_and_go(self) -> None:
        """Half of them follow jobs, half real-time metrics; one in two leaves without a word."""
        with ExitStack() as leaving:
            clients = [self._connected(leaving, number) for number in range(AT_ONCE)]
            for number, client in enumerate(clients):
                assert client.recv(timeout=READY_SECONDS)
                if number % 4 < 2:
                    client.socket.shutdown(socket.SHUT_RDWR)
                self.day.opened += 1

    def _connected(self, leaving: ExitStack, number: int) -> ClientConnection:
        path = "/ws" if number % 2 else f"{_LIVE}/ws"
        url = f"ws://{self._stream}{path}"
        client = leaving.enter_context(
            connect(url, compression=None, proxy=None, open_timeout=READY_SECONDS)
        )
        if number % 2:
            wish = {"type": "subscribe:job", "subscriptionId": f"own-{number}"}
            client.send(json.dumps(wish))
        return client

    def _settle(self) -> None:
        wait_for(
            lambda: told.settled(self._running, self._replay),
            seconds=READY_SECONDS,
            what=f"the truth at second {self._replay.second}",
            every=0.5,
        )

    def _left(self) -> tuple[float, float]:
        page = requests.get(f"http://{self._stream}/metrics", timeout=60).text
        rows = dict(row.rsplit(" ", 1) for row in page.splitlines() if row[:1] != "#")
        return (
            float(rows["gpuscope_stream_clients"]),
            float(rows["gpuscope_stream_subscriptions"]),
        )

    def _sizes(self) -> dict[str, Size]:
        return sizes({"exporter": self._running.exporter, "api": self._running.api})


def test_what_was_told_was_true(day: Day) -> None:
    """All day long each answer is the truth of its moment, and in the end that of the day's end.

    Where the machine is too busy for the newest, an answer says that it is old; not all do.
    """
    assert not day.wrong
    assert {"status", "tasks", "scheduler"} == {what for what, count in day.fresh.items() if count}
    assert min(*day.compared.values(), day.reads, day.opened) > 0


def test_what_was_reported_is_stored(day: Day) -> None:
    """Each acknowledged report is stored once, and told in order and once."""
    assert not day.ledger.wrong
    for id_, of in day.ledger.jobs.items():
        frames = [json.loads(frame) for frame in day.frames[id_]]
        assert list(range(1, day.heads[id_] + 1)) == [frame["seq"] for frame in frames]
        check_story(of, frames)


def test_who_left_is_gone(day: Day) -> None:
    """No WebSocket and no subscription outlives its client, whether it said so or not."""
    assert (0, 0) == day.left


def test_nothing_grows(day: Day) -> None:
    """No process has more memory, threads or open files in the night than it had in the morning."""
    assert day.morning.keys() == day.night.keys()
    assert [] == grown(day.morning, day.night)
