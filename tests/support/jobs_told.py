"""Jobs that are reported on, followed and compared: nothing that was acknowledged is lost."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, free_port, wait_for
from tests.support.job_follower import Follower
from tests.support.job_truth import check_story
from tests.support.job_workers import Background, Ledger, Manner, Told, job_ids, report
from tests.support.killable import SECONDS, Service
from tests.support.processes import children

_STAMP = 0.002
_WORKERS = 8
_REST_SECONDS = 0.3


@dataclass(frozen=True)
class Jobs:
    """A service that takes reports, and the gateway that tells of them.

    Attributes:
        service: Its processes.
        stream_url: Where jobs are followed.
        clients: Addresses for which a proxy would ask, one each; None = there is none.
    """

    service: Service
    stream_url: str
    clients: Iterator[str] | None = None

    @classmethod
    def of(cls, folder: Path, database: str, **settings: Any) -> "Jobs":
        """Make one that has not begun."""
        address = f"{LOOPBACK}:{free_port()}"
        # One unit a second: what a job costs is how long it runs.
        rates = {"default": 3600}
        service = Service(folder, database, stream_listen=address, providers=rates, **settings)
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
        head = {} if self.clients is None else {"X-Forwarded-For": next(self.clients)}
        url = f"{self.service.url}/api/jobs/{path}"
        answer = requests.get(url, params=query, headers=head, timeout=30)
        assert requests.codes.ok == answer.status_code, answer.text
        return answer.json()

    def _worker(self) -> int:
        # The first child serves HTTP, and its child does the work.
        for child in children(self.service.process.pid):
            for grandchild in children(child):
                return grandchild
        return 0


class Load:
    """Workers who report, and one who follows.

    Args:
        jobs: The service.
        story: What the names of jobs begin with.
    """

    def __init__(self, jobs: Jobs, story: str) -> None:
        ids = job_ids(_WORKERS, story)
        manner = Manner(rest=_REST_SECONDS, story=story, clients=jobs.clients)
        self.ledger, self.follower = Ledger(), Follower(jobs.stream_url, ids)
        self._jobs = jobs
        self._following = Background(self.follower.follow())
        self._reporting = Background(report(jobs.service.url, self.ledger, _WORKERS, manner))

    def more(self, reports: int = 3 * _WORKERS) -> None:
        """Wait until so many more are acknowledged."""
        goal = self.ledger.acknowledged + reports
        wait_for(partial(self.ledger.reached, goal), seconds=SECONDS, what="reports", every=0.02)

    def refused(self) -> None:
        """Wait until every worker was told to come again, or cut off."""
        goal = self._troubles() + _WORKERS
        wait_for(
            lambda: self._troubles() >= goal or bool(self.ledger.wrong),
            seconds=SECONDS,
            what="refusals",
            every=0.02,
        )

    def told(self) -> None:
        """Wait until the follower has heard all that is acknowledged by now."""
        heads = {id_: max(it.seqs, default=0) for id_, it in list(self.ledger.jobs.items())}
        wait_for(
            lambda: all(len(self.follower.frames[id_]) >= head for id_, head in heads.items()),
            seconds=SECONDS,
            what="frames",
        )

    def end(self) -> None:
        """End every job, and compare what was told with what is there."""
        self.ledger.over = True
        self._reporting.join(SECONDS)
        assert not self.ledger.wrong
        heads = {id_: self._jobs.told(f"{id_}/monitor")["seq"] for id_ in self.ledger.jobs}
        self.follower.until(heads)
        self._following.join(SECONDS)
        check(self.ledger, self.follower, heads)

    def give_up(self) -> None:
        """Let all of them go."""
        self.ledger.over = True
        self.follower.give_up()
        self.ledger.wrong["given up"] += 1

    def _troubles(self) -> int:
        return self.ledger.refused + self.ledger.unanswered


@contextmanager
def load(jobs: Jobs, story: str) -> Iterator[Load]:
    """Have jobs reported on and followed while the block does its worst; then compare."""
    made = Load(jobs, story)
    try:
        made.more()
        yield made
        made.more()
        made.end()
    finally:
        made.give_up()


def check(ledger: Ledger, follower: Follower, heads: dict[str, int]) -> None:
    """Compare the stories that were told with what the workers were."""
    assert not follower.wrong
    for id_, told in ledger.jobs.items():
        frames = [json.loads(frame) for frame in follower.frames[id_]]

        # Each frame once, none is missing, and none is told beyond the last.
        assert list(range(1, heads[id_] + 1)) == [frame["seq"] for frame in frames]
        check_story(told, frames)
        costs = [it["data"].get("costSoFar", 0.0) for it in frames if it["type"] == "JOB_PROGRESS"]
        _check_cost(told, costs, frames[-1]["data"]["result"])


def _check_cost(told: Told, costs: list[float], result: dict[str, Any]) -> None:
    """One unit a second, from the first report to the last, whoever was killed in between."""
    assert costs == sorted(costs)
    assert told.cost == pytest.approx(result["actualCost"], abs=_STAMP)
    assert result["actualDuration"] == pytest.approx(result["actualCost"], abs=_STAMP)
    least, most = told.last[0] - told.first[1], told.last[1] - told.first[0]
    assert least - _STAMP <= result["actualCost"] <= most + _STAMP
