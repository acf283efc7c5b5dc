"""Who may have another worker go on with a job."""

from dataclasses import replace as changed

import pytest
from msgspec.structs import replace

from queryapi.errors import NotPermitted
from queryapi.services.jobs.model import Caller, Report
from queryapi.storage.jobrecords import Job, JobStatus
from tests.support.reporting import ANN, CREATED, JOB, after

_BOB = Caller("token:bob")
_NAMELESS = replace(JOB, owner="anonymous")


def _attempt(job: Job) -> tuple[int, float]:
    return job.attempt, job.progress


_NOBODY = Caller("anonymous")


def _restart(worker: str | None) -> Report:
    return Report(worker=worker, progress=1.0, restart=True)


@pytest.mark.parametrize(
    ("created", "reports", "takes"),
    [
        (JOB, ANN, ANN),
        (JOB, ANN, changed(_BOB, operates=True)),
        (JOB, _BOB, _BOB),
        (JOB, _BOB, ANN),
        (_NAMELESS, _NOBODY, _NOBODY),
        (_NAMELESS, _NOBODY, _BOB),
    ],
)
@pytest.mark.parametrize("worker", ["v", None])
def test_a_running_job_is_taken_over_by_whose_it_is(
    created: Job, reports: Caller, takes: Caller, worker: str | None
) -> None:
    """Who created it or works on it, under whatever workerId, and operators."""
    running = after(created, Report(worker="w", progress=5.0), caller=reports).job

    assert (2, 1.0) == _attempt(after(running, _restart(worker), caller=takes).job)


@pytest.mark.parametrize(
    ("created", "reports", "takes"),
    [(JOB, ANN, _BOB), (JOB, _BOB, _NOBODY), (_NAMELESS, _BOB, _NOBODY)],
)
@pytest.mark.parametrize("worker", ["v", None])
def test_a_stranger_takes_over_no_running_job(
    created: Job, reports: Caller, takes: Caller, worker: str | None
) -> None:
    """Only one that is over: it is nobody's."""
    running = after(created, Report(worker="w", progress=5.0), caller=reports).job
    failed = replace(running, status=JobStatus.FAILED, ended_at=CREATED + 1)

    with pytest.raises(NotPermitted):
        after(running, _restart(worker), caller=takes)
    assert (2, 1.0) == _attempt(after(failed, _restart(worker), caller=takes).job)


@pytest.mark.parametrize("name", ["w\x1b", "\N{SNOWMAN}" * 100])
def test_a_worker_is_known_again_whatever_it_is_called(name: str) -> None:
    """Although its name is not kept as it was said."""
    job = after(JOB, Report(worker=name, progress=1.0)).job

    assert 2.0 == after(job, Report(worker=name, progress=2.0), caller=_BOB).job.progress
