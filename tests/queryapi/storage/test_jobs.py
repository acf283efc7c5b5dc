"""Jobs come back as they were stored, and reports of them are stored whole or not at all."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from queryapi.errors import Conflict
from queryapi.services.jobs.model import Report
from queryapi.storage import jobevents, joblogs, jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import (
    Event,
    Job,
    JobStatus,
    LogLine,
    Sample,
    Seen,
    Step,
    Tariff,
)
from tests.support.postgresql import PostgresqlServer
from tests.support.reporting import ANN, JOB, intake, line, story
from tests.support.stored import NEVER_HUNG, stored

FULL = Job(
    number=0,
    id="job \N{SNOWMAN} %s ?",
    cluster="main",
    owner="token:ann",
    created_at=1.25,
    namespace="ml",
    anywhere=True,
    pod="pod",
    worker="w",
    gpu_model="H100",
    instance_type="p5",
    pool="pool",
    gpus=8,
    status=JobStatus.FAILED,
    attempt=3,
    attempted_at=1.5,
    progress=45.5,
    operation="epoch",
    seq=17,
    started_at=2.5,
    reported_at=3.5,
    ended_at=4.5,
    tariffs=(Tariff(1.0, "2.99", "label"), Tariff(2.0, None)),
    steps=(Step(1.0, 2.0),),
    seen=Seen(9, 2**64 - 1),
    estimated_cost="12.5",
    result='{"a":1}',
    error="no memory",
    address="ADDR",
    username="ann",
    log_lines=5,
    log_bytes=2**40,
)


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    with stored(database_url) as store:
        yield store


def test_a_job_comes_back_as_it_was_stored(store: Store) -> None:
    """All of it, new or changed."""
    with store.reporting() as session:
        number = jobs.begin(session, FULL)
        assert number is not None
        plain = replace(JOB, number=jobs.begin(session, JOB) or 0)
        jobs.change(session, [kept := replace(FULL, number=number), plain])
    assert kept == story(store, FULL.id).job

    changed = replace(plain, **{name: getattr(FULL, name) for name in ("gpus", "status", "seen")})
    with store.reporting() as session:
        jobs.change(session, [changed])
    assert changed == story(store, JOB.id).job


@pytest.mark.parametrize("known", [True, False])
def test_whatever_differs_of_a_job_is_stored(store: Store, *, known: bool) -> None:
    """Each of its fields that may change, whether the writer knows what was there or not."""
    with store.reporting() as session:
        was = replace(JOB, number=jobs.begin(session, JOB) or 0)
        for name in sorted({*JOB.__struct_fields__} - {"number", "id", "owner", "created_at"}):
            if name != "log_forgotten":
                now = replace(was, **{name: getattr(FULL, name)})
                jobs.change(session, [now], {was.id: was} if known else {})
                assert now == jobs.one(session, JOB.id)
                was = now


def test_what_was_told_of_a_job_comes_back_as_it_was_stored(store: Store) -> None:
    """Samples and lines, with what is not known left out."""
    sample = Sample(1.0, 2.0, 3.0, 4.0, 5.0)
    events = (
        Event(1, 1, 1.5, "progress", 1, 45.5),
        Event(
            1, 2, 2.5, "completed", 2, 99.5, "epoch", sample, "prometheus", 1.0, 2.0, "3.5", "{}"
        ),
    )
    lines = (LogLine(1, 1000, 1.5, "info", "?%s :x", 2.5), LogLine(1, 1001, 1.5, "error", "", 2.5))
    with store.reporting() as session:
        assert 1 == jobs.begin(session, JOB)
        jobevents.add(session, events)
        joblogs.add(session, lines)

    kept = story(store, JOB.id)
    assert (events, lines) == (kept.events, kept.lines)


def test_there_is_one_job_of_an_id(store: Store) -> None:
    """Who comes second is told, and changes nothing."""
    with store.reporting() as session:
        assert 1 == jobs.begin(session, JOB)
        assert jobs.begin(session, replace(JOB, owner="token:bob")) is None
    assert JOB == story(store, JOB.id).job


def test_an_error_stores_nothing_of_a_report(store: Store) -> None:
    """Neither the job nor what was told of it."""

    def write() -> None:
        with store.reporting() as session:
            jobs.begin(session, JOB)
            jobevents.add(session, [Event(1, 1, 1.5, "progress", 1, 45.5)])
            raise Conflict("no")

    with pytest.raises(Conflict):
        write()
    with store.reading() as session:
        assert jobs.one(session, JOB.id) is None
        assert () == jobevents.after(session, 1, 0, limit=9)


def test_a_job_that_nobody_has_changed_is_not_read_again(store: Store) -> None:
    """Whoever locks it goes on with what it was; once somebody has changed it, with what it is."""
    with store.reporting() as session:
        jobs.begin(session, JOB)
    with store.reporting() as session:
        held = jobs.locked(session, [JOB.id, "none"], {}).held
    assert {JOB.id: JOB} == {name: one.job for name, one in held.items()}
    with store.reporting() as session:
        assert held[JOB.id] is jobs.locked(session, [JOB.id], held).held[JOB.id]
    if store.alone:
        return
    changed, locking = replace(JOB, operation="another"), threading.Event()

    def wait_for_it() -> Job:
        with store.reporting() as session:
            locking.set()
            return jobs.locked(session, [JOB.id], held).held[JOB.id].job

    with ThreadPoolExecutor(1) as other:
        with store.reporting() as session:
            own = jobs.locked(session, [JOB.id], held).own
            waiting = other.submit(wait_for_it)
            assert locking.wait(NEVER_HUNG)
            jobs.change(session, [changed])
        assert changed == waiting.result()
    with store.reporting() as session:
        assert own == jobs.locked(session, [JOB.id], {}).held[JOB.id].version


def test_a_batch_takes_two_round_trips(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    """One locks its jobs, one stores all and ends: each makes the others of the process wait."""
    with stored(postgresql.fresh()) as store, intake(store) as told:
        for _ in range(2):
            told.report("job-1", Report(), ANN)
        with (tmp_path / "sent").open("w") as sent:
            with store.reading() as session:
                driver: Any = session.connection.driver_connection
            driver.pgconn.trace(sent.fileno())
            assert 4 == told.report("job-1", Report(lines=(line("x"),)), ANN).seq
            driver.pgconn.untrace()
        lines = (tmp_path / "sent").read_text().splitlines()
    queries = [it.split('"')[1].split()[0] for it in lines if "\tQuery\t" in it]
    assert ["BEGIN", "UPDATE"] == queries
    assert 2 == sum("\tReadyForQuery\t" in it for it in lines)
