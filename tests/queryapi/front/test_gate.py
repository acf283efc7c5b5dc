"""Every request passes the same steps in the same order, and leaves in the same manner."""

import json
from typing import TYPE_CHECKING
from wsgiref.validate import validator

import pytest

from queryapi.access.policy import Permission
from queryapi.access.principal import Principal
from queryapi.api.visit import Query, Ready
from queryapi.errors import ClusterNotFound
from queryapi.limits.bucket import Rule
from queryapi.limits.local import LocalLimiter
from queryapi.services.snapshot import Answer
from queryapi.settings import Api, Limits
from tests.support.gated import ANSWER, BODY, GOOD, PATH, Bucket, Doorman, Inner, gated

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def _always(_query: Query, _principal: Principal) -> Answer:
    return ANSWER


def _never(_query: Query, _principal: Principal) -> None:
    return None


def test_the_request_id_of_a_proxy_is_taken_over() -> None:
    """A plain word is kept, anything else replaced; the client gets it back, errors included."""
    found = gated()
    given = found.http.get("/nowhere", headers={"X-Request-ID": "abc-1.x"})
    long = found.http.get("/nowhere", headers={"X-Request-ID": "a" * 65})
    two = found.http.get("/nowhere", headers={"X-Request-ID": "a,b"})

    assert "abc-1.x" == given.headers["X-Request-ID"]
    assert [32, 32] == [len(answer.headers["X-Request-ID"]) for answer in (long, two)]


def test_the_application_is_told_who_visits_which_route() -> None:
    """Behind the gate the caller is known, and one trailing slash is gone."""
    inner = Inner()
    answer = gated(inner).http.get(f"{PATH}/", headers={**GOOD, "X-Request-ID": "r"})
    [visit] = inner.visits

    assert b"inner" == answer.data
    assert ("r", "token:ci", PATH) == (visit.id, visit.principal.name, visit.endpoint.path)
    assert [PATH] == inner.paths


@pytest.mark.parametrize("path", [f"{PATH}//", f"//{PATH[1:]}", "/api/v1//realtime/status"])
def test_slashes_are_not_merged(path: str) -> None:
    """Two paths that differ are two paths."""
    assert gated().http.get(path, headers=GOOD, base_url="http://x").status_code == 404


@pytest.mark.parametrize("path", [PATH, "/api/v1/realtime/secret", "/api/v1/realtime"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_strangers_learn_nothing_of_a_closed_api(path: str, method: str) -> None:
    """What is there and what is not look the same without a token; only OPTIONS says what is."""
    answer = gated().http.open(path, method=method)
    if (path, method) == (PATH, "OPTIONS"):
        assert 204 == answer.status_code
        return

    assert 401 == answer.status_code
    assert 'Bearer realm="gpuscope"' == answer.headers["WWW-Authenticate"]
    assert {"meta": {"code": 4003, "message": "send a token"}, "data": None} == answer.json


def test_what_is_not_allowed_is_403() -> None:
    """A known caller is told that they may not, in the words of the API."""
    answer = gated().http.delete("/api/pools/p", headers={"Authorization": "Bearer guest"})

    assert 403 == answer.status_code
    assert {
        "error": "Forbidden",
        "message": "Insufficient permissions to perform this action",
    } == answer.json


def test_the_guard_is_told_what_a_route_needs() -> None:
    """Each method has its own need; what is not there is held to reading."""
    guard = Doorman()
    http = gated(guard=guard).http
    for method, path in (
        ("DELETE", "/api/pools/p"),
        ("HEAD", "/api/pools/p"),
        ("GET", "/api/pools"),
    ):
        http.open(path, method=method, headers=GOOD)

    assert [
        ("Bearer good", Api.POOLS, Permission.OPERATE),
        ("Bearer good", Api.POOLS, Permission.READ),
        ("Bearer good", Api.POOLS, Permission.READ),
    ] == guard.asked


def test_open_routes_ask_nobody() -> None:
    """`/healthz` cannot hang on whoever knows tokens, nor be used up."""
    guard, bucket, inner = Doorman(), Bucket(0), Inner()
    answer = gated(inner, guard=guard, limiter=bucket).http.get("/healthz", headers=GOOD)

    assert 200 == answer.status_code
    assert ([], []) == (guard.asked, bucket.taken)
    assert not inner.visits[0].principal.scope.shows("prod")


@pytest.mark.parametrize(("shown", "token"), [(True, "good"), (False, "bad"), (False, None)])
def test_readyz_tells_more_to_those_it_knows(shown: bool, token: str | None) -> None:  # noqa: FBT001 - an expectation
    """Everybody gets an answer; only known callers get names."""
    inner = Inner()
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    assert 200 == gated(inner).http.get("/readyz", headers=headers).status_code
    assert shown == inner.visits[0].principal.scope.shows("prod")


def test_405_says_what_is_allowed() -> None:
    """A known path by another method; HEAD comes with GET, OPTIONS with everything."""
    answer = gated().http.post("/api/pools/p", headers=GOOD)

    assert 405 == answer.status_code
    assert {"DELETE", "GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("status", "length"),
    [
        (413, "1048577"), (413, "9" * 40), (413, "9" * 5000), (400, "-1"), (400, "x"),
        (400, "1e3"), (400, "+1"), (400, "²"), (404, "0" * 30), (404, ""), (404, "1048576"),
    ],
)  # fmt: skip
def test_a_body_is_judged_by_its_length(status: int, length: str) -> None:
    """Too large is 413, no number 400, both before anybody is asked who they are."""
    answer = gated().http.get(
        "/api/v1/workers/x", environ_overrides={"CONTENT_LENGTH": length}, headers=GOOD
    )

    assert status == answer.status_code
    assert {"error"} == answer.json.keys()  # type: ignore[union-attr]


def test_a_rate_is_told_and_held() -> None:
    """Every answer says what is left; one too many is 4029 with a time to come back."""
    found = gated(limiter=Bucket(2))
    first, second, third = (found.http.get(PATH, headers=GOOD) for _ in range(3))

    assert [200, 200, 429] == [answer.status_code for answer in (first, second, third)]
    assert '"default";q=1000;w=120' == first.headers["RateLimit-Policy"]
    assert ['"default";r=1;t=13', '"default";r=0;t=13', '"default";r=0;t=13'] == [
        answer.headers["RateLimit"] for answer in (first, second, third)
    ]
    assert "3" == third.headers["Retry-After"]
    assert {"meta": {"code": 4029, "message": "Too many requests"}, "data": None} == third.json
    assert 1 == found.counted()[f'gpuscope_api_rate_limited_requests_total{{route="{PATH}"}}']


def test_the_first_request_is_counted() -> None:
    """A limiter that has not counted anything yet is a limiter."""
    found = gated(limiter=LocalLimiter(Rule(per_minute=1, burst=2)))

    assert [200, 200, 429] == [found.http.get(PATH, headers=GOOD).status_code for _ in range(3)]


def test_each_client_has_a_bucket_per_endpoint() -> None:
    """HEAD counts as GET, ids of a path as one, and what is not there as one thing."""
    bucket = Bucket(9)
    http = gated(limiter=bucket, limits=Limits(trusted_proxies=("127.0.0.0/8",))).http
    for method, path in (("HEAD", PATH), ("GET", "/api/pools/a"), ("PUT", PATH), ("GET", "/x")):
        http.open(path, method=method, headers=GOOD | {"X-Forwarded-For": "192.0.2.7"})

    assert [
        ("token:ci", f"GET {PATH}"),
        ("token:ci", "GET /api/pools/{id}"),
        ("token:ci", "unmatched"),
        ("address:192.0.2.7", "unmatched"),
    ] == bucket.taken


def test_what_is_ready_is_answered_without_the_application() -> None:
    """The parameters arrive decoded; the answer is the cached one."""
    inner = Inner()
    asked: list[Query] = []

    def ready(query: Query, principal: Principal) -> Answer:
        asked.append(query)
        return _always(query, principal)

    found = gated(inner, ready={PATH: ready})
    answer = found.http.get(f"{PATH}?cluster=a%20b&include=x&include=", headers=GOOD)

    assert BODY == answer.data
    assert [{"cluster": ["a b"], "include": ["x", ""]}] == asked
    assert [] == inner.visits
    counted = found.counted()
    assert 1 == counted[f'gpuscope_api_ready_answers_total{{outcome="ready",route="{PATH}"}}']


@pytest.mark.parametrize("query", ["cluster=%ff", "cluster=c"])
def test_what_is_not_ready_is_the_applications(query: str) -> None:
    """So is what only the application can decode."""
    ready: dict[str, Ready] = {PATH: _always if "%ff" in query else _never}
    found = gated(ready=ready)

    assert b"inner" == found.http.get(f"{PATH}?{query}", headers=GOOD).data
    counted = found.counted()
    assert 1 == counted[f'gpuscope_api_ready_answers_total{{outcome="miss",route="{PATH}"}}']


def test_a_request_with_a_body_is_the_applications() -> None:
    """Whatever a GET's body means, a cached answer was not made for it."""
    http = gated(ready={PATH: _always}).http

    assert b"inner" == http.get(PATH, headers=GOOD, data=b"{}").data
    assert b"inner" == http.get(PATH, headers={**GOOD, "Transfer-Encoding": "chunked"}).data


def test_a_ready_route_fails_as_the_application_does() -> None:
    """What the fast path raises is answered by the same table."""

    def ready(_query: Query, _principal: Principal) -> Answer:
        raise ClusterNotFound("Cluster not found")

    answer = gated(ready={PATH: ready}).http.get(PATH, headers=GOOD)

    assert 404 == answer.status_code
    assert {"meta": {"code": 4004, "message": "Cluster not found"}, "data": None} == answer.json


def test_a_defect_behind_the_gate_is_ours(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever comes out of the application, the client gets 5000 and the log the reason."""
    found = gated(Inner(error=ZeroDivisionError("inside")))
    answer = found.http.get(PATH, headers=GOOD)

    assert 500 == answer.status_code
    assert 5000 == json.loads(answer.data)["meta"]["code"]
    assert "inside" in caplog.text
    [failed] = [vars(line)["fields"] for line in caplog.records if line.msg == "request failed"]
    assert answer.headers["X-Request-ID"] == failed["request_id"]
    assert 0 == found.counted()["gpuscope_api_requests_in_flight"]


def test_an_application_yields_its_body() -> None:
    """The other way that PEP 3333 knows would pass the gate by."""

    def writes(_environ: "WSGIEnvironment", start: "StartResponse") -> list[bytes]:
        start("200 OK", [])(b"written")
        return []

    assert 500 == gated(writes).http.get("/healthz").status_code


@pytest.mark.parametrize("path", [PATH, "/healthz", "/nowhere", "/api/v1/realtime/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_every_answer_leaves_in_the_same_manner(path: str, method: str) -> None:
    """Nothing is sniffed, everything has an id; and the server's rules are kept (PEP 3333)."""
    found = gated(ready={PATH: _always}, wrap=validator)
    answer = found.http.open(path, method=method, headers=GOOD, query_string="a=1")

    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", [PATH, "/nowhere", "/api/pools/x/y"])
def test_head_has_the_headers_of_get(path: str) -> None:
    """Length included, of ready answers and of errors; no body."""
    http = gated(ready={PATH: _always}).http
    get, head = http.get(path, headers=GOOD), http.head(path, headers=GOOD)

    assert b"" == head.data
    assert {name for name, _ in get.headers} == {name for name, _ in head.headers}
    assert str(len(get.data)) == head.headers["Content-Length"]


def test_a_header_that_cannot_be_sent_ends_the_request() -> None:
    """A server that refuses to begin leaves nothing counted as going on."""

    def refuses(*_: object) -> None:
        raise ValueError("a header with a line feed")

    found = gated()
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/healthz", "SERVER_PORT": "80"}
    with pytest.raises(ValueError, match="line feed"):
        found.gate(environ, refuses)  # type: ignore[arg-type]

    assert 0 == found.counted()["gpuscope_api_requests_in_flight"]


@pytest.mark.parametrize("path", [PATH, "/api/v1/realtime/secret", "/readyz", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("headers", [{}, GOOD])
def test_what_a_listener_does_not_serve_is_not_there(
    path: str, method: str, headers: dict[str, str]
) -> None:
    """Nothing tells a path that is served elsewhere from one that is served nowhere."""
    found = gated(ready={PATH: _always}, listen_apis={81: (Api.POOLS,)})
    place = {"SERVER_PORT": "81", "HTTP_X_REQUEST_ID": "r"}
    answer = found.http.open(path, method=method, headers=headers, environ_overrides=place)
    unknown = f"{path}-x" if path != PATH else "/api/v1/realtime/x"
    other = found.http.open(unknown, method=method, headers=headers, environ_overrides=place)

    assert (404 if headers or not path.startswith("/api") else 401) == answer.status_code
    assert (other.status_code, other.data, list(other.headers)) == (
        answer.status_code,
        answer.data,
        list(answer.headers),
    )


def test_a_listener_of_one_api_serves_it_and_its_own_health() -> None:
    """Routes of the API that it is for, and `/healthz`; the other listeners serve everything."""
    found = gated(listen_apis={81: (Api.POOLS,)})

    def status(path: str, port: str) -> int:
        place = {"SERVER_PORT": port}
        return found.http.get(path, headers=GOOD, environ_overrides=place).status_code

    paths = ("/api/pools/p", "/healthz", PATH, "/readyz")
    assert [200, 200, 404, 404] == [status(path, "81") for path in paths]
    assert [200, 200, 200, 200] == [status(path, "80") for path in paths]


def test_the_port_is_the_listeners_and_not_the_hosts() -> None:
    """Whatever a client calls the server, it has come in where it has come in."""
    found = gated(listen_apis={81: (Api.POOLS,)})
    for host in ("x:80", "x:81", "x", "", ":80", "80"):
        place = {"SERVER_PORT": "81", "HTTP_HOST": host, "HTTP_SERVER_PORT": "80"}

        assert 404 == found.http.get(PATH, headers=GOOD, environ_overrides=place).status_code
