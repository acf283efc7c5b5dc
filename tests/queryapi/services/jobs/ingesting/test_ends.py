"""A job ends once; said again, what was not said before is added, and told once."""

from dataclasses import replace as changed
from decimal import Decimal
from typing import Any

import pytest

from queryapi.errors import Conflict, InvalidParameter, NotPermitted
from queryapi.services.jobs.ended import ended_of
from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.decision import Decision
from queryapi.services.jobs.ingesting.ending import completed
from queryapi.services.jobs.model import Completion, Report
from queryapi.storage.jobrecords import Job, JobStatus, Sample
from tests.support.reporting import ANN, CREATED, JOB, Known, after

KNOWN = Known("3600")
RUNNING = after(JOB, Report(worker="w", progress=40.0), known=KNOWN).job
DONE = Completion(JobStatus.COMPLETED, worker="w", result={"loss": 0.5})


def _end(job: Job, completion: Completion, now: float = CREATED + 10) -> Decision:
    return completed(job, completion, ANN, Around(now, KNOWN, KNOWN))


def test_the_end_has_all_that_is_said_of_it() -> None:
    """The result as it was given, what it cost and how long it took."""
    decision = _end(RUNNING, changed(DONE, sample=Sample(3.0)))

    assert (JobStatus.COMPLETED, 100.0) == (decision.job.status, decision.job.progress)
    assert [(2, "completed")] == [(it.seq, it.kind) for it in decision.events]
    assert Sample(3.0) == decision.events[0].sample
    end = ended_of(decision.events[0].body or "")
    assert ({"loss": 0.5}, 10.0) == (end.result, end.actual_duration)
    assert Decimal(10) == Decimal(end.actual_cost or "")


def test_a_failure_keeps_its_progress_and_says_why() -> None:
    """The whole was not done."""
    job = _end(RUNNING, Completion(JobStatus.FAILED, error="no\0 memory")).job

    assert (JobStatus.FAILED, 40.0, "no memory") == (job.status, job.progress, job.error)


def test_the_same_end_said_again_changes_nothing() -> None:
    """A worker that did not hear the answer may ask again."""
    job = _end(RUNNING, DONE).job
    again = _end(job, DONE, CREATED + 99)

    assert again.job is job
    assert () == again.events


def test_a_late_result_is_added_and_told_once() -> None:
    """Progress 100 has ended the job already; it has ended when it did."""
    job = after(RUNNING, Report(progress=100.0), CREATED + 10, known=KNOWN).job
    late = _end(job, DONE, CREATED + 60)

    end = ended_of(late.events[0].body or "")
    assert ({"loss": 0.5}, CREATED + 10) == (end.result, end.completed_at)
    assert (job.seq + 1, CREATED + 10) == (late.job.seq, late.job.ended_at)
    assert () == _end(late.job, DONE, CREATED + 70).events


@pytest.mark.parametrize(
    "other", [Completion(JobStatus.FAILED), Completion(JobStatus.COMPLETED, result=2)]
)
def test_another_end_is_refused(other: Completion) -> None:
    """Of another status, or another result: what was told stays."""
    with pytest.raises(Conflict):
        _end(_end(RUNNING, DONE).job, other)


def test_only_its_worker_ends_a_job() -> None:
    """Or an operator, or one that says no name."""
    with pytest.raises(NotPermitted):
        _end(RUNNING, changed(DONE, worker="other"))


@pytest.mark.parametrize("result", [{1, object()}, "half \ud83d"])
def test_a_result_that_is_no_json_is_refused(result: Any) -> None:
    """Rather than stored as something else."""
    with pytest.raises(InvalidParameter, match="result"):
        _end(RUNNING, changed(DONE, result=result))
