"""However the service is killed: what was acknowledged of jobs is there, once and in order."""

import logging
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from demo.processes import answers, wait_for
from tests.support.job_follower import Follower
from tests.support.job_workers import Background, Ledger, Manner, job_ids, report
from tests.support.jobs_told import Jobs, check
from tests.support.killable import KILLS, SECONDS
from tests.support.postgresql import PostgresqlServer, postgresql_server
from tests.support.whole import some

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

WORKERS = some(24, 64)
REPORTS_EACH = some(100, 200)
"""So many are acknowledged between two kills."""
_LOG = logging.getLogger(__name__)


def _killed_again_and_again(
    jobs: Jobs, crash: Callable[[int], None], kills: int
) -> tuple[Ledger, Follower, dict[str, int]]:
    """Let workers report while somebody is killed now and then; return what all were told."""
    ledger, follower = Ledger(), Follower(jobs.stream_url, job_ids(WORKERS))
    manner = Manner(most=(kills + 1) * REPORTS_EACH)
    following = Background(follower.follow())
    reporting = Background(report(jobs.service.url, ledger, WORKERS, manner))
    chance = random.Random(7)  # noqa: S311 - a test's choice
    for number in range(kills):
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


def _reported_and_checked(jobs: Jobs, crash: Callable[[int], None], kills: int) -> None:
    jobs.service.start()
    try:
        ledger, follower, heads = _killed_again_and_again(jobs, crash, kills)
        _LOG.info("%d kills: %s; %d cuts of who follows", kills, ledger, follower.cuts)
        check(ledger, follower, heads)
        _check_once_more(jobs, follower, heads)
    finally:
        jobs.service.process.stop()


def test_sqlite(tmp_path: Path) -> None:
    """Dozens of workers report into a file, while the service is killed in the middle of it."""
    jobs = Jobs.of(tmp_path, f"sqlite:///{tmp_path / 'jobs.db'}")
    crashes = (jobs.kill, jobs.kill_worker)
    _reported_and_checked(jobs, lambda number: crashes[number % 2](), KILLS)


@pytest.fixture(name="mortal")
def _mortal() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server
        # What it holds is of no use: a decent end would write all of it out.
        server.kill()


def test_postgresql(tmp_path: Path, mortal: PostgresqlServer) -> None:
    """Dozens of workers report to a server: its client is killed in the middle of it, or it is."""
    jobs = Jobs.of(tmp_path, mortal.fresh())

    def kill_server() -> None:
        mortal.kill()
        mortal.start()

    crashes = (kill_server, jobs.kill_worker, jobs.kill)
    _reported_and_checked(jobs, lambda number: crashes[number % 3](), KILLS + 1)
