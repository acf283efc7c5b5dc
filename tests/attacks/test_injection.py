"""What is sent is data: in PromQL, SQL, HTML, headers and JSON alike, wherever it is sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from werkzeug.test import TestResponse

from queryapi.api.endpoints import ENDPOINTS, Endpoint
from tests.support import fake_prometheus, scheduling_series
from tests.support.hostile import CORPUS, HARMLESS, PROMQL, UNKNOWN, Place, Sent, places, sent
from tests.support.pools import WHOLE
from tests.support.promql_reading import chosen, shape
from tests.support.query_service import Service, body
from tests.support.tenants import Tenants, tenants
from tests.support.whole import some

pytestmark = pytest.mark.attacks

_PLACES = list(places())
_BY_ENDPOINT = [
    pytest.param(endpoint, id=f"{endpoint.method} {endpoint.path}") for endpoint in ENDPOINTS
]
_WINDOW = 31.0
# Routes whose success tells of one pool by its id.
_POOLS_TOLD = ("/api/pools", "/api/pools/{pool_id}")
# One value in so many, others at each place of a route: no route treats what all are sent on its
# own, and the texts of one body are read by one reader.
_ONE_OF_EVERYWHERE, _ONE_OF_LIMITED = some(13, 5), some(7, 1)
_ONE_OF = {"path": some(3, 1), "query": some(3, 1), "body": some(13, 4), "key": some(2, 1)}
# An administrator's own PromQL, by default: the settings' words, as they stand there.
_OWN_NUMBER = {("__name__", "=", "prometheus_tsdb_head_samples_appended_total")}


@dataclass(slots=True)
class Overheard:
    """A service whose questions are all listened to.

    Attributes:
        shapes: What harmless requests ask, and the question whether anybody is there.
        values: Every value that was ever asked for, by label.
    """

    tenants: Tenants
    pool: str
    shapes: set[tuple[object, ...]] = field(default_factory=lambda: {shape("vector(1)")})
    values: set[tuple[str, str]] = field(default_factory=set)

    @property
    def service(self) -> Service:
        """The service."""
        return self.tenants.service

    def send(self, request: Sent, caller: str = "admin") -> TestResponse:
        """Send a request."""
        headers = {**self.tenants.callers[caller], **request.headers}
        return self.service.http.open(
            request.url, method=request.method, headers=headers, data=request.body
        )

    def renew(self) -> None:
        """Have every part asked for again."""
        self.service.clock.now = now = self.service.clock.now + _WINDOW
        found = self.service.prometheus.found
        for part, name in (("evaluation", "evaluation"), ("stamps", "snapshot")):
            metric = f"cluster:gpu_{name}_timestamp_seconds:max"
            found[part] = [fake_prometheus.series(metric, now)]
        found["scrape"] = scheduling_series.scrape(now)

    def take(self, *, harmless: bool = False) -> None:
        """Judge what was asked since; a harmless request's questions are what others may ask."""
        asked, self.service.prometheus.queries[:] = self.service.prometheus.queries[:], []
        for query in asked:
            selectors = chosen(query)
            for selector in selectors:
                if selector == _OWN_NUMBER:
                    continue
                of_cluster = [it for it in selector if it[0] == "cluster"]
                assert of_cluster in ([("cluster", "=", "c")], [("cluster", "=", "d")]), query
                self.values |= {(label, value) for label, _, value in selector}
            if harmless:
                self.shapes.add(shape(query))
            else:
                assert shape(query) in self.shapes, query


@pytest.fixture(name="overheard", scope="module")
def _overheard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overheard]:
    with tenants(tmp_path_factory.mktemp("injection")) as made:
        admin = made.callers["admin"]
        pool = body(made.service.http.post("/api/pools", json=dict(WHOLE), headers=admin))["id"]
        overheard = Overheard(made, pool)
        for place in (it for it in _PLACES if it.kind != "header"):
            overheard.renew()
            _settled(overheard, place, HARMLESS)
            overheard.take(harmless=True)
        yield overheard


def _settled(overheard: Overheard, place: Place, value: str) -> TestResponse:
    """Send a value; then read what it has made, in the past as well, and take it back."""
    known = {"cluster": "c", "pool_id": overheard.pool, "range": "2h"}
    answer = overheard.send(sent(place, value, **known))
    method, path = place.endpoint.method, place.endpoint.path
    if answer.status_code in (200, 201) and method in ("POST", "PUT") and path in _POOLS_TOLD:
        _read_and_forgotten(overheard, method, body(answer)["id"])
    return answer


def _read_and_forgotten(overheard: Overheard, method: str, pool: str) -> None:
    one = f"/api/pools/{quote(pool, safe='')}"
    for path in (one, f"{one}/history?range=2h", f"{one}/capacity"):
        assert 200 == overheard.send(Sent("GET", path, {}, None)).status_code
    if method == "POST":
        assert 200 == overheard.send(Sent("DELETE", one, {}, None)).status_code


def _values(place: Place, number: int) -> tuple[str, ...]:
    everywhere = place.kind == "header" or place.name == UNKNOWN or place.endpoint.api is None
    step = _ONE_OF_EVERYWHERE if everywhere else _ONE_OF.get(place.kind, 1)
    # Routes begin with different ones: places of a kind stand at the same number in many.
    return CORPUS[(number + ENDPOINTS.index(place.endpoint)) % step :: step]


@pytest.mark.parametrize("kind", ["path", "query", "header", "body", "key"])
def test_every_value_is_sent_in_every_kind_of_place(kind: str) -> None:
    """And each place is sent several, whatever is left out to save time."""
    sending = [
        _values(place, number)
        for endpoint in ENDPOINTS
        for number, place in enumerate(it for it in _PLACES if it.endpoint is endpoint)
        if place.kind == kind
    ]

    assert 4 <= min(map(len, sending))
    assert set(CORPUS) == {value for values in sending for value in values}


@pytest.mark.parametrize("endpoint", _BY_ENDPOINT)
def test_nothing_that_is_sent_is_understood(
    overheard: Overheard, described: dict[str, Any], endpoint: Endpoint
) -> None:
    """Every answer is described, is JSON where it says so, and asks what harmless ones ask."""
    statuses = described["paths"][endpoint.path][endpoint.method.lower()]["responses"]
    for number, place in enumerate(it for it in _PLACES if it.endpoint is endpoint):
        overheard.renew()
        for value in _values(place, number):
            answer = _settled(overheard, place, value)
            assert str(answer.status_code) in statuses or answer.status_code in (404, 405), (
                f"{place} {value!r}: {answer.status_code}"
            )
            assert answer.status_code < 500
            assert "Set-Cookie" not in answer.headers
            assert not any("\n" in text or "\r" in text for _, text in answer.headers)
            if answer.mimetype == "application/json" and answer.data:
                msgspec.json.decode(answer.data)
            if "<script>" in value and answer.mimetype == "text/html":
                assert value not in answer.text
        overheard.take()


@pytest.fixture(name="described", scope="module")
def _described(overheard: Overheard) -> dict[str, Any]:
    found: dict[str, Any] = body(overheard.send(Sent("GET", "/openapi.json", {}, None)))
    return found


def test_no_parameter_of_the_description_is_left_out(described: dict[str, Any]) -> None:
    """A new route, parameter or text of a body is attacked without anybody's doing."""
    tried = {(place.endpoint.method, place.endpoint.path, place.name) for place in _PLACES}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                found = parameter if "name" in parameter else _resolved(described, parameter)
                assert (method.upper(), path, found["name"]) in tried
            if "requestBody" in operation:
                [content] = operation["requestBody"]["content"].values()
                for name in _texts_of(described, content["schema"]):
                    assert any(
                        (method.upper(), path) == (it.endpoint.method, it.endpoint.path)
                        and name in it.at
                        for it in _PLACES
                    ), f"{method} {path}: {name}"


def _resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = described
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _texts_of(described: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Yield the fields that may hold a text, at any depth."""
    whole = _resolved(described, schema)
    for name, given in whole.get("properties", {}).items():
        if '"string"' in json.dumps(_flat(described, given)) and "enum" not in json.dumps(given):
            yield name
        for each in _flat(described, given):
            if each.get("type") == "object":
                yield from _texts_of(described, each)


def _flat(described: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    whole = _resolved(described, schema)
    found = [{**whole, "properties": whole.get("properties", {})}]
    for each in (*whole.get("anyOf", ()), *([whole["items"]] if "items" in whole else ())):
        found += _flat(described, each)
    return found


def test_what_is_stored_reaches_prometheus_as_itself(overheard: Overheard) -> None:
    """The matrix above does ask with what was sent: each by a matcher that it alone fits."""
    for number, value in enumerate(PROMQL):
        fact = {"pool": [f"{number}{value}"]}
        made = _pool(overheard, selector=fact)
        if made.status_code == 201:
            overheard.send(Sent("GET", f"/api/pools/{body(made)['id']}/history", {}, None))
            assert ("pool", _escaped(f"{number}{value}")) in _asked(overheard), value
    overheard.service.prometheus.queries.clear()


def _asked(overheard: Overheard) -> set[tuple[str, str]]:
    queries = overheard.service.prometheus.queries
    return {(name, value) for q in queries for one in chosen(q) for name, _, value in one}


def _escaped(value: str) -> str:
    return "".join(f"\\{it}" if it in r"\.+*?()|[]{}^$" else it for it in value)


def _pool(overheard: Overheard, **told: Any) -> TestResponse:
    wanted = json.dumps(dict(WHOLE) | told).encode()
    return overheard.send(Sent("POST", "/api/pools", {"Content-Type": "application/json"}, wanted))


# Where jobs are is looked for once for all who may see them; who may, each job's namespace says.
_OF_JOBS = "max by(namespace,pod,uid,node,workload_name) (gpu_pod_info"
_LIMITED_MATCHERS = {"viewer of ours": {"ours"}, "viewer of c": {r"ours|x\.y"}}


@pytest.mark.parametrize("caller", _LIMITED_MATCHERS)
def test_no_value_leads_out_of_a_limit(overheard: Overheard, caller: str) -> None:
    """What is asked for a limited caller of anybody's work names their namespaces, whole."""
    reading = [it for it in _PLACES if it.endpoint.method == "GET" and it.kind in ("query", "path")]
    overheard.service.prometheus.queries.clear()
    work = 0
    first = list(_LIMITED_MATCHERS).index(caller)
    for number, place in enumerate(reading, first):
        overheard.renew()
        for value in PROMQL[number % _ONE_OF_LIMITED :: _ONE_OF_LIMITED]:
            overheard.send(sent(place, value, cluster="c", pool_id=overheard.pool), caller)
    for query in overheard.service.prometheus.queries:
        if query.startswith(_OF_JOBS):
            continue
        for selector in chosen(query):
            name = next((value for label, _, value in selector if label == "__name__"), "")
            of_work = name.startswith(("gpu_pod_", "gpu_event_", "ALERTS", "namespace:"))
            held = {value for label, op, value in selector if (label, op) == ("namespace", "=~")}
            assert _LIMITED_MATCHERS[caller] == held or not (of_work or held), query
            work += of_work
    assert work > 10
    overheard.service.prometheus.queries.clear()


_BODIES = {
    "a key twice": b'{"name":"a","name":"b","id":"a","id":"b","progress":1,"progress":2}',
    "no number": b'{"progress":NaN,"gpus":NaN,"name":NaN}',
    "endless": b'{"progress":1e999,"gpus":Infinity,"estimatedCost":-Infinity}',
    "a huge number": b'{"progress":' + b"9" * 5000 + b',"gpus":' + b"9" * 5000 + b"}",
    "a small number": b'{"progress":1e-' + b"9" * 300 + b"}",
    "deep": b'{"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a prototype": b'{"__proto__":{"role":"admin"},"constructor":{"prototype":{}}}',
    "half a character": b'{"name":"\\ud800","id":"\\udfff","currentOperation":"\\ud800"}',
    "no text": b'{"name":"\xff\xfe"}',
    "another coding": '{"name":"a"}'.encode("utf-16"),
    "a mark in front": b'\xef\xbb\xbf{"progress":1}',
    "two values": b'{"progress":1}{"progress":2}',
    "nothing": b"",
    "a list": b'[{"progress":1}]',
    "null": b"null",
    "an end in it": b'{"name":"a\x00b","progress":1}',
}


@pytest.mark.parametrize("name", _BODIES)
def test_odd_json_is_read_or_refused(overheard: Overheard, name: str) -> None:
    """400, or what was meant; never a failure, and what is told of it is JSON as others read it."""
    for endpoint in (it for it in ENDPOINTS if it.taken is not None):
        path = endpoint.path.format(pool_id=overheard.pool, job_id="odd")
        headers = {"Content-Type": "application/json"}
        answer = overheard.send(Sent(endpoint.method, path, headers, _BODIES[name]))
        assert answer.status_code in (200, 201, 400, 409, 422), f"{path}: {answer.status_code}"
        msgspec.json.decode(answer.data)
    for path in ("/api/jobs/odd/monitor", "/api/jobs", "/api/pools"):
        told = overheard.send(Sent("GET", path, {}, None))
        assert told.status_code in (200, 404)
        msgspec.json.decode(told.data)
