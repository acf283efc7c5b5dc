"""Operators see whether the service lives, can answer, and what it does."""

import json
from collections.abc import Iterator

import pytest

from queryapi.errors import UpstreamUnavailable
from tests.support.query_service import STATUS, Service, body, running

_DOWN = UpstreamUnavailable("the connection to Prometheus failed", reason="refused")


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running(clusters=("c", "d")) as service:
        yield service


def metrics(service: Service) -> dict[str, float]:
    """Return the samples of /metrics by their text."""
    lines = service.get("/metrics").text.splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def test_alive_is_not_ready(service: Service) -> None:
    """Without Prometheus the process is alive, not ready, and says why, cluster by cluster."""
    service.prometheus.broken["probe"] = _DOWN
    ready = service.get("/readyz")

    assert 200 == service.get("/healthz").status_code
    assert 503 == ready.status_code
    assert not body(ready)["ready"]
    assert {"ready": False, "reason": str(_DOWN)} == body(ready)["clusters"]["d"]


def test_ready_means_that_prometheus_answers(service: Service) -> None:
    """A cheap question decides; an answer of late needs no question."""
    first, second = service.get("/readyz"), service.get("/readyz")

    assert (200, 200) == (first.status_code, second.status_code)
    assert {"ready": True, "reason": "answered just now"} == body(first)["clusters"]["c"]
    assert {"ready": True, "reason": "answered 0 s ago"} == body(second)["clusters"]["c"]
    assert 2 == service.prometheus.count("probe")


def test_readiness_probes_do_not_add_up(service: Service) -> None:
    """However often it is asked, a Prometheus that is away is probed once a second."""
    service.prometheus.broken["probe"] = _DOWN
    for _ in range(5):
        service.get("/readyz")

    # Two clusters, each tried twice: a refused connection is tried once more.
    assert 4 == service.prometheus.count("probe")


def test_requests_are_counted_by_template(service: Service) -> None:
    """What clients write never becomes a label."""
    service.get(STATUS + "&include=secret")
    service.get("/nowhere/secret")
    service.http.open("/healthz", method="SECRET")
    found = metrics(service)
    counted = "gpuscope_api_request_duration_seconds_count"
    route = 'route="/api/v1/realtime/status",status="200"'

    assert 1 == found[f'{counted}{{method="GET",{route}}}']
    assert 1 == found[f'{counted}{{method="GET",route="unmatched",status="404"}}']
    assert 1 == found[f'{counted}{{method="other",route="unmatched",status="405"}}']
    assert not [name for name in found if "secret" in name.lower()]
    assert all(name.startswith("gpuscope_api_") for name in found)


def test_parts_are_counted_by_how_they_were_had(service: Service) -> None:
    """Fetched, fresh, stale and failed parts are told apart."""
    counted = 'gpuscope_api_snapshot_part_requests_total{cluster="c",outcome="%s",part="totals"}'
    service.get(STATUS)
    service.get(STATUS)
    service.prometheus.broken["totals"] = _DOWN
    service.clock.now += 40
    service.get(STATUS)
    service.clock.now += 40
    service.get(STATUS)
    found = metrics(service)

    outcomes = ("fetched", "fresh", "stale", "failed")
    assert [1, 1, 1, 1] == [found[counted % outcome] for outcome in outcomes]


def test_queries_are_counted_by_how_they_ended(service: Service) -> None:
    """An operator sees why Prometheus is of no use."""
    counted = 'gpuscope_api_upstream_query_duration_seconds_count{cluster="c",outcome="%s"}'
    service.get(STATUS)
    service.prometheus.broken["totals"] = _DOWN
    service.clock.now += 40
    service.get(STATUS)
    found = metrics(service)

    assert [3, 1] == [found[counted % outcome] for outcome in ("ok", "refused")]


def test_each_request_leaves_one_line(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The line names the request's id, which the client gets too; the query string stays out."""
    caplog.set_level("INFO", logger="queryapi.access")
    given = service.http.get(STATUS, headers={"X-Request-ID": "abc-1"})
    forged = service.http.get(STATUS, headers={"X-Request-ID": 'x" y'})
    lines = [vars(record)["fields"] for record in caplog.records]

    assert "abc-1" == given.headers["X-Request-ID"]
    assert 32 == len(forged.headers["X-Request-ID"])
    assert ["abc-1", forged.headers["X-Request-ID"]] == [line["request_id"] for line in lines]
    assert {("GET", "/api/v1/realtime/status", 200)} == {
        (line["method"], line["path"], line["status"]) for line in lines
    }
    assert "cluster=c" not in json.dumps(lines)
