"""A new job is where its creator may see it, and is called as they say."""

import pytest

from queryapi.access.principal import Scope
from queryapi.errors import InvalidParameter, NotPermitted, ResourceNotFound
from queryapi.services.jobs.ingesting import creating
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.model import Caller, Draft, Report
from queryapi.services.jobs.visible import visible
from queryapi.storage.jobrecords import Job, JobStatus
from tests.support.reporting import RULES


def _scope(clusters: str | None = None, namespaces: str | None = None) -> Scope:
    given = (None if it is None else frozenset(it.split()) for it in (clusters, namespaces))
    return Scope(*given)


def _reported(scope: Scope, namespace: str | None = None, name: str = "token:ann") -> Job:
    report = Report(namespace=namespace)
    return creating.registered("job-1", report, Caller(name, scope), RULES, 1.0)


def _drafted(draft: Draft, scope: Scope) -> Job:
    return creating.drafted(draft, "job-1", Caller("token:ann", scope), RULES, 1.0)


@pytest.mark.parametrize(
    ("scope", "namespace", "where"),
    [
        (_scope(), None, ("main", None)),
        (_scope(), "ml", ("main", "ml")),
        (_scope("east"), None, ("east", None)),
        (_scope("east main", "ml"), None, ("main", "ml")),
        (_scope(None, "ml"), "other", ("main", "ml")),
        (_scope(None, "ml dev"), "dev", ("main", "dev")),
        (_scope(None, "ml dev"), "other", ("main", None)),
    ],
)
def test_a_reported_job_is_where_its_worker_may_be(
    scope: Scope, namespace: str | None, where: tuple[str, str | None]
) -> None:
    """Its word counts only for what it may see; whoever created a job sees it."""
    job = _reported(scope, namespace)

    assert where == (job.cluster, job.namespace)
    assert visible(job, Caller("token:ann", scope))


def test_nobody_creates_what_they_cannot_see() -> None:
    """They are told to say where it is."""
    with pytest.raises(NotPermitted, match="clusters"):
        _reported(_scope("east west"))
    with pytest.raises(NotPermitted, match="namespaces"):
        _reported(_scope(None, "ml dev"), name="anonymous")
    with pytest.raises(NotPermitted, match="clusters"):
        _drafted(Draft(cluster="west"), _scope("east"))
    with pytest.raises(NotPermitted, match="namespace"):
        _drafted(Draft(namespace="dev"), _scope(None, "ml"))


def test_unknown_jobs_are_refused_where_they_are_to_be_created_first() -> None:
    """`jobs.auto_register: false`."""
    rules = Rules(auto_register=False, default_cluster="main")
    with pytest.raises(ResourceNotFound):
        creating.registered("job-1", Report(), Caller("token:ann"), rules, 1.0)


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "\ud83d", "a/b", "\N{SNOWMAN}" * 201])
def test_a_name_that_cannot_be_kept_is_refused(name: str) -> None:
    """Names are in addresses and logs."""
    with pytest.raises(InvalidParameter):
        creating.registered(name, Report(), Caller("token:ann"), RULES, 1.0)


def test_a_draft_with_a_worker_is_assigned() -> None:
    """Without one it waits for one."""
    assert JobStatus.ASSIGNED is _drafted(Draft(worker="w"), _scope()).status
    assert JobStatus.PENDING is _drafted(Draft(), _scope()).status


def test_nobody_owns_what_anonymous_callers_create() -> None:
    """Anybody may be called that: it takes its namespace to see it."""
    job = _reported(_scope(None, "ml"), name="anonymous")

    assert visible(job, Caller("anonymous", _scope(None, "ml")))
    assert not visible(job, Caller("anonymous", _scope(None, "dev")))
