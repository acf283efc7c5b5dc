"""Who may say something of a job."""

from msgspec.structs import replace

from queryapi.access.principal import NOBODY
from queryapi.errors import NotPermitted, ResourceNotFound
from queryapi.services.jobs.ingesting.texts import name
from queryapi.services.jobs.model import Caller
from queryapi.services.jobs.visible import visible
from queryapi.storage.jobrecords import Job, JobStatus


def unknown() -> ResourceNotFound:
    """Return what is told of a job that there is not, or not for this caller."""
    return ResourceNotFound("Job not found")


def admit(job: Job, worker: str | None, caller: Caller, *, anew: bool = False) -> None:
    """Let those say something who may.

    Args:
        job: Of which.
        worker: Who they say they are; None = they do not say, which nobody checks.
        caller: Who says it.
        anew: Whether the job begins anew, which another worker may do unless somebody is at it.

    Raises:
        ResourceNotFound: When the caller may not know of the job.
        NotPermitted: When it is bound to another worker.
    """
    if not visible(job, caller):
        raise unknown()
    if caller.operates or job.worker is None or is_bound_to(job, worker):
        return
    if anew and not _may_take(job, caller):
        raise NotPermitted(
            "Worker not authorized: the job runs, and only whose it is begins it anew"
        )
    if not anew and worker is not None:
        raise NotPermitted("Worker not authorized: the job is bound to another workerId")


def is_bound_to(job: Job, worker: str | None) -> bool:
    """Tell whether a job is bound to whom a report names."""
    return worker is not None and job.worker == name(worker)


def bound(job: Job, worker: str | None, caller: Caller, *, anew: bool = False) -> Job:
    """Return a job that is bound to the first worker who reports, of each attempt."""
    binds = anew or job.worker is None or (job.bound_by is None and is_bound_to(job, worker))
    if worker is None or not binds:
        return job
    return replace(job, worker=name(worker), bound_by=caller.name)


def _may_take(job: Job, caller: Caller) -> bool:
    """Tell whether *caller* may have another worker go on with a job."""
    if job.status is not JobStatus.RUNNING:
        return True
    holder = job.bound_by or job.owner
    # Anybody may be called anonymous: what is theirs is everybody's.
    return NOBODY.name == holder or caller.name in {holder, job.owner} - {NOBODY.name}
