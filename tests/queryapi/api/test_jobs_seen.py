"""Who may know of a job, route by route: to everybody else there is none."""

from collections.abc import Iterator

import pytest

from queryapi.access.principal import Principal, Scope
from queryapi.api.endpoints import ENDPOINTS
from queryapi.api.visit import ENVIRON_KEY, Visit
from queryapi.settings import Role
from tests.support.jobs import JOBS, MEASURED, working
from tests.support.query_service import Service, Visitor, body
from tests.support.visits import visited

_C, _D = Scope(frozenset({"c"})), Scope(frozenset({"d"}))
_ML, _WEB = Scope(None, frozenset({"ml"})), Scope(None, frozenset({"web"}))
_READINGS = ["", "/monitor", "/metrics", "/logs", "/logs?format=text"]


def _worker(service: Service, name: str, scope: Scope) -> Visitor:
    """Return the service as a worker of that name meets it, past the gate."""
    visit = Visit("request-1", Principal(name, Role.WORKER, scope), ENDPOINTS[0])
    inner = service.application.flask

    def application(environ, start):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        environ[ENVIRON_KEY] = visit
        return inner(environ, start)

    return Visitor(application)


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One job of the namespace ml of the cluster c, which a worker of that namespace created."""
    with working(tmp_path_factory.mktemp("jobs"), clusters=("c", "d")) as service:
        worker = _worker(service, "token:w", Scope(frozenset({"c"}), frozenset({"ml"})))
        told = {"workerId": "w", "progress": 1, "metrics": MEASURED, "logLines": ["x"]}
        sent = worker.post(f"{JOBS}/j/progress", json=told | {"namespace": "ml"})
        assert 200 == sent.status_code, sent.text
        yield service


@pytest.mark.parametrize("reading", _READINGS)
@pytest.mark.parametrize(
    ("scope", "status"),
    [(Scope(), 200), (_C, 200), (_D, 404), (_ML, 200), (_WEB, 404), (Scope(frozenset()), 404)],
)
def test_a_job_is_known_where_it_may_be_seen(
    service: Service, reading: str, scope: Scope, status: int
) -> None:
    """By cluster and by namespace, on every route that reads."""
    answer = service.get_as(scope, f"{JOBS}/j{reading}")

    assert status == answer.status_code
    if status == 404:
        assert {"success": False, "error": "Job not found"} == body(answer)


@pytest.mark.parametrize("scope", [_D, _WEB])
@pytest.mark.parametrize("route", ["progress", "complete"])
def test_a_hidden_job_cannot_be_reported(service: Service, scope: Scope, route: str) -> None:
    """As an unknown one; and nobody takes its id by reporting."""
    http = _worker(service, "token:v", scope)

    assert 404 == http.post(f"{JOBS}/j/{route}", json={"workerId": "w"}).status_code


@pytest.mark.parametrize(
    ("scope", "seen"), [(Scope(), ["j"]), (_C, ["j"]), (_ML, ["j"]), (_D, []), (_WEB, [])]
)
def test_the_list_has_what_may_be_seen(service: Service, scope: Scope, seen: list[str]) -> None:
    """And no more."""
    assert seen == [job["id"] for job in body(service.get_as(scope, JOBS))["jobs"]]


def test_whoever_created_a_job_sees_it(service: Service) -> None:
    """Although it is in none of their namespaces; whoever has no name does not."""
    mine, others, nobody = (
        _worker(service, name, Scope(None, frozenset({"x", "y"})))
        for name in ("token:mine", "token:others", "anonymous")
    )
    for http, job in ((mine, "mine"), (nobody, "nobodys")):
        http.post(JOBS, json={"id": job})

    assert [200, 404] == [http.get(f"{JOBS}/mine").status_code for http in (mine, others)]
    assert ["mine"] == [job["id"] for job in body(mine.get(JOBS))["jobs"]]
    assert (404, []) == (nobody.get(f"{JOBS}/nobodys").status_code, body(nobody.get(JOBS))["jobs"])


def test_another_workers_job_is_left_alone(service: Service) -> None:
    """403 for whoever is named otherwise; who is not named is let in."""
    http = _worker(service, "token:v", _ML)
    answers = [
        http.post(f"{JOBS}/j/{route}", json={"workerId": "v"}) for route in ("progress", "complete")
    ]

    assert [(403, False)] * 2 == [(it.status_code, body(it)["success"]) for it in answers]
    assert 200 == http.post(f"{JOBS}/j/progress", json={"progress": 2}).status_code


def test_a_namespace_that_hides_all_shows_no_job(service: Service) -> None:
    """An empty limit is a limit."""
    http = Visitor(visited(service.application.flask, Scope(None, frozenset())))

    assert 404 == http.get(f"{JOBS}/j/monitor").status_code
