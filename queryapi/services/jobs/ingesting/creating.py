"""New jobs: what they are called and where they are, by what was said and who said it."""

from dataclasses import dataclass

from queryapi.access.principal import Scope
from queryapi.errors import InvalidParameter, NotPermitted, RateLimited
from queryapi.limits.allowance import Limiter
from queryapi.services.jobs.bounds import ID_RULE, is_job_id
from queryapi.services.jobs.ingesting.admitting import unknown
from queryapi.services.jobs.ingesting.texts import name
from queryapi.services.jobs.model import Caller, Draft, Report
from queryapi.services.jobs.visible import visible
from queryapi.storage.jobrecords import Job, JobStatus

_NEW = "new jobs"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is configured.

    Args:
        auto_register: Whether a report of an unknown job creates it.
        default_cluster: Where jobs are of which nobody says where.
        newcomers: Counts the jobs that callers begin by reporting; None = nobody does.
    """

    auto_register: bool
    default_cluster: str
    newcomers: Limiter | None = None

    def count(self, caller: Caller) -> None:
        """Count a job that begins; raises RateLimited when its caller has begun too many."""
        if self.newcomers is None:
            return
        allowance = self.newcomers.take(caller.client or caller.name, _NEW)
        if not allowance.allowed:
            raise RateLimited("Too many new jobs", retry_after=allowance.retry_after)


def registered(job_id: str, report: Report, caller: Caller, rules: Rules, now: float) -> Job:
    """Return the job that begins with its first report.

    Raises:
        ResourceNotFound: When none is created.
        NotPermitted: When the caller may not see where it would be.
        InvalidParameter: When it cannot be called that.
        RateLimited: When the caller has begun too many.
    """
    if not rules.auto_register:
        raise unknown()
    made = _made(
        Job(
            number=0,
            id=_id(job_id),
            cluster=_cluster(None, caller.scope, rules.default_cluster),
            namespace=namespace(report, caller.scope),
            anywhere=caller.scope.namespaces is None,
            owner=caller.name,
            created_at=now,
        ),
        caller,
    )
    rules.count(caller)
    return made


def drafted(draft: Draft, job_id: str, caller: Caller, rules: Rules, now: float) -> Job:
    """Return the job that somebody describes.

    Raises:
        NotPermitted: When the caller may not see where it would be.
        InvalidParameter: When it cannot be called that.
    """
    only = _only(caller.scope.namespaces)
    if draft.namespace is not None and not _in(draft.namespace, caller.scope.namespaces):
        raise NotPermitted("the job would be in a namespace that is not yours")
    return _made(
        Job(
            number=0,
            id=_id(job_id),
            cluster=_cluster(draft.cluster, caller.scope, rules.default_cluster),
            namespace=only if draft.namespace is None else name(draft.namespace),
            anywhere=caller.scope.namespaces is None,
            owner=caller.name,
            created_at=now,
            worker=name(draft.worker),
            gpu_model=name(draft.gpu_model),
            instance_type=name(draft.instance_type),
            pool=name(draft.pool),
            gpus=draft.gpus,
            status=JobStatus.PENDING if draft.worker is None else JobStatus.ASSIGNED,
            estimated_cost=format(draft.estimated_cost, "f"),
            address=name(draft.address),
            username=name(draft.username),
        ),
        caller,
    )


def namespace(report: Report, scope: Scope) -> str | None:
    """Return where a job is by its worker's word, held to what the worker may see."""
    only = _only(scope.namespaces)
    if only is not None or report.namespace is None:
        return only
    return name(report.namespace) if _in(report.namespace, scope.namespaces) else None


def _made(job: Job, caller: Caller) -> Job:
    if not visible(job, caller):
        raise NotPermitted("say in which of your namespaces the job is")
    return job


def _id(job_id: str) -> str:
    if not is_job_id(job_id):
        raise InvalidParameter(f"the job's id {ID_RULE}")
    return job_id


def _cluster(named: str | None, scope: Scope, default: str) -> str:
    chosen = named or _only(scope.clusters) or default
    if not scope.shows(chosen):
        raise NotPermitted("say in which of your clusters the job is")
    return chosen


def _only(names: frozenset[str] | None) -> str | None:
    return next(iter(names)) if names is not None and len(names) == 1 else None


def _in(one: str, names: frozenset[str] | None) -> bool:
    return names is None or one in names
