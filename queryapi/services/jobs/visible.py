"""Who may know of a job; to everybody else it does not exist."""

from queryapi.access.principal import NOBODY
from queryapi.services.jobs.model import Caller
from queryapi.storage.jobrecords import Job


def visible(job: Job, caller: Caller) -> bool:
    """Tell whether *caller* may know of *job*: one of their namespaces, or created by them."""
    if not caller.scope.shows(job.cluster):
        return False
    namespaces = caller.scope.namespaces
    if namespaces is None or job.namespace in namespaces:
        return True
    # Anybody may be called that.
    return job.owner == caller.name != NOBODY.name
