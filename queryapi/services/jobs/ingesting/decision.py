"""What something that was said of a job comes to."""

from dataclasses import dataclass

from queryapi.services.jobs.bounds import SECONDS_BEFORE
from queryapi.services.jobs.estimates import recent, remaining
from queryapi.services.jobs.model import Acknowledged
from queryapi.services.jobs.money import cost_of
from queryapi.storage.jobrecords import FINAL, Event, Job, JobStatus, LogLine, Sample

_EMPTY = Sample()


@dataclass(frozen=True, slots=True)
class Decision:
    """What is stored, and answered.

    Args:
        job: As it is from now on; the same object as before when nothing is stored.
        acknowledged: What the worker is told.
        events: Its new frames, but for its log lines.
        lines: Its new log lines.
    """

    job: Job
    acknowledged: Acknowledged
    events: tuple[Event, ...] = ()
    lines: tuple[LogLine, ...] = ()


def held(job: Job, at: float, now: float) -> float:
    """Return a moment by a worker's clock, held to what can be: not before the job, nor to come."""
    return min(max(at, job.created_at - SECONDS_BEFORE), now)


def measured(sample: Sample | None) -> Sample | None:
    """Return what was measured; None when that is nothing."""
    return None if sample == _EMPTY else sample


def acknowledged(job: Job, now: float, *, duplicate: bool = False) -> Acknowledged:
    """Return what a worker is told of its job."""
    # Of one that is complete nothing remains: its worker is told so, as the estimate would.
    ended, complete = job.status in FINAL, job.status is JobStatus.COMPLETED
    return Acknowledged(
        seq=job.seq,
        status=job.status,
        progress=job.progress,
        remaining=0.0 if complete else remaining(job, now),
        recent=None if ended else recent(job, now),
        cost=cost_of(job, now),
        duplicate=duplicate,
    )
