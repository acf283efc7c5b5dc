"""What time it is for a job: its time does not go back, whatever the clocks of servers do."""

from queryapi.storage.jobrecords import Job

WAITS = 2 * 3600.0
"""Seconds by which a clock may be set back, or be behind another server's: a job's time stands
still meanwhile. Beyond that the time before was a slip of the clock, which nobody waits out."""


def moment(job: Job, now: float) -> float:
    """Return *now*, or when the job was last heard of where that is a little later.

    Without it what a job costs would fall, and what is told of it would be older than what was
    told before.
    """
    heard = last_heard(job)
    return heard if now < heard <= now + WAITS else now


def last_heard(job: Job) -> float:
    """Return when a job was last heard of."""
    return job.created_at if job.reported_at is None else job.reported_at


def is_silent(job: Job, now: float, longest: float) -> bool:
    """Tell whether a job was last heard of more than *longest* seconds ago.

    Or long after now: that was by a clock that has been corrected, and since then nobody has.
    """
    heard = last_heard(job)
    return not now - longest <= heard <= now + WAITS
