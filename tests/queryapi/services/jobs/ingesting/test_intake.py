"""What is acknowledged is stored, in one order without holes, however many tell it at once."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from typing import Any, NoReturn

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import delete

from queryapi.errors import Conflict, NotPermitted, ResourceNotFound, StoreUnavailable
from queryapi.services.jobs.ingesting import batch
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.intake import Intake
from queryapi.services.jobs.model import Completion, Draft, Report
from queryapi.storage import joblogs, jobtables
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import JobStatus, Sample
from queryapi.telemetry.ingesting import Ingested
from tests.support.postgresql import PostgresqlServer
from tests.support.reporting import ANN, Known, intake, line, story
from tests.support.stored import stored

THREADS, EACH = 8, 25


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    with stored(database_url) as store:
        yield store


def _tell(intake: Intake, job: str, who: int) -> list[str]:
    """Tell of a job again and again; returns the lines that were acknowledged."""
    told = []
    for turn in range(EACH):
        message = f"{who}.{turn}"
        report = Report(progress=turn / EACH * 100, lines=(line(message),))
        assert intake.report(job, report, ANN).seq > 0
        told.append(message)
    return told


def test_eight_threads_on_one_job_leave_no_hole(store: Store) -> None:
    """Each thread's lines are in its order, all are there once, and progress only rises."""
    with intake(store) as jobs, ThreadPoolExecutor(THREADS) as crowd:
        told = list(crowd.map(lambda who: _tell(jobs, "job-1", who), range(THREADS)))

    kept = story(store, "job-1")
    assert [*range(1, kept.job.seq + 1)] == kept.frames
    assert kept.job.seq == 2 * THREADS * EACH
    assert sorted(chain(*told)) == sorted(kept.messages)
    for who, lines in enumerate(told):
        assert lines == [it for it in kept.messages if it.startswith(f"{who}.")]
    progress = [it.progress for it in kept.events]
    assert sorted(progress) == progress


def test_eight_threads_on_jobs_of_their_own_are_kept_apart(store: Store) -> None:
    """Each job has its own numbers and lines; what was announced last is where each is."""
    announced: dict[str, int] = {}

    def announce(changed: Mapping[str, int]) -> None:
        announced.update(changed)

    with intake(store, announce=announce) as jobs, ThreadPoolExecutor(THREADS) as crowd:
        told = list(crowd.map(lambda who: _tell(jobs, f"job-{who}", who), range(THREADS)))

    for who in range(THREADS):
        kept = story(store, f"job-{who}")
        assert [*range(1, 2 * EACH + 1)] == kept.frames
        assert told[who] == kept.messages
        assert 2 * EACH == kept.job.seq == announced[f"job-{who}"]


@pytest.mark.e2e
def test_two_replicas_take_in_reports_side_by_side(postgresql: PostgresqlServer) -> None:
    """Of the same jobs, in any order, new ones among them: nobody waits for ever."""
    url = postgresql.fresh()
    with ExitStack() as stack:
        stores = [stack.enter_context(stored(url)) for _ in range(2)]
        takers = [stack.enter_context(intake(store)) for store in stores]
        crowd = stack.enter_context(ThreadPoolExecutor(THREADS))

        def tell(who: int) -> None:
            for turn in range(20):
                # Every other thread goes through them the other way round.
                place = turn if who % 4 < 2 else 19 - turn
                report = Report(lines=(line(f"{who}.{turn}"),))
                takers[who % 2].report(f"job-{place % 10}", report, ANN)

        list(crowd.map(tell, range(THREADS)))

        stories = [story(stores[0], f"job-{place}") for place in range(10)]
        assert 20 * THREADS == len({line for kept in stories for line in kept.messages})
        for kept in stories:
            assert [*range(1, 4 * THREADS + 1)] == kept.frames


@pytest.mark.e2e
def test_reports_do_not_wait_for_writers_of_pools(postgresql: PostgresqlServer) -> None:
    """Where several may write: an observer that takes long holds up no worker."""
    with stored(postgresql.fresh()) as store, intake(store) as jobs, store.writing():
        assert 1 == jobs.report("job-1", Report(), ANN).seq


def test_a_refused_report_costs_the_others_of_its_batch_nothing(store: Store) -> None:
    """Each gets its own answer, in the order in which they came."""
    with intake(store) as jobs:
        job = jobs.create(Draft(id="job-1", worker="w"), ANN)
        assert JobStatus.ASSIGNED is job.status
        assert JobStatus.ASSIGNED is story(store, "job-1").job.status
        jobs.report("job-1", Report(worker="w", progress=50.0, sample=Sample(80.0)), ANN)
        with pytest.raises(NotPermitted):
            jobs.report("job-1", Report(worker="v", progress=60.0), ANN)
        with pytest.raises(ResourceNotFound):
            jobs.complete("job-2", Completion(JobStatus.FAILED), ANN)
        with pytest.raises(Conflict):
            jobs.create(Draft(id="job-1"), ANN)
        done = jobs.complete("job-1", Completion(JobStatus.COMPLETED, result=[1]), ANN)

    kept = story(store, "job-1")
    assert done == kept.job
    assert ["progress", "completed"] == [it.kind for it in kept.events]
    assert Sample(80.0) == kept.events[0].sample
    assert "[1]" == kept.job.result


def test_what_the_database_does_not_take_hurts_only_who_sent_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is stored in parts until the one is alone, which gets an error."""

    class Spoilt(Known):
        def placed(self, job: Any) -> Any:
            return Known(pods={"bad": "\ud83d"}).placed(job)

    taken: list[int] = []

    def note(store: Store, items: Any, *more: Any) -> Any:
        taken.append(len(items))
        return batch.stored(store, items, *more)

    monkeypatch.setattr("queryapi.services.jobs.ingesting.intake.stored", note)
    names = [f"job-{place}" for place in range(5)] + ["bad"]
    with intake(store, known=Spoilt()) as jobs, ThreadPoolExecutor(6) as crowd:
        with store.writing() if store.alone else ExitStack():
            waiting = [crowd.submit(jobs.report, name, Report(), ANN) for name in names]
        assert [1] * 5 == [it.result().seq for it in waiting[:5]]
        with pytest.raises(Exception, match=r".") as failure:
            waiting[5].result()
        assert not isinstance(failure.value, StoreUnavailable)
        assert 1 == jobs.report("job-6", Report(), ANN).seq
    assert 1 in taken


def test_a_job_that_was_forgotten_begins_anew(store: Store) -> None:
    """Who forgets old jobs meets nobody who still knows them."""
    with intake(store) as jobs:
        assert [1, 2] == [jobs.report("job-1", Report(), ANN).seq for _ in range(2)]
        with store.writing() as session:
            session.execute(delete(jobtables.jobs))
        assert 1 == jobs.report("job-1", Report(), ANN).seq

    assert story(store, "job-1").frames[-1] == 1


def test_what_could_not_be_stored_is_not_known_either(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next report of a job goes on from what is stored of it."""
    with intake(store) as jobs:
        jobs.report("job-1", Report(progress=10), ANN)
        with monkeypatch.context() as patched:
            patched.setattr(joblogs, "add", lambda *_: _gone())
            with pytest.raises(StoreUnavailable):
                jobs.report("job-1", Report(progress=90), ANN)
        told = jobs.report("job-1", Report(), ANN)

    assert (2, 10.0) == (told.seq, told.progress)
    assert [1, 2] == story(store, "job-1").frames


def test_more_jobs_report_than_are_kept_in_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each job goes on where it was."""
    monkeypatch.setattr("queryapi.services.jobs.ingesting.remembered.MOST", 3)
    with intake(store) as jobs:
        for turn in (1, 2, 3):
            names = [f"job-{place}" for place in range(5)]
            assert [turn] * 5 == [jobs.report(name, Report(), ANN).seq for name in names]
            assert turn == jobs.report("always", Report(), ANN).seq


def _gone() -> NoReturn:
    raise StoreUnavailable("gone", retry_after=7)


def test_what_is_taken_in_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By outcome; no label has what a client sent."""
    registry = CollectorRegistry()
    with intake(store, ingested=Ingested(registry)) as jobs:
        for _ in range(2):
            jobs.report("job-1", Report(worker="w", sequence=1, lines=(line("x"),)), ANN)
        with pytest.raises(NotPermitted):
            jobs.report("job-1", Report(worker="v"), ANN)
        monkeypatch.setattr(store, "reporting", _gone)
        with pytest.raises(StoreUnavailable, match="gone") as failure:
            jobs.report("job-1", Report(), ANN)
        assert 7 == failure.value.retry_after

    counted = {
        outcome: registry.get_sample_value("gpuscope_api_job_reports_total", {"outcome": outcome})
        for outcome in ("stored", "duplicate", "refused", "failed")
    }
    assert {"stored": 1, "duplicate": 1, "refused": 1, "failed": 1} == counted
    assert 1 == registry.get_sample_value("gpuscope_api_job_log_lines_total")
    assert 3 == registry.get_sample_value("gpuscope_api_job_batch_reports_count")


def test_unknown_jobs_are_not_created_where_that_is_off(store: Store) -> None:
    """`jobs.auto_register: false`: nothing of the report is stored."""
    with intake(store, rules=Rules(auto_register=False, default_cluster="main")) as jobs:
        with pytest.raises(ResourceNotFound):
            jobs.report("job-1", Report(), ANN)
        job = jobs.create(Draft(), ANN)
        assert 1 == jobs.report(job.id, Report(), ANN).seq
