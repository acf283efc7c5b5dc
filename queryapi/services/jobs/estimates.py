"""When a job will be done: by its mean pace, as the document has it, and by its pace of late."""

import math
from itertools import pairwise
from statistics import median

from msgspec import UNSET, UnsetType

from queryapi.storage.jobrecords import Job, JobStatus, Step

STEPS_KEPT = 30
"""Changes of progress that the recent pace is made of: fewer follow a noisy job's every breath."""

WHOLE = 100.0
"""Of progress in percent."""

_DIGITS = 1
# Who has not come on for longer than that, by their own gaps, has no pace now.
_IDLE_GAPS = 3.0


def remaining(job: Job, now: float) -> float | None:
    """Return the seconds left if the job goes on as it did on average since its `started_at`.

    Args:
        job: Which.
        now: Unix seconds.

    Returns:
        None when it does not run, has come nowhere yet, or only begins now.
    """
    if job.status is not JobStatus.RUNNING or job.started_at is None:
        return None
    if not 0 < job.progress < WHOLE:
        return None
    elapsed = now - job.started_at
    if elapsed <= 0:
        # It has only begun: that it would be done at once is not known either.
        return None
    return _sane(elapsed / job.progress * WHOLE - elapsed)


def recent(job: Job, now: float) -> float | None:
    """Return the seconds left if the job goes on as it did between its last changes of progress.

    What was done before the first change, such as to load data or in an earlier life that the job
    resumes, says nothing of its pace.

    Args:
        job: Which.
        now: Unix seconds.

    Returns:
        None when it does not run, has changed less than twice, or not for three of its gaps.
    """
    steps = job.steps
    if job.status is not JobStatus.RUNNING or len(steps) < 2:  # noqa: PLR2004 - one gap
        return None
    first, last = steps[0], steps[-1]
    took, came = last.at - first.at, last.progress - first.progress
    if not (took > 0 and came > 0):
        return None
    idle = max(0.0, now - last.at)
    if idle and idle > _IDLE_GAPS * _typical_gap(steps):
        return None
    return _sane((WHOLE - last.progress) * (took / came) - idle)


def told(left: float | None) -> float | UnsetType:
    """Return an estimate as clients are told it; what nobody can tell is left out."""
    return UNSET if left is None else round(left, _DIGITS)


def stepped(steps: tuple[Step, ...], at: float, progress: float) -> tuple[Step, ...]:
    """Return *steps* with what is known *at* Unix seconds, if that is a change.

    Args:
        steps: Of the attempt so far, oldest first.
        at: When.
        progress: In percent.
    """
    before = steps[-1] if steps else Step(-math.inf, 0.0)
    if progress <= before.progress:
        return steps
    if at <= before.at:
        # Told in one breath, or late: the time at which it had come so far stays.
        return (*steps[:-1], Step(before.at, progress))
    return (*steps, Step(at, progress))[-STEPS_KEPT:]


def _typical_gap(steps: tuple[Step, ...]) -> float:
    # The mean too: of a job that steps in bursts the median is the gap within one.
    gaps = [later.at - earlier.at for earlier, later in pairwise(steps)]
    return max(median(gaps), sum(gaps) / len(gaps))


def _sane(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None
