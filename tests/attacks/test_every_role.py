"""Whoever asks, whatever they send: the answer is in the description, and of their own alone."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, strategies
from werkzeug.test import TestResponse

from queryapi.api.endpoints import Endpoint, endpoints_of
from queryapi.settings import Auth
from tests.support.access_matrix import CALLERS, expected
from tests.support.query_service import body
from tests.support.tenants import ELSEWHERE, HIDDEN, OURS, THEIRS, Tenants, tenants
from tests.support.whole import some

pytestmark = pytest.mark.attacks

# Each is sent by half of the callers, and the next one by the others: to make one is dear.
_EXAMPLES, _ONE_OF = some(4, 20), 2
_DESCRIBED = [
    pytest.param(endpoint, id=f"{endpoint.method} {endpoint.path}")
    for endpoint in endpoints_of(Auth(metrics="token"))
    if endpoint.path != "/openapi.json"
]
_MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
# Who is known by another name in the matrix of roles; what is limited is limited in its role.
_AS = {
    "viewer of ours": "viewer",
    "worker of ours": "worker",
    "viewer of c": "viewer",
    "viewer of ours by the issuer": "viewer",
    "worker of ours by the issuer": "worker",
    "of the issuer": "operator",
    "of another issuer": "wrong",
}
_CONFORMANCE = ("status_code", "content_type", "response_headers", "response_schema")
_CHECKS = [
    schemathesis.checks.not_a_server_error,
    *(
        check
        for check in schemathesis.checks.CHECKS.get_all()
        if check.__name__ in [f"{kind}_conformance" for kind in _CONFORMANCE]
    ),
]
# Bad requests, and what is too long, are refused before anybody asks who sends them.
_BEFORE_ANYBODY_IS_KNOWN = (400, 413, 414, 431)


@pytest.fixture(name="shared", scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    with tenants(tmp_path_factory.mktemp("tenants")) as made:
        yield made


@pytest.fixture(name="described", scope="module")
def _described(shared: Tenants) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", shared.service.http.application)


@pytest.mark.parametrize("endpoint", _DESCRIBED)
def test_no_answer_to_anybody_is_a_surprise(
    shared: Tenants, described: Any, endpoint: Endpoint
) -> None:
    """Refused as the matrix of roles says; else described, no failure, nothing of others."""
    operation = described[endpoint.path][endpoint.method]
    sent = [operation.as_strategy(generation_mode=mode) for mode in _MODES]
    if any(parameter.name == "cluster" for parameter in operation.query):
        sent += [operation.as_strategy(query={"cluster": cluster}) for cluster in "cd"]

    def answered(case: Any, caller: str) -> None:
        headers = {"Accept-Encoding": "identity", **shared.callers[caller]}
        response = case.call(headers=headers)
        case.validate_response(response, checks=_CHECKS)
        if case.method == endpoint.method and response.status_code not in _BEFORE_ANYBODY_IS_KNOWN:
            _is_let_in_as_the_matrix_says(endpoint, caller, response.status_code)
        for hidden in HIDDEN.get(caller, ()):
            assert hidden not in response.text

    turn = count()

    @hypothesis.settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.one_of(sent))
    def send(case: Any) -> None:
        for caller in sorted(shared.callers)[next(turn) % _ONE_OF :: _ONE_OF]:
            answered(case, caller)

    send()


def _is_let_in_as_the_matrix_says(endpoint: Endpoint, caller: str, status: int) -> None:
    who = _AS.get(caller, caller)
    assert who in CALLERS
    verdict = expected("closed", who, endpoint.api, endpoint.needs)
    if verdict == 200:
        # Who may ask may still not ask for what is limited away: 403 or, unknown to them, 404.
        assert status != 401
    else:
        assert verdict == status


_READS = [
    *(f"/api/v1/realtime/{name}?cluster=c" for name in ("status", "running-tasks")),
    "/api/v1/realtime/status?cluster=c&include=nodes,alerts,events",
    "/api/v1/clusters", "/api/v1/workers?cluster=c", "/api/v1/operations?cluster=c",
    "/api/pools", "/api/pools/activity", "/api/jobs", "/readyz",
    f"/api/jobs/{OURS}-c/monitor", f"/api/jobs/{OURS}-c/logs", f"/api/jobs/{OURS}-c/metrics",
]  # fmt: skip
_OF_OTHERS = [f"/api/jobs/{THEIRS}-{cluster}{part}" for cluster in "cd"
              for part in ("", "/monitor", "/logs", "/metrics")]  # fmt: skip


def _got(shared: Tenants, caller: str, path: str) -> TestResponse:
    return shared.service.http.get(path, headers=shared.callers[caller])


@pytest.mark.parametrize("caller", HIDDEN)
def test_what_is_another_tenants_is_told_to_nobody_else(shared: Tenants, caller: str) -> None:
    """What an admin is told of everybody is there, and no limited caller is told any of it."""
    theirs = [path for path in _READS if THEIRS in _got(shared, "admin", path).text]

    assert {"/api/v1/realtime/running-tasks?cluster=c", "/api/jobs"} <= set(theirs)
    assert ELSEWHERE in _got(shared, "admin", "/api/pools").text
    for path in _READS:
        for hidden in HIDDEN[caller]:
            assert hidden not in _got(shared, caller, path).text, path
    for path in _OF_OTHERS:
        assert 200 == _got(shared, "admin", path).status_code, path
        assert 404 == _got(shared, caller, path).status_code, path


@pytest.mark.parametrize("limited", ["of ours", "of ours by the issuer"])
def test_what_somebody_makes_others_cannot_touch(shared: Tenants, limited: str) -> None:
    """A job of one tenant is neither reported on, ended nor seen by a worker of another."""
    service, mine = shared.service.http, shared.callers[f"worker {limited}"]
    linked = f"linked-{limited.replace(' ', '-')}"
    for path in (f"/api/jobs/{THEIRS}-c/progress", f"/api/jobs/{THEIRS}-c/complete"):
        answer = service.post(path, json={"progress": 50}, headers=mine)
        assert answer.status_code in (404, 409), answer.text
        assert THEIRS not in answer.text.replace(path, "")
    made = service.post("/api/jobs", json={"id": linked, "namespace": OURS}, headers=mine)
    assert 201 == made.status_code
    told = service.post(f"/api/jobs/{linked}/progress", json={"progress": 5}, headers=mine)
    assert 200 == told.status_code
    assert 200 == _got(shared, f"viewer {limited}", f"/api/jobs/{linked}").status_code
    ended = service.post(f"/api/jobs/{linked}/complete", json={}, headers=mine)
    assert 200 == ended.status_code
    assert 0 == body(_got(shared, "admin", f"/api/jobs/{THEIRS}-c"))["progress"]
