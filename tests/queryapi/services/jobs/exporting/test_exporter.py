"""A scrape waits for no database, and none is asked more often than its numbers change."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from queryapi.errors import StoreUnavailable
from queryapi.services.jobs.exporting.exporter import Exporter
from queryapi.settings import Jobs
from queryapi.telemetry.jobpage import JobsShown
from tests.support.keptjobs import job_of, keep
from tests.support.observed import Time
from tests.support.query_service import running
from tests.support.stored import stored


@pytest.fixture(name="executor")
def _executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_it_is_read_once_in_five_seconds(executor: ThreadPoolExecutor) -> None:
    """However many scrape: they get the same object."""
    clock, reads = Time(), []

    def read() -> JobsShown:
        reads.append(JobsShown("QUBIC"))
        return reads[-1]

    exporter = Exporter(read, executor, monotonic=clock)

    assert 1 == len({id(exporter.shown()) for _ in range(3)}) == len(reads)
    clock.now += 5.1
    assert reads[0] is not exporter.shown()


def test_a_database_that_hangs_holds_up_no_scrape(executor: ThreadPoolExecutor) -> None:
    """What was read before is told for a moment, then nothing; later it goes on by itself."""
    clock, answers = Time(), threading.Event()
    answers.set()

    def read() -> JobsShown:
        answers.wait(20)
        return JobsShown("QUBIC")

    exporter = Exporter(read, executor, patience=0.05, monotonic=clock)
    assert exporter.shown()
    answers.clear()
    clock.now += 6
    began = time.monotonic()
    kept = exporter.shown()
    clock.now += 10

    assert kept is not None
    assert None is exporter.shown()
    assert time.monotonic() - began < 10
    answers.set()
    time.sleep(0.05)
    assert exporter.shown()


def test_a_database_that_is_away_is_not_told_of(executor: ThreadPoolExecutor) -> None:
    """The jobs are left out; everything else is scraped."""

    def read() -> JobsShown:
        raise StoreUnavailable("away")

    assert None is Exporter(read, executor).shown()


def test_the_service_tells_prometheus_of_its_jobs(tmp_path: Path) -> None:
    """Beside its own metrics, on the same page; with nothing in the database, of none."""
    url = f"sqlite:///{tmp_path / 'gpuscope.db'}"
    with running(database_url=url, jobs=Jobs(exported=2)) as service:
        with stored(url) as store:
            keep(store, job_of("train-1", namespace="ml", created_at=service.clock()))
        page = service.get("/metrics").text

        job = 'cluster="c",job_id="train-1",namespace="ml"'
        assert f"gpuscope_job_progress_ratio{{{job}}} 0.0" in page.splitlines()
        assert 'gpuscope_jobs{status="RUNNING"} 1.0' in page.splitlines()
        assert "gpuscope_api_build_info" in page
