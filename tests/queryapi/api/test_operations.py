"""Operators see whether the service lives, can answer, and what it does."""

import gzip
import time
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
    assert body(first)["clusters"]["c"]["ready"]
    assert {"ready": True, "reason": "answered just now"} == body(second)["clusters"]["c"]
    assert 2 == service.prometheus.count("probe")


def test_readiness_probes_do_not_add_up(service: Service) -> None:
    """However often it is asked, a Prometheus that is away is probed once a second."""
    service.prometheus.broken["probe"] = _DOWN
    for _ in range(5):
        service.get("/readyz")

    # Two clusters, each tried twice: a refused connection is tried once more.
    assert 4 == service.prometheus.count("probe")


@pytest.mark.parametrize(
    "accept", ["text/plain; version=new", "text/plain;version=" + "9" * 5000, "nonsense;=,;", ""]
)
def test_metrics_are_told_whatever_is_asked_for(service: Service, accept: str) -> None:
    """A format that nobody knows gets the one that everybody does."""
    answer = service.http.get("/metrics", headers={"Accept": accept})

    assert 200 == answer.status_code
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["Content-Type"]


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
    assert 1 == found[f'{counted}{{method="other",route="/healthz",status="405"}}']
    assert not [name for name in found if "secret" in name.lower()]
    assert all(name.startswith("gpuscope_api_") for name in found)


def test_parts_are_counted_by_how_they_were_had(service: Service) -> None:
    """Fetched, fresh, stale and failed parts are told apart; a ready answer needs none."""
    counted = 'gpuscope_api_snapshot_part_requests_total{cluster="c",outcome="%s",part="totals"}'
    service.get(STATUS)
    service.get(STATUS)
    service.get(STATUS + "&include=alerts")
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

    assert [5, 1] == [found[counted % outcome] for outcome in ("ok", "refused")]


def test_a_hung_prometheus_does_not_hold_probers_up(service: Service) -> None:
    """What is known is told: in about a second at first, at once after that."""
    service.prometheus.gate.clear()
    started = time.monotonic()
    answers = [service.get("/readyz") for _ in range(5)]

    assert {503} == {answer.status_code for answer in answers}
    assert time.monotonic() - started < 20
    assert 200 == service.get("/healthz").status_code


def test_a_process_that_ends_is_not_ready_and_still_answers(service: Service) -> None:
    """Whoever chooses among several goes elsewhere before this one is gone."""
    assert 200 == service.get("/readyz").status_code
    service.drain()

    assert 503 == service.get("/readyz").status_code
    assert body(service.get("/readyz"))["draining"]
    assert (200, 200) == (service.get("/healthz").status_code, service.get(STATUS).status_code)


def test_metrics_are_packed_for_who_can_take_it(service: Service) -> None:
    """Prometheus asks for gzip."""
    answer = service.http.get("/metrics", headers={"Accept-Encoding": "gzip"})

    assert "gzip" == answer.headers["Content-Encoding"]
    assert b"gpuscope_api_build_info" in gzip.decompress(answer.data)
    assert answer.headers["Content-Type"].startswith("text/plain")
