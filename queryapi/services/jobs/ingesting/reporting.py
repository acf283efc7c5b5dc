"""What a report comes to: how far the job is then, and what is told of it."""

from math import isfinite

from msgspec.structs import replace

from queryapi.errors import InvalidParameter
from queryapi.services.jobs.bounds import MOST_NUMBER, OPERATION_BYTES
from queryapi.services.jobs.estimates import WHOLE, stepped
from queryapi.services.jobs.ingesting import loglines, numbering
from queryapi.services.jobs.ingesting.admitting import admit, bound
from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.creating import namespace
from queryapi.services.jobs.ingesting.decision import Decision, acknowledged, held, measured
from queryapi.services.jobs.ingesting.ending import ended
from queryapi.services.jobs.ingesting.texts import name, plain
from queryapi.services.jobs.model import Acknowledged, Caller, Report
from queryapi.services.jobs.money import exact
from queryapi.storage.jobrecords import FINAL, Event, Job, JobStatus, Sample, Seen, Tariff

# Seconds by which the network may delay one report more than another.
_JITTER = 2.0
_RESTARTS = frozenset(JobStatus) - {JobStatus.COMPLETED, JobStatus.CANCELLED}


def reported(job: Job, report: Report, caller: Caller, around: Around) -> Decision:
    """Decide what a report comes to.

    Raises:
        ResourceNotFound: When the caller may not know of the job.
        NotPermitted: When it is bound to another worker.
        InvalidParameter: When its number is none.
    """
    around = around.of(job)
    anew, now = report.restart and job.status in _RESTARTS, around.now
    admit(job, report.worker, caller, anew=anew)
    if report.sequence is not None and not 1 <= report.sequence <= MOST_NUMBER:
        raise InvalidParameter(f"sequence: from 1 to {MOST_NUMBER}")
    moment = held(job, now - report.age, now)
    past = not anew and _is_past(job, report, now)
    if not past and _is_stored(job, report, anew=anew):
        return Decision(job, acknowledged(job, now, duplicate=True))
    was = job.status
    job = _begun_anew(job, moment) if anew else job
    moved = job if past or job.status in FINAL else _moved(job, report, moment)
    if not past and report.sequence is not None:
        moved = replace(moved, seen=numbering.noted(moved.seen, report.sequence))
    moved = bound(moved, report.worker, caller, anew=anew)
    if was not in FINAL or anew:
        moved = _known(moved, report, caller, around)
    return _told(moved, report, moment, around, ends=job.status not in FINAL)


def _is_past(job: Job, report: Report, now: float) -> bool:
    """Tell whether a report is from before the attempt: of how far this one is it says nothing."""
    if job.attempted_at is None:
        return False
    since = now - job.attempted_at
    # After a clock was set back nobody can tell: what comes now is of now.
    return since >= 0 and report.age > since + _JITTER


def _is_stored(job: Job, report: Report, *, anew: bool) -> bool:
    if report.sequence is None or not numbering.has(job.seen, report.sequence):
        return False
    # The first report of an attempt said again, or the next attempt's? Once others came after
    # the first it is the latter.
    again = job.worker == name(report.worker) and job.seen == Seen(report.sequence)
    return again or not anew


def _begun_anew(job: Job, moment: float) -> Job:
    """Return a job as a new attempt finds it; the time between two attempts costs nothing."""
    tariffs = job.tariffs
    if job.ended_at is not None and tariffs:
        # Whoever knows the price says it from then on, not from when it changed in between.
        resumed = Tariff(max(moment, job.ended_at), None)
        tariffs = (*tariffs, Tariff(job.ended_at, "0", "ended"), resumed)
    return replace(
        job,
        attempt=job.attempt + (job.reported_at is not None),
        attempted_at=moment,
        status=JobStatus.ASSIGNED if job.status is JobStatus.FAILED else job.status,
        progress=0.0,
        operation=None,
        ended_at=None,
        result=None,
        error=None,
        tariffs=tariffs,
        steps=(),
        seen=Seen(),
    )


def _moved(job: Job, report: Report, moment: float) -> Job:
    """Return how far a job is that has not ended; it does not go back."""
    progress, steps, operation = job.progress, job.steps, job.operation
    told = _progress(report)
    if told is not None:
        progress = max(progress, told)
        steps = stepped(steps, moment, progress)
    late = report.sequence is not None and report.sequence < job.seen.highest
    if report.operation is not None and not late:
        operation = plain(report.operation, OPERATION_BYTES)
    runs, whole = progress > 0, progress >= WHOLE
    started = moment if runs and job.started_at is None else job.started_at
    status = JobStatus.COMPLETED if whole else JobStatus.RUNNING if runs else job.status
    return replace(
        job,
        progress=progress,
        steps=steps,
        operation=operation,
        started_at=started,
        status=status,
        ended_at=max(moment, started or moment) if whole else None,
    )


def _progress(report: Report) -> float | None:
    """Return what is said of it, held to what can be; a restart begins where it says, or at 0."""
    told = report.progress
    if told is None or not isfinite(told):
        return 0.0 if report.restart else None
    return min(max(told, 0.0), WHOLE)


def _known(job: Job, report: Report, caller: Caller, around: Around) -> Job:
    """Return a job with what is known of it besides its report: where it is, what it costs."""
    if job.namespace is None and report.namespace is not None:
        job = replace(job, namespace=namespace(report, caller.scope))
    placed = around.places.placed(job)
    allowed = caller.scope.namespaces
    # Nobody looks into a pod by calling a job as it.
    if placed is not job and (allowed is None or placed.namespace in allowed):
        job = placed
    if job.started_at is None:
        return job
    tariffs = around.prices.now(job, around.now)
    return job if tariffs is job.tariffs else replace(job, tariffs=tariffs)


def _told(job: Job, report: Report, moment: float, around: Around, *, ends: bool) -> Decision:
    """Number what is told: how far it is, what it has logged, that it has ended."""
    seq, sample, source = job.seq + 1, measured(report.sample), "worker"
    over = job.status in FINAL
    ends = ends and over
    if sample is None and (ends or not over):
        sample, source = measured(around.places.measured(job)), "prometheus"
    job = replace(job, seq=seq + bool(report.lines), reported_at=around.now)
    lines = loglines.kept(job, report, moment, around.now) if report.lines else ()
    if lines:
        job = replace(
            job,
            log_lines=job.log_lines + len(lines),
            log_bytes=job.log_bytes + sum(line.size for line in lines),
        )
    if ends:
        job = replace(job, seq=job.seq + 1)
    answer = acknowledged(job, around.now)
    events = [_event(job, seq, moment, answer, sample, source)]
    if ends:
        events.append(ended(job, moment))
    return Decision(job, answer, tuple(events), lines)


def _event(
    job: Job, seq: int, at: float, answer: Acknowledged, sample: Sample | None, source: str
) -> Event:
    return Event(
        job=job.number,
        seq=seq,
        at=at,
        kind="progress",
        attempt=job.attempt,
        progress=job.progress,
        operation=job.operation,
        sample=sample,
        source="worker" if sample is None or source == "worker" else "prometheus",
        remaining=answer.remaining,
        recent=answer.recent,
        cost=None if answer.cost is None else exact(answer.cost),
    )
