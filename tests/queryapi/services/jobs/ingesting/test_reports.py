"""What a report comes to: how far its job is then, and what its worker is told."""

import math
from dataclasses import replace as changed

import pytest
from msgspec.structs import replace

from queryapi.access.principal import Scope
from queryapi.errors import InvalidParameter, NotPermitted, ResourceNotFound
from queryapi.services.jobs.ended import ended_of
from queryapi.services.jobs.model import Caller, Report
from queryapi.storage.jobrecords import JobStatus, Sample, Step, Tariff
from tests.support.reporting import ANN, CREATED, JOB, Known, after, line

RUNNING = after(JOB, Report(worker="w", progress=40.0, operation="epoch 4")).job


@pytest.mark.parametrize(
    ("told", "progress", "status"),
    [
        (0.0, 0.0, JobStatus.PENDING),
        (45.5, 45.5, JobStatus.RUNNING),
        (-3.0, 0.0, JobStatus.PENDING),
        (100.0, 100.0, JobStatus.COMPLETED),
        (1e9, 100.0, JobStatus.COMPLETED),
        (math.nan, 0.0, JobStatus.PENDING),
        (math.inf, 0.0, JobStatus.PENDING),
        (None, 0.0, JobStatus.PENDING),
    ],
)
def test_progress_is_held_to_percent_and_says_where_a_job_is(
    told: float | None, progress: float, status: JobStatus
) -> None:
    """A job runs from the first progress on, and has ended with the whole of it."""
    job = after(JOB, Report(progress=told)).job

    assert (progress, status) == (job.progress, job.status)


def test_a_running_job_never_goes_back() -> None:
    """Less, and nothing at all, leave it where it is; what it does is told anew."""
    job = after(RUNNING, Report(progress=20.0, operation="again")).job

    assert (40.0, "again") == (job.progress, job.operation)
    assert 40.0 == after(RUNNING, Report()).job.progress
    assert "epoch 4" == after(RUNNING, Report()).job.operation


def test_the_first_progress_has_an_estimate_when_it_took_time() -> None:
    """A report that waited for 60 s to be sent tells what was so 60 s ago."""
    decision = after(JOB, Report(progress=25.0, age=60.0), known=Known("3600"))

    assert CREATED - 60 == decision.job.started_at == decision.events[0].at
    assert 180.0 == decision.acknowledged.remaining
    assert 60 == decision.acknowledged.cost
    assert CREATED == decision.job.reported_at


def test_no_clock_moves_a_job_far() -> None:
    """However old a report claims to be, and from the future: 300 s before the job, and now."""
    assert CREATED - 300 == after(JOB, Report(progress=1.0, age=1e9)).job.started_at
    assert CREATED == after(JOB, Report(progress=1.0, age=-1e9)).job.started_at


def test_the_whole_ends_a_job_and_is_told_by_a_frame_of_its_own() -> None:
    """Progress, lines, end: each has a number, and there are no holes."""
    decision = after(RUNNING, Report(progress=100.0, lines=(line("done"),)), CREATED + 10)

    assert [2, 4] == [it.seq for it in decision.events]
    assert ["progress", "completed"] == [it.kind for it in decision.events]
    assert [3000] == [it.number for it in decision.lines]
    assert 4 == decision.acknowledged.seq == decision.job.seq
    end = ended_of(decision.events[1].body or "")
    assert (JobStatus.COMPLETED, CREATED + 10, None) == (end.status, end.completed_at, end.result)


def test_reports_after_the_end_are_stored_and_change_nothing() -> None:
    """Their samples and lines are kept; status, progress, end and cost stay as they are."""
    known = Known("3600")
    done = after(RUNNING, Report(progress=100.0), CREATED + 10, known=known).job

    late = Report(
        worker="w", progress=50.0, operation="late", sample=Sample(9.0), lines=(line("x"),)
    )
    decision = after(done, late, CREATED + 99, known=known)

    assert Sample(9.0) == decision.events[0].sample
    assert ["x"] == [it.message for it in decision.lines]
    assert decision.job == replace(
        done, worker="w", seq=done.seq + 2, log_lines=1, log_bytes=1, reported_at=CREATED + 99
    )
    assert 10 == decision.acknowledged.cost


@pytest.mark.parametrize("name", ["é" * 253, "a\x01b"])
def test_a_worker_of_any_name_is_known_again(name: str) -> None:
    """What is kept of a name is what the next report is compared with."""
    once = after(JOB, Report(worker=name, progress=1), CREATED + 1).job

    assert 2 == after(once, Report(worker=name, progress=2), CREATED + 2).job.progress


def test_the_first_worker_binds_a_job() -> None:
    """Another one is refused; one that says no name, and an operator, are not."""
    with pytest.raises(NotPermitted):
        after(RUNNING, Report(worker="other", progress=50.0))

    assert 50.0 == after(RUNNING, Report(progress=50.0)).job.progress
    by_operator = after(
        RUNNING, Report(worker="other", progress=50.0), caller=changed(ANN, operates=True)
    )
    assert (50.0, "w") == (by_operator.job.progress, by_operator.job.worker)


@pytest.mark.parametrize(
    "scope", [Scope(clusters=frozenset({"other"})), Scope(namespaces=frozenset({"theirs"}))]
)
def test_a_hidden_job_is_an_unknown_one(scope: Scope) -> None:
    """Whoever may not see it is told nothing else than that there is none."""
    with pytest.raises(ResourceNotFound):
        after(RUNNING, Report(progress=50.0), caller=Caller("token:bob", scope))


def test_a_restart_begins_a_new_attempt() -> None:
    """Of another worker even: progress goes back to what it says, numbers begin anew."""
    first = after(RUNNING, Report(worker="w", sequence=7)).job
    job = after(first, Report(worker="v", progress=5.0, restart=True, sequence=1), CREATED + 60).job

    assert (2, 5.0, "v", JobStatus.RUNNING) == (job.attempt, job.progress, job.worker, job.status)
    assert (Step(CREATED + 60, 5.0),) == job.steps
    again = after(job, Report(worker="v", sequence=1), CREATED + 61)
    assert again.acknowledged.duplicate


def test_a_failed_job_may_begin_anew_and_the_time_between_is_free() -> None:
    """A completed one may not: it stays as it is."""
    failed = replace(
        RUNNING,
        status=JobStatus.FAILED,
        ended_at=CREATED + 10,
        error="no memory",
        tariffs=(Tariff(CREATED, "3600"),),
    )
    job = after(failed, Report(progress=1.0, restart=True), CREATED + 500).job

    assert (JobStatus.RUNNING, None, None) == (job.status, job.ended_at, job.error)
    assert Tariff(CREATED + 10, "0", "ended") == job.tariffs[1]
    done = replace(RUNNING, status=JobStatus.COMPLETED, ended_at=CREATED + 10, progress=100.0)
    again = after(done, Report(progress=1.0, restart=True)).job
    assert (JobStatus.COMPLETED, 100.0, 1) == (again.status, again.progress, again.attempt)


def test_a_report_from_before_a_restart_does_not_move_the_new_attempt() -> None:
    """It is stored, by its age, and says nothing of how far the new attempt is."""
    job = after(RUNNING, Report(restart=True, sequence=1), CREATED + 100).job
    late = after(
        job, Report(progress=80.0, age=50.0, sequence=9, sample=Sample(5.0)), CREATED + 120
    )

    assert (0.0, 1) == (late.job.progress, late.job.seen.highest)
    assert Sample(5.0) == late.events[0].sample


def test_a_report_that_overtook_its_restart_is_of_the_new_attempt() -> None:
    """The network delays one more than the other: by less than a restart takes."""
    job = after(RUNNING, Report(restart=True), CREATED + 100).job

    assert 3.0 == after(job, Report(progress=3.0, age=1.5), CREATED + 100.5).job.progress


def test_a_number_that_was_stored_is_a_duplicate() -> None:
    """Nothing is stored twice; a late one that was not stored is, and takes nothing back."""
    job = after(RUNNING, Report(sequence=3, progress=50.0, operation="third")).job
    again = after(job, Report(sequence=3, progress=99.0, lines=(line("x"),)))

    assert again.acknowledged.duplicate
    assert again.job is job
    assert ((), ()) == (again.events, again.lines)
    late = after(job, Report(sequence=2, progress=45.0, operation="second", lines=(line("y"),)))
    assert not late.acknowledged.duplicate
    assert (50.0, "third", 1) == (late.job.progress, late.job.operation, len(late.lines))


def test_a_restart_said_twice_is_one_attempt() -> None:
    """A worker that did not hear the answer asks again; once it went on, it is the next attempt."""
    first = Report(worker="w", restart=True, sequence=1)
    job = after(RUNNING, first).job
    assert after(job, first).acknowledged.duplicate

    on = after(job, Report(worker="w", progress=3.0, sequence=2)).job
    assert 3 == after(on, first).job.attempt


def test_a_new_attempt_counts_from_one_again() -> None:
    """Numbers of the attempt before are no duplicates: nothing that it says is lost."""
    job = JOB
    for number in (1, 2, 3):
        job = after(job, Report(sequence=number, progress=number)).job
    job = after(job, Report(sequence=1, restart=True)).job
    for number in (2, 3):
        decided = after(job, Report(sequence=number, progress=10.0 * number))
        job = decided.job
        assert not decided.acknowledged.duplicate
    assert 30 == job.progress


@pytest.mark.parametrize("number", [0, -1, 2**70])
def test_a_number_that_is_none_is_refused(number: int) -> None:
    """Workers count from 1."""
    with pytest.raises(InvalidParameter):
        after(JOB, Report(sequence=number))


def test_what_a_worker_cannot_measure_is_taken_from_prometheus() -> None:
    """Where it measures itself that counts; nothing measured is no sample."""
    known = Known(sample=Sample(77.0))
    event = after(JOB, Report(sample=Sample()), known=known).events[0]
    assert (Sample(77.0), "prometheus") == (event.sample, event.source)
    event = after(JOB, Report(sample=Sample(5.0)), known=known).events[0]
    assert (Sample(5.0), "worker") == (event.sample, event.source)
    assert after(JOB, Report(sample=Sample())).events[0].sample is None


def test_a_job_is_placed_where_its_pod_is_and_nobody_looks_into_others() -> None:
    """Calling a job as somebody else's pod tells a caller of other namespaces nothing of it."""
    known = Known(pods={"job-1": "prod"})
    assert "prod" == after(JOB, Report(), known=known).job.namespace
    held = Caller(ANN.name, Scope(namespaces=frozenset({"mine", "ours"})))
    assert after(JOB, Report(), caller=held, known=known).job.namespace is None


def test_steps_are_the_latest_changes_of_progress() -> None:
    """Thirty at most; reports that change nothing add none."""
    job = JOB
    for number in range(1, 41):
        job = after(job, Report(progress=float(number)), CREATED + number).job
        job = after(job, Report(progress=float(number)), CREATED + number + 0.5).job

    assert 30 == len(job.steps)
    assert (Step(CREATED + 11, 11.0), Step(CREATED + 40, 40.0)) == (job.steps[0], job.steps[-1])
