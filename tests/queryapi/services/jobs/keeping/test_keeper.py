"""One thread of one process forgets, and gives way to everybody else."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from demo.processes import wait_for
from queryapi.services.jobs.keeping.forgetting import Forgetting
from queryapi.services.jobs.keeping.keeper import KEEPING, Keeper
from queryapi.services.jobs.keeping.prudence import PrudentClock
from queryapi.services.tenure import Tenure
from queryapi.settings import Jobs
from queryapi.storage import engine
from queryapi.storage.engine import Store
from queryapi.telemetry.keeping import Keeping
from tests.support.keptjobs import DAY, job_of, keep, messages
from tests.support.postgresql import PostgresqlServer
from tests.support.stored import prepared, stored

NOW = 1000 * DAY


@contextmanager
def keeping(store: Store, registry: CollectorRegistry, batch: int = 500) -> Iterator[Keeper]:
    """Give who keeps a day of log lines."""
    tenure = Tenure(store, KEEPING, 30)
    forgetting = Forgetting(store, tenure, Jobs(logs_days=1), lambda: NOW, batch=batch)
    keeper = Keeper(
        forgetting, tenure, metrics=Keeping(registry), clock=lambda: NOW, every=0.05, first=0
    )
    try:
        yield keeper
    finally:
        keeper.end()


def test_it_goes_on_by_itself_and_ends_when_told(store: Store) -> None:
    """In the middle of a pass as well; what it has forgotten is counted."""
    registry = CollectorRegistry()
    job = keep(store, job_of("j", created_at=NOW), lines=[(0.0, "x")] * 2000)
    with keeping(store, registry, batch=1) as keeper:
        keeper.begin()
        wait_for(lambda: len(messages(store, job)) < 2000, seconds=60, what="the first to go")
        began = time.monotonic()
        keeper.end()
        left = len(messages(store, job))

        assert time.monotonic() - began < 20
        assert 0 < left
        counted = registry.get_sample_value("gpuscope_api_job_forgotten_total", {"kind": "lines"})
        assert 2000 - left == counted
        assert not keeper.turn()


def test_a_clock_that_leaps_ahead_is_believed_after_a_day() -> None:
    """Until then nothing is older than it was; one that is set back is right at once."""
    now, passed = NOW, 0.0
    clock = PrudentClock(lambda: now, lambda: passed)

    now, passed = NOW + 1800, 60.0
    assert now == clock()
    now, passed = NOW + 3650 * DAY, 120.0
    assert NOW + 1860 == clock()
    now, passed = NOW + 1920, 180.0
    assert now == clock()
    now, passed = NOW - DAY, 240.0
    assert now == clock()
    now, passed = NOW, 300.0
    assert NOW - DAY + 60 == clock()
    now, passed = NOW + DAY, 300.0 + DAY
    assert now == clock()


def test_a_database_that_is_away_is_waited_for(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends, nothing is logged by us: the store tells of its own trouble."""
    job = keep(store, job_of("j", created_at=NOW), lines=[(0.0, "x")])
    monkeypatch.setattr(engine, "_TURN_SECONDS", 0.05)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing():
            held.set()
            let_go.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)
    with keeping(store, CollectorRegistry()) as keeper:
        assert not keeper.turn()
        let_go.set()
        holder.join()

        assert keeper.turn()
    assert [] == messages(store, job)
    assert [] == [it for it in caplog.records if "keeping" in it.name]


def test_a_pass_that_goes_wrong_is_not_the_last(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A defect of ours costs a pass; it is logged once, not with every pass."""
    with stored(prepared(tmp_path)) as store, keeping(store, CollectorRegistry()) as keeper:
        job = keep(store, job_of("j", created_at=NOW), lines=[(0.0, "x")])
        passes, turn = count(), keeper.turn

        def goes_wrong_twice() -> bool:
            if next(passes) < 2:
                raise ZeroDivisionError
            return turn()

        monkeypatch.setattr(keeper, "turn", goes_wrong_twice)
        keeper.begin()
        wait_for(lambda: [] == messages(store, job), seconds=60, what="the third", every=0.02)
    assert ["jobs could not be kept within their bounds"] == [
        it.message for it in caplog.records if "keeping" in it.name and it.exc_info
    ]


@pytest.mark.e2e
def test_one_of_two_processes_forgets(postgresql: PostgresqlServer) -> None:
    """The other goes on where the first one ended."""
    url = postgresql.fresh()
    with (
        closing(Store(url)) as one,
        closing(Store(url)) as two,
        keeping(one, CollectorRegistry()) as first,
        keeping(two, CollectorRegistry()) as second,
    ):
        assert (True, False) == (first.turn(), second.turn())
        first.begin()
        first.end()
        assert (False, True) == (first.turn(), second.turn())
