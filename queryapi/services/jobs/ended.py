"""What an event that tells of a job's end says besides: written with it, read to tell of it."""

from typing import Any

import msgspec

from queryapi.storage.jobrecords import Job, JobStatus

_DIGITS = 3


class Ended(msgspec.Struct, frozen=True):
    """The end of a job; the `body` of an event of kind `completed`, as JSON.

    Args:
        status: COMPLETED, FAILED or CANCELLED.
        completed_at: When it ended, in Unix seconds: earlier than the event when more is said.
        result: What it came to, any JSON value; None = nothing was said.
        error: Why it failed; None = nothing was said.
        actual_cost: As decimal text; None = nobody can tell.
        actual_duration: Seconds from its start to its end; None = it never ran.
    """

    status: JobStatus
    completed_at: float
    result: Any = None
    error: str | None = None
    actual_cost: str | None = None
    actual_duration: float | None = None


def lasted(job: Job, end: float) -> float | None:
    """Return the seconds from the start of a job to its end; None when it never ran."""
    return None if job.started_at is None else round(max(0.0, end - job.started_at), _DIGITS)


def body_of(ended: Ended) -> str:
    """Return the body of an event."""
    return msgspec.json.encode(ended).decode()


def ended_of(body: str) -> Ended:
    """Return what the body of an event says."""
    return msgspec.json.decode(body, type=Ended)
