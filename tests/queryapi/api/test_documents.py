"""The description is what the service does, for programs and for people."""

import html
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
from werkzeug.test import Client, TestResponse

from queryapi import version
from queryapi.access.policy import Permission
from queryapi.api.description.failures import schema_of
from queryapi.api.description.openapi import description
from queryapi.api.description.page import page
from queryapi.api.endpoints import ENDPOINTS, Endpoint, Parameter
from queryapi.errors import UpstreamUnavailable
from queryapi.settings import Api
from tests.support.fake_prometheus import FakePrometheus, series
from tests.support.pools import WHOLE
from tests.support.query_service import STATUS, TASKS, Service, running
from tests.support.stored import prepared

_DOWN = UpstreamUnavailable("the connection to Prometheus failed", reason="refused")
_OURS = (
    *("Status", "GpuUsage", "AvailableResources", "NodeItem", "AlertItem", "EventItem"),
    *("RealTimeMetrics", "ServiceItem", "HealthSummary"),
    *("RunningTasks", "TaskItem", "Clusters", "ClusterItem"),
    *(
        "PoolItem",
        "PoolList",
        "Summary",
        "NodeTypeItem",
        "Activities",
        "ActivityItem",
        "ChangeItem",
    ),
    *("Capacity", "History", "HistoryPoint", "PoolWanted", "NodeTypeWanted", "SelectorWanted"),
    "PoolChange",
)
# What carries no answer of its own is in no description.
_UNDESCRIBED = {"HEAD", "OPTIONS"}


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with kept(tmp_path_factory.mktemp("documents")) as service:
        yield service


@contextmanager
def kept(folder: Path) -> Iterator[Service]:
    """Run the service with something in every list, and one registered pool."""
    with running(database_url=prepared(folder)) as service:
        fill(service.prometheus)
        assert 201 == service.http.post("/api/pools", json=dict(WHOLE)).status_code
        yield service


@pytest.fixture(name="http", scope="module")
def _http(service: Service) -> Client:
    return Client(service.http.application)


@pytest.fixture(name="described", scope="module")
def _described(http: Client) -> dict[str, Any]:
    found = json.loads(http.get("/openapi.json").data)
    assert isinstance(found, dict)
    return found


def fill(prometheus: FakePrometheus) -> None:
    """Let every list of an answer hold something, with and without what may be missing."""
    prometheus.found["nodes"] = [
        series("node:gpu_ready:min", 1, node="a"),
        series("node:gpu_capacity:sum", 8, node="a"),
        series("node:gpu_utilization_ratio:avg", 0.5, node="a"),
        series("node:gpu_ready:min", 0, node="b"),
    ]
    prometheus.found["alerts"] = [
        series("ALERTS", 1, alertname="Hot", alertstate="firing"),
        series("ALERTS", 1, alertname="Cold", alertstate="firing"),
        series("ALERTS_FOR_STATE", 900, alertname="Cold"),
    ]
    prometheus.found["events"] = [
        {
            "metric": {"id": "1", "type": "NodeAdded", "object": "a", "message": "New node"},
            "value": [1000, "900"],
        }
    ]
    prometheus.found["tasks"] = [
        series("gpu_pod_info", 1, namespace="ml", pod="p", uid="u", node="n"),
        series("gpu_pod_allocated", 0.5, namespace="ml", pod="q", uid="v", node="n"),
        series("gpu_pod_start_timestamp_seconds", 400, namespace="ml", pod="q", uid="v"),
    ]


def told(described: dict[str, Any], answer: TestResponse, path: str) -> Any:
    """Return an answer's body, after holding it to its description."""
    response = described["paths"][path]["get"]["responses"][str(answer.status_code)]
    [(media, content)] = response["content"].items()
    assert media == answer.mimetype
    if media != "application/json":
        return answer.text
    body = json.loads(answer.data)
    # References are resolved inside the document that holds the schema.
    jsonschema_rs.Draft202012Validator({**content["schema"], **_components(described)}).validate(
        body
    )
    return body


def _components(described: dict[str, Any]) -> dict[str, Any]:
    return {"components": described["components"]}


def test_every_route_is_described_and_there_is_no_other(
    service: Service, described: dict[str, Any]
) -> None:
    """By path and method."""
    rules = service.application.flask.url_map.iter_rules()
    routed = {
        (re.sub(r"<(?:rest:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in rules
        for method in (rule.methods or set()) - _UNDESCRIBED
    }
    known = {
        (path, method.upper()) for path, methods in described["paths"].items() for method in methods
    }

    assert routed == known


def test_the_description_says_which_version_it_is_of(described: dict[str, Any]) -> None:
    """Format and version of the product."""
    assert ("3.1.1", version.current()) == (described["openapi"], described["info"]["version"])
    assert [{"url": "/"}] == described["servers"]


def test_every_schema_is_one(described: dict[str, Any]) -> None:
    """JSON Schema 2020-12, which OpenAPI 3.1 takes as it is; every reference leads somewhere."""
    for schema in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    references = set(re.findall(r'"#/(components/\w+/[\w-]+)"', json.dumps(described)))

    assert references
    for reference in references:
        _, kind, name = reference.split("/")
        assert name in described["components"][kind]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/realtime/status", "?cluster=c"),
        ("/api/v1/realtime/status", "?cluster=c&include=nodes,alerts,events"),
        ("/api/v1/realtime/status", ""),
        ("/api/v1/realtime/status", "?cluster=x"),
        ("/api/v1/realtime/running-tasks", "?cluster=c"),
        ("/api/v1/realtime/running-tasks", "?cluster=c&namespace=none"),
        ("/api/v1/realtime/running-tasks", "?cluster=x"),
        ("/api/v1/clusters", ""),
        ("/api/v1/real-time-metrics", ""),
        ("/api/v1/real-time-metrics", "?compare=1h&max_age=3"),
        ("/api/v1/real-time-metrics", "?compare=1"),
        ("/api/pools", ""),
        ("/api/pools/activity", ""),
        ("/api/pools/activity", "?limit=0"),
        ("/healthz", ""),
        ("/readyz", ""),
        ("/metrics", ""),
        ("/openapi.json", ""),
        ("/docs", ""),
        ("/docs/style.css", ""),
    ],
)
def test_real_answers_are_as_described(
    http: Client, described: dict[str, Any], path: str, query: str
) -> None:
    """Status, media type, body and certain headers are the described ones."""
    answer = http.get(path + query)
    response = described["paths"][path]["get"]["responses"][str(answer.status_code)]
    certain = [
        name
        for name in response["headers"]
        if described["components"]["headers"][name].get("required")
    ]

    assert told(described, answer, path)
    assert set() == set(certain) - set(answer.headers.keys())


def test_failures_of_prometheus_are_as_described(described: dict[str, Any]) -> None:
    """503 of the real-time API, of readiness, and what a broken service says."""
    with running() as service:
        service.prometheus.broken |= dict.fromkeys(("probe", "totals", "evaluation"), _DOWN)
        down = service.get(STATUS)
        unready = service.get("/readyz")
    with running() as service:
        service.prometheus.broken["evaluation"] = ZeroDivisionError()
        broken = service.get(TASKS)

    assert [503, 503, 500] == [down.status_code, unready.status_code, broken.status_code]
    assert 5003 == told(described, down, "/api/v1/realtime/status")["meta"]["code"]
    assert not told(described, unready, "/readyz")["ready"]
    assert 5000 == told(described, broken, "/api/v1/realtime/running-tasks")["meta"]["code"]


def test_examples_are_as_described(described: dict[str, Any]) -> None:
    """What a reader copies is right, for answers and failures alike."""
    operations = [
        operation for methods in described["paths"].values() for operation in methods.values()
    ]
    bodies = [
        body
        for operation in operations
        for body in (*operation["responses"].values(), operation.get("requestBody", {}))
    ]
    contents = [
        content
        for body in bodies
        for content in body.get("content", {}).values()
        if "example" in content
    ]

    assert 5 == sum("requestBody" in operation for operation in operations)
    assert contents
    for content in contents:
        jsonschema_rs.Draft202012Validator(
            {**content["schema"], **_components(described)}
        ).validate(content["example"])


def test_every_field_says_what_it_is(described: dict[str, Any]) -> None:
    """No reader has to guess; a constant speaks for itself."""
    schemas = described["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name in _OURS
        for field, schema in schemas[name]["properties"].items()
        if "description" not in schema and "$ref" not in schema
    ]

    assert ["Clusters.clusters", "PoolList.pools", "Activities.activities", "History.points"] == (
        silent
    )


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/style.css"])
def test_documents_are_sent_once(http: Client, path: str) -> None:
    """Whoever has the current one is told so, and asks each time."""
    first = http.get(path)
    again = http.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (200, "no-cache") == (first.status_code, first.headers["Cache-Control"])
    assert (304, b"") == (again.status_code, again.data)


class _Links(HTMLParser):
    """Collects what a page makes a browser fetch, run or show as structure."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.targets.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(name)


def read(text: str) -> _Links:
    """Return what there is in a page."""
    links = _Links()
    links.feed(text)
    return links


def test_the_page_needs_nothing_from_elsewhere(http: Client) -> None:
    """No script, nothing inline, one style sheet of ours; the policy allows no more."""
    answer = http.get("/docs")
    links = read(answer.text)

    assert "text/html; charset=utf-8" == answer.content_type
    assert answer.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'self';"
    )
    assert set() == {"script", "style", "img", "iframe", "form"} & set(links.tags)
    assert [] == links.inline
    assert {"/docs/style.css", "/openapi.json"} == {
        target for target in links.targets if not target.startswith("#")
    }
    assert all(
        200 == http.get(target).status_code
        for target in links.targets
        if not target.startswith("#")
    )


def test_the_page_can_be_found_through(http: Client) -> None:
    """It has landmarks, headings that links lead to, and a heading cell for every row."""
    answer = http.get("/docs")
    links = read(answer.text)

    assert {"header", "nav", "main", "h1", "h2", "h3"} <= set(links.tags)
    assert set() == {t[1:] for t in links.targets if t.startswith("#")} - set(links.ids)
    assert len(set(links.ids)) == len(links.ids)
    assert links.tags.count("tr") <= links.tags.count("th")
    assert '<html lang="en">' in answer.text
    assert '<meta name="viewport"' in answer.text
    assert "prefers-color-scheme: dark" in http.get("/docs/style.css").text


def test_every_route_stands_on_the_page_with_a_line_that_asks_it(tmp_path: Path) -> None:
    """The curl lines are real: each method, path, query and body of theirs succeeds, in order."""
    told = []
    with kept(tmp_path) as service:
        text = html.unescape(service.get("/docs").text)
        for line in re.findall(r"<code>(curl .*)</code>", text):
            words = shlex.split(line)
            method = words[words.index("-X") + 1] if "-X" in words else "GET"
            body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
            url = urlsplit(words[-1])
            query = url.query.replace("prod-cluster", "c")
            answer = service.http.open(f"{url.path}?{query}", method=method, json=body)
            told.append((method, url.path, answer.status_code))

    assert [(e.method, e.sample, e.success) for e in ENDPOINTS] == told


_HOSTILE = "<script>alert(1)</script>"


def test_texts_of_the_description_cannot_become_markup() -> None:
    """Whatever a description holds, the page shows it."""
    endpoint = Endpoint(
        "GET",
        "/x/{name}",
        Api.JOBS,
        Permission.READ,
        _HOSTILE,
        None,
        (
            Parameter("name", _HOSTILE, required=True, example="n"),
            Parameter("a", "b", example=_HOSTILE),
        ),
        media="text/plain",
    )
    described = description((endpoint,), _HOSTILE)

    assert "script" not in read(page(described)).tags
    assert "&lt;script&gt;" in page(described)
    assert "path" == described["paths"]["/x/{name}"]["get"]["parameters"][0]["in"]


def test_failures_have_the_form_of_their_api() -> None:
    """The schema is made of the very words that are sent."""
    assert {
        "type": "object",
        "properties": {"error": {"type": "string"}, "details": {"type": "string"}},
        "required": ["error"],
    } == schema_of([{"error": "a"}, {"error": "b", "details": "c"}])
    assert {
        "type": "object",
        "properties": {
            "ok": {"type": "boolean", "const": False},
            "code": {"type": "integer", "enum": [1, 2]},
            "text": {"type": "string"},
            "data": {"type": "null"},
        },
        "required": ["ok", "code", "text", "data"],
    } == schema_of(
        [
            {"ok": False, "code": 1, "text": "a", "data": None},
            {"ok": False, "code": 2, "text": "b", "data": None},
            {"ok": False, "code": 1, "text": "c", "data": None},
        ]
    )
