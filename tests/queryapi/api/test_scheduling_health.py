"""Scheduler monitoring says how current it is, and since when it runs."""

import threading
from collections.abc import Iterator

import pytest

from queryapi import app
from queryapi.errors import UpstreamUnavailable
from queryapi.settings import Cluster, Settings
from tests.support import scheduling_series as told
from tests.support.fake_prometheus import SCRAPED_AT, Clock, FakePrometheus
from tests.support.query_service import OPENED, Service, Visitor, body, running

STATUS, METRICS = "/api/v1/scheduler/status", "/api/v1/scheduler/metrics"
HEALTH = "/api/v1/system/health"
_DOWN = UpstreamUnavailable("the connection to Prometheus failed", reason="refused")


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


def test_data_gets_old_and_is_told_as_such(service: Service) -> None:
    """Current, then old and marked, then none; the health is 200 all the while."""
    assert {"status": "healthy", "timestamp": int(OPENED), "uptime_seconds": 0} == body(
        service.get(HEALTH)
    )
    service.get(STATUS)
    service.prometheus.broken["scrape"] = _DOWN
    service.clock.now += 30
    stale = service.get(STATUS)

    assert (200, '110 - "Response is Stale"') == (stale.status_code, stale.headers["Warning"])
    service.clock.now += 60
    assert 503 == service.get(STATUS).status_code


@pytest.mark.parametrize(
    ("expected", "known", "broken"),
    [
        ("healthy", SCRAPED_AT, None),
        ("degraded", OPENED - 100, None),
        ("unhealthy", OPENED - 200, None),
        ("unhealthy", SCRAPED_AT, _DOWN),
    ],
)
def test_health_says_what_others_get(
    service: Service, expected: str, known: float, broken: Exception | None
) -> None:
    """Current data, old data, or none; never more than three keys."""
    service.prometheus.found["scrape"] = told.scrape(min(SCRAPED_AT, known), known)
    if broken:
        service.prometheus.broken["scrape"] = broken
    answer = service.get(HEALTH)

    assert (200, "no-store") == (answer.status_code, answer.headers["Cache-Control"])
    assert {"status": expected, "timestamp": int(OPENED), "uptime_seconds": 0} == body(answer)


def test_health_waits_for_no_prometheus(service: Service) -> None:
    """One that hangs is as good as none."""
    service.prometheus.gate.clear()
    told_in_time = threading.Event()

    def ask() -> None:
        assert "unhealthy" == body(service.get(HEALTH))["status"]
        told_in_time.set()

    threading.Thread(target=ask, daemon=True).start()

    assert told_in_time.wait(timeout=20)


def test_a_silence_is_judged_by_what_is_served(service: Service) -> None:
    """Nobody has asked for a while and Prometheus hangs: degraded while old answers are given."""
    service.get(STATUS)
    service.clock.now += 30
    service.prometheus.gate.clear()

    assert "degraded" == body(service.get(HEALTH))["status"]
    service.clock.now += 60
    assert "unhealthy" == body(service.get(HEALTH))["status"]


def test_uptime_is_the_services(service: Service) -> None:
    """It goes on within a window, and whoever started the service says since when."""
    service.get(STATUS)
    service.clock.now += 2.5
    found = [body(service.get(path))["uptime_seconds"] for path in (STATUS, METRICS, HEALTH)]

    assert [2, 2, 2] == found
    for started, expected in ((OPENED - 3600.5, 3600), (OPENED + 5, 0)):
        later = app.build(
            Settings(clusters=(Cluster("c", "http://prometheus"),)),
            started=started,
            clock=Clock(OPENED),
            connect=lambda _cluster, _settings: FakePrometheus(),
        )

        assert expected == body(Visitor(later.wsgi).get(STATUS))["uptime_seconds"]
        later.close()
