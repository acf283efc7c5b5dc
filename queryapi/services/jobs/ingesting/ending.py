"""The end of a job: said by its worker or an operator, and what is told of it."""

from typing import Any

import msgspec
from msgspec.structs import replace

from queryapi.errors import Conflict, InvalidParameter
from queryapi.services.jobs.bounds import ERROR_BYTES
from queryapi.services.jobs.ended import Ended, body_of, lasted
from queryapi.services.jobs.estimates import WHOLE
from queryapi.services.jobs.ingesting.admitting import admit, bound
from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.decision import Decision, acknowledged, measured
from queryapi.services.jobs.ingesting.texts import plain
from queryapi.services.jobs.model import Caller, Completion
from queryapi.services.jobs.money import cost_of, exact
from queryapi.storage.jobrecords import FINAL, Event, Job, JobStatus, Sample


def completed(job: Job, completion: Completion, caller: Caller, around: Around) -> Decision:
    """Decide what the end of a job comes to; said again it adds what was not said before.

    Raises:
        ResourceNotFound: When the caller may not know of the job.
        NotPermitted: When it is bound to another worker.
        Conflict: When it has ended in another way.
        InvalidParameter: When its result is no JSON.
    """
    admit(job, completion.worker, caller)
    around = around.of(job)
    result, error = _result(completion.result), completion.error
    error = None if error is None else plain(error, ERROR_BYTES)
    if job.status not in FINAL:
        after = bound(_ended(job, completion, around), completion.worker, caller)
    else:
        _agree(job, completion.status, result, error)
        after = job
    after = replace(after, result=result or after.result, error=error or after.error)
    if after == job:
        return Decision(job, acknowledged(job, around.now))
    after = replace(after, seq=after.seq + 1)
    event = ended(after, around.now, measured(completion.sample))
    return Decision(after, acknowledged(after, around.now), (event,))


def ended(job: Job, at: float, sample: Sample | None = None) -> Event:
    """Return the frame that tells of the end of a job: its last one."""
    so_far = cost_of(job, at)
    text = None if so_far is None else exact(so_far)
    until = at if job.ended_at is None else job.ended_at
    return Event(
        job=job.number,
        seq=job.seq,
        at=at,
        kind="completed",
        attempt=job.attempt,
        progress=job.progress,
        operation=job.operation,
        sample=sample,
        cost=text,
        body=body_of(
            Ended(
                status=job.status,
                completed_at=until,
                result=None if job.result is None else msgspec.Raw(job.result.encode()),
                error=job.error,
                actual_cost=text,
                actual_duration=lasted(job, until),
            )
        ),
    )


def _ended(job: Job, completion: Completion, around: Around) -> Job:
    done = completion.status is JobStatus.COMPLETED
    tariffs = job.tariffs if job.started_at is None else around.prices.now(job, around.now)
    return replace(
        job,
        status=completion.status,
        progress=WHOLE if done else job.progress,
        ended_at=around.now,
        reported_at=around.now,
        tariffs=tariffs,
    )


def _agree(job: Job, status: JobStatus, result: str | None, error: str | None) -> None:
    """Let the same be said again, and more, and nothing else."""
    if status is not job.status:
        raise Conflict(f"the job has ended already: it is {job.status}")
    if result is not None and job.result not in (None, result):
        raise Conflict("the job has another result already")
    if error is not None and job.error not in (None, error):
        raise Conflict("the job has failed for another reason already")


def _result(given: Any) -> str | None:
    if given is None:
        return None
    try:
        return msgspec.json.encode(given).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidParameter("result: no JSON value that can be kept") from error
