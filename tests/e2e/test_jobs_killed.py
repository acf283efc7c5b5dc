"""However the service is killed: what was acknowledged of jobs is there, once and in order."""

import json
import logging
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.e2e.job_follower import Follower
from tests.e2e.job_workers import Background, Ledger, Told, job_ids, report
from tests.e2e.pool_service import SECONDS, Service
from tests.support.postgresql import PostgresqlServer, postgresql_server

pytestmark = pytest.mark.e2e

WORKERS = 64
REPORTS_EACH = 200
"""So many are acknowledged between two kills."""
KILLS = int(os.environ.get("GPUSCOPE_TEST_KILLS", "3"))
_STAMP = 0.002
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Jobs:
    """A service that takes reports, and the gateway that tells of them."""

    service: Service
    stream_url: str

    @classmethod
    def of(cls, folder: Path, database: str) -> "Jobs":
        """Make one that has not begun."""
        address = f"{LOOPBACK}:{free_port()}"
        # One unit a second: what a job costs is how long it runs.
        rates = {"default": 3600}
        service = Service(folder, database, stream_listen=address, providers=rates)
        return cls(service, f"ws://{address}/ws")

    def kill_worker(self) -> None:
        """Kill the process that takes reports; its parent starts another."""
        worker = self._worker()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: self._worker() not in {worker, 0}, seconds=SECONDS, what="a worker")

    def kill(self) -> None:
        """Kill all of it at once, and start it anew."""
        self.service.kill()
        self.service.start()

    def told(self, path: str, **query: Any) -> Any:
        """Return an answer's content; fails the test unless it is a success."""
        answer = requests.get(f"{self.service.url}/api/jobs/{path}", params=query, timeout=30)
        assert requests.codes.ok == answer.status_code, answer.text
        return answer.json()

    def _worker(self) -> int:
        # The first child serves HTTP, and its child does the work.
        for child in _children(self.service.process.pid):
            for grandchild in _children(child):
                return grandchild
        return 0


def _children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def _killed_again_and_again(
    jobs: Jobs, crash: Callable[[int], None]
) -> tuple[Ledger, Follower, dict[str, int]]:
    """Let workers report while somebody is killed now and then; return what all were told."""
    ledger, follower = Ledger(), Follower(jobs.stream_url, job_ids(WORKERS))
    following = Background(follower.follow())
    reporting = Background(report(jobs.service.url, ledger, WORKERS, (KILLS + 1) * REPORTS_EACH))
    chance = random.Random(7)  # noqa: S311 - a test's choice
    for number in range(KILLS):
        goal = ledger.acknowledged + chance.randint(REPORTS_EACH // 2, REPORTS_EACH)
        wait_for(partial(ledger.reached, goal), seconds=SECONDS, what="more reports", every=0.005)
        crash(number)
    reporting.join(SECONDS)
    assert not ledger.wrong
    # It was killed while it took reports, each time, and not between two of them.
    assert ledger.unanswered >= KILLS
    heads = {id_: jobs.told(f"{id_}/monitor")["seq"] for id_ in ledger.jobs}
    follower.until(heads)
    following.join(SECONDS)
    return ledger, follower, heads


def _check(ledger: Ledger, follower: Follower, heads: dict[str, int]) -> None:
    """Compare the stories that were told with what the workers were."""
    assert not follower.wrong
    for id_, told in ledger.jobs.items():
        frames = [json.loads(frame) for frame in follower.frames[id_]]

        # Each frame once, none is missing, and none is told beyond the last.
        assert list(range(1, heads[id_] + 1)) == [frame["seq"] for frame in frames]
        _check_story(told, frames)


def _check_story(told: Told, frames: list[dict[str, Any]]) -> None:
    progress = [it["data"] for it in frames if it["type"] == "JOB_PROGRESS"]
    lines = [
        line["message"] for it in frames if it["type"] == "JOB_LOGS" for line in it["data"]["logs"]
    ]
    # Every report is one frame: repeated or not, it was stored once.
    assert told.reports == len(progress)
    for worker, texts in told.lines.items():
        assert texts == [text for text in lines if text.split()[0] == worker]
    assert sum(map(len, told.lines.values())) == len(lines)
    # A number that was acknowledged is that of a frame, and of one report only.
    assert len(set(told.seqs)) == len(told.seqs)
    assert [it["progress"] for it in progress] == sorted(it["progress"] for it in progress)
    assert ("JOB_COMPLETED", 100) == (frames[-1]["type"], progress[-1]["progress"])
    _check_cost(told, [it.get("costSoFar", 0.0) for it in progress], frames[-1]["data"]["result"])


def _check_cost(told: Told, costs: list[float], result: dict[str, Any]) -> None:
    """One unit a second, from the first report to the last, whoever was killed in between."""
    assert costs == sorted(costs)
    assert told.cost == pytest.approx(result["actualCost"], abs=_STAMP)
    assert result["actualDuration"] == pytest.approx(result["actualCost"], abs=_STAMP)
    least, most = told.last[0] - told.first[1], told.last[1] - told.first[0]
    assert least - _STAMP <= result["actualCost"] <= most + _STAMP


def _check_once_more(jobs: Jobs, follower: Follower, heads: dict[str, int]) -> None:
    """From nothing but what is stored, the same is told: of every frame the same bytes."""
    jobs.kill()
    wait_for(
        lambda: answers(jobs.stream_url.replace("ws:", "http:").replace("/ws", "/healthz")),
        seconds=SECONDS,
        what="gateway",
    )
    again = Follower(jobs.stream_url, heads)
    again.until(heads)
    Background(again.follow()).join(SECONDS)

    assert not again.wrong
    assert follower.frames == again.frames
    assert heads == {id_: jobs.told(f"{id_}/monitor")["seq"] for id_ in heads}


def _reported_and_checked(jobs: Jobs, crash: Callable[[int], None]) -> None:
    jobs.service.start()
    try:
        ledger, follower, heads = _killed_again_and_again(jobs, crash)
        _LOG.info("%d kills: %s; %d cuts of who follows", KILLS, ledger, follower.cuts)
        _check(ledger, follower, heads)
        _check_once_more(jobs, follower, heads)
    finally:
        jobs.service.process.stop()


def test_sqlite(tmp_path: Path) -> None:
    """64 workers report into a file, while the service is killed in the middle of it."""
    jobs = Jobs.of(tmp_path, f"sqlite:///{tmp_path / 'jobs.db'}")
    crashes = (jobs.kill_worker, jobs.kill)
    _reported_and_checked(jobs, lambda number: crashes[number % 2]())


@pytest.fixture(name="mortal")
def _mortal() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server
        # What it holds is of no use: a decent end would write all of it out.
        server.kill()


def test_postgresql(tmp_path: Path, mortal: PostgresqlServer) -> None:
    """64 workers report to a server: its client is killed in the middle of it, or it is."""
    jobs = Jobs.of(tmp_path, mortal.fresh())

    def kill_server() -> None:
        mortal.kill()
        mortal.start()

    crashes = (kill_server, jobs.kill_worker, jobs.kill)
    _reported_and_checked(jobs, lambda number: crashes[number % 3]())
