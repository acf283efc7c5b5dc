"""What the real-time API's document promises, kept by the whole application, gate and all."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from queryapi.errors import QueryRejected, UpstreamUnavailable
from queryapi.settings import Auth, Limits, Role
from queryapi.telemetry import logs
from tests.support.access import issue
from tests.support.fake_prometheus import series
from tests.support.logged import logging_restored
from tests.support.query_service import STATUS, TASKS, Service, body, running

CLUSTERS = "/api/v1/clusters"
PAGE = "https://grafana.example"

_HEAD = (
    '{"meta":{"code":2000,"message":"OK"},"data":{"cluster":"c","timestamp":"1970-01-01T00:16:35Z",'
)
_TOTALS = (
    '"current_gpu_usage":{"total_gpus":16,"allocated_gpus":4,"utilized_gpus":3,'
    '"allocation_rate":25.0,"utilization_rate":25.0},"running_tasks":1,"available_resources":'
    '{"available_gpus":12,"available_nodes":2,"max_contiguous_gpu":8}'
)


def _alert(name: str, severity: str, since: float) -> list[dict[str, Any]]:
    labels = {"alertname": name, "severity": severity, "node": "n1"}
    return [
        series("ALERTS", 1, **labels, alertstate="firing"),
        series("ALERTS_FOR_STATE", since, **labels),
    ]


def test_the_whole_status_to_the_letter() -> None:
    """Every field of the document, in its order; severities are the document's three."""
    with running() as service:
        found = service.prometheus.found
        found["nodes"] = [
            series("node:gpu_ready:min", 1, node="n1"),
            series("node:gpu_capacity:sum", 8, node="n1"),
            series("node:gpu_allocated:sum", 4, node="n1"),
            series("node:gpu_utilization_ratio:avg", 0.783, node="n1"),
        ]
        found["alerts"] = [*_alert("GPUHeat", "page", 500), *_alert("NodeGone", "CRITICAL", 600)]
        told = {"type": "PodCreated", "object": "ml/p", "message": "Pod created with 4 GPUs"}
        found["events"] = [series("gpu_event_timestamp_seconds", 980, id="e", **told)]
        answer = service.get(STATUS + "&include=nodes&include=alerts,EVENTS&include=pods")
        gone, heat = (alert["id"] for alert in body(answer)["data"]["alerts"])

    assert (
        f'{_HEAD}{_TOTALS},"alerts":['
        f'{{"id":"{gone}","severity":"critical","type":"NodeGone","message":"Node gone: node n1",'
        '"timestamp":"1970-01-01T00:10:00Z","source":"n1"},'
        f'{{"id":"{heat}","severity":"info","type":"GPUHeat","message":"GPU heat: node n1",'
        '"timestamp":"1970-01-01T00:08:20Z","source":"n1"}],'
        '"nodes":[{"node_name":"n1","status":"Ready","total_gpus":8,"allocated_gpus":4,'
        '"utilization":78.3}],'
        '"recent_events":[{"timestamp":"1970-01-01T00:16:20Z","type":"PodCreated",'
        '"object":"ml/p","message":"Pod created with 4 GPUs"}]}}'
    ) == answer.text


def test_the_tasks_to_the_letter() -> None:
    """Every field of a task, in the document's order."""
    with running() as service:
        answer = service.get(TASKS + "&namespace=ml")

    assert (
        f'{_HEAD}"total_tasks":1,"tasks":[{{"pod_uid":"u","pod_name":"p","namespace":"ml",'
        '"workload_type":"Pod","workload_name":"p","node_name":"n","allocated_gpus":4,'
        '"running_time_seconds":595,"started_at":"1970-01-01T00:06:40Z","owner":"o"}]}}'
    ) == answer.text


@pytest.fixture(name="tokens")
def _tokens(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "tokens"
    return {
        "file": str(path),
        "viewer": issue(path, Role.VIEWER),
        "worker": issue(path, Role.WORKER),
        "of d": issue(path, Role.VIEWER, clusters=("d",)),
    }


@pytest.fixture(name="guarded")
def _guarded(tokens: dict[str, str]) -> Iterator[Service]:
    auth = Auth(tokens_file=tokens["file"])
    with running(
        clusters=("c", "d"),
        auth=auth,
        limits=Limits(per_minute=1, burst=1),
        default_cluster="d",
        cors_origins=(PAGE,),
    ) as service:
        yield service


def _sent(service: Service, token: str | None, path: str, **options: Any) -> TestResponse:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return service.http.open(path, headers=headers, **options)


@pytest.mark.parametrize(
    ("status", "code", "message", "who", "path", "method"),
    [
        (400, 4000, "Invalid parameter: cluster is required", "viewer", STATUS[:-10], "GET"),
        (401, 4003, "who is asking must be known here: send the header Authorization: Bearer TOKEN",
         None, STATUS, "GET"),
        (403, 4005, "the role worker may not read here; ask for a token that may", "worker", STATUS,
         "GET"),
        (404, 4004, "Cluster not found", "viewer", STATUS + "x", "GET"),
        (404, 4004, "Cluster not found", "of d", STATUS, "GET"),
        (404, 4004, "Not found", "viewer", "/api/v1/realtime/nothing", "GET"),
        (405, 4006, "Method not allowed", "viewer", STATUS, "POST"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_code(
    guarded: Service,
    tokens: dict[str, str],
    status: int,
    code: int,
    message: str,
    who: str | None,
    path: str,
    method: str,
) -> None:
    """The document's form, a code that tells which, and HTTP's own status with it."""
    answer = _sent(guarded, tokens[who] if who else None, path, method=method)

    assert status == answer.status_code
    assert {"meta": {"code": code, "message": message}, "data": None} == answer.json
    assert [] == guarded.prometheus.asked


def test_a_body_that_is_too_large_has_its_code() -> None:
    """Whoever sends a megabyte to an API that reads none is told so, unread."""
    with running() as service:
        answer = service.http.post(STATUS, data=b"x" * 1_100_000)

    assert (413, 4013) == (answer.status_code, body(answer)["meta"]["code"])


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, 5003, UpstreamUnavailable("the connection failed", reason="refused")),
        (500, 5000, QueryRejected("parse error")),
        (500, 5000, ValueError("a defect")),
    ],
)
def test_each_failure_has_its_code(status: int, code: int, error: Exception) -> None:
    """Prometheus away is 5003 with a time to try again; what is wrong with us is 5000."""
    with running() as service:
        service.prometheus.broken["totals"] = error
        answer = service.get(STATUS)

    assert (status, code) == (answer.status_code, body(answer)["meta"]["code"])
    assert (status == 503) == ("Retry-After" in answer.headers)


def test_a_client_may_ask_as_often_as_the_document_says() -> None:
    """A burst of a thousand per client and endpoint, then 429 with the time until the next."""
    with running() as service:
        refused = service.get(STATUS)
        burst = 0
        # While they are sent some come back: eight a second.
        while refused.status_code == 200 and burst < 5000:
            burst, refused = burst + 1, service.get(STATUS)
        elsewhere = service.get(TASKS)
        others = service.http.get(STATUS, environ_base={"REMOTE_ADDR": "127.0.0.2"})

    assert burst >= 1000
    assert 429 == refused.status_code
    assert {"meta": {"code": 4029, "message": "Too many requests"}, "data": None} == refused.json
    assert "1" == refused.headers["Retry-After"]
    assert '"default";q=1000;w=120' == refused.headers["RateLimit-Policy"]
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
    assert (200, 200) == (elsewhere.status_code, others.status_code)


def test_a_caller_is_told_of_their_own_clusters(guarded: Service, tokens: dict[str, str]) -> None:
    """All that they may see, the default one marked, and no other name."""
    told = {
        who: [(one["name"], one["default"]) for one in body(_sent(guarded, tokens[who], CLUSTERS))[
            "clusters"
        ]]
        for who in ("viewer", "of d")
    }  # fmt: skip

    assert {"viewer": [("c", False), ("d", True)], "of d": [("d", True)]} == told
    assert 401 == _sent(guarded, None, CLUSTERS).status_code


def test_a_page_may_ask_when_its_origin_is_listed(guarded: Service) -> None:
    """Before anything is known of the caller; another origin is granted nothing."""
    asked = {"Access-Control-Request-Method": "GET"}
    granted, other = (
        guarded.http.options(STATUS, headers={**asked, "Origin": origin})
        for origin in (PAGE, "https://evil.example")
    )

    assert (204, 204) == (granted.status_code, other.status_code)
    assert PAGE == granted.headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_who_has_an_answer_is_sent_no_other(coding: str) -> None:
    """Each coding has its own ETag, asked of Flask first and of the ready answer then."""
    with running() as service:
        service.prometheus.found["events"] = [
            series("gpu_event_timestamp_seconds", 900 + i, id=f"{i}", message="x" * 100)
            for i in range(10)
        ]
        path, accepted = STATUS + "&include=events", {"Accept-Encoding": coding}
        first, ready = (service.http.get(path, headers=accepted) for _ in range(2))
        tag = first.headers["ETag"]
        again = service.http.get(path, headers={**accepted, "If-None-Match": tag})
        head = service.http.head(path + "&", headers=accepted)

    assert (coding == "gzip") == (first.headers.get("Content-Encoding") == "gzip")
    assert (coding == "gzip") == ("gzip" in tag)
    assert (first.data, tag) == (ready.data, ready.headers["ETag"])
    assert (304, b"", tag) == (again.status_code, again.data, again.headers["ETag"])
    assert (200, b"", tag) == (head.status_code, head.data, head.headers["ETag"])
    assert str(len(first.data)) == head.headers["Content-Length"]


@pytest.mark.parametrize("path", ["/api/v1/realtime/status/", "/api/v1/clusters/", "/healthz/"])
def test_a_trailing_slash_changes_nothing(path: str) -> None:
    """Ready or not: it is the same answer, and no redirect."""
    with running() as service:
        with_one, without = (service.get(f"{p}?cluster=c") for p in (path, path[:-1]))

    assert (200, 200) == (with_one.status_code, without.status_code)
    assert without.data == with_one.data


def test_a_request_keeps_its_id() -> None:
    """The one that a proxy gave is in the answer, whatever the answer is; others get a new one."""
    with running() as service:
        paths = (STATUS, STATUS, "/nowhere", "/metrics")
        given = {service.http.get(p, headers={"X-Request-ID": "a-1"}).headers["X-Request-ID"]
                 for p in paths}  # fmt: skip
        new = {service.get(path).headers["X-Request-ID"] for path in paths}

    assert {"a-1"} == given
    assert 4 == len(new)


def test_a_request_is_one_line_of_json(
    tokens: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """To the letter, but for the times; nothing of the query but a cluster of ours."""
    with logging_restored(), running(auth=Auth(tokens_file=tokens["file"])) as service:
        logs.configure("info", "json")
        headers = {"Authorization": f"Bearer {tokens['viewer']}", "X-Request-ID": "a-1"}
        service.http.get(STATUS + "&include=secret", headers=headers)
    [line] = capsys.readouterr().err.splitlines()

    assert (
        '{"time":T,"level":"info","logger":"queryapi.requests","message":"request",'
        '"request_id":"a-1","client":"127.0.0.1","principal":"P","method":"GET",'
        '"path":"/api/v1/realtime/status","route":"/api/v1/realtime/status","status":200,'
        '"bytes":322,"milliseconds":N,"cache":"miss","cluster":"c"}'
    ) == _without_what_differs(line)


def _without_what_differs(line: str) -> str:
    line = re.sub(r'"time":"[0-9T:.+-]+"', '"time":T', line)
    line = re.sub(r'"token:[0-9a-f]{12}"', '"P"', line)
    return re.sub(r'"milliseconds":[0-9.]+', '"milliseconds":N', line)
