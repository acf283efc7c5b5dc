"""What Prometheus tells of targets makes a service healthy or not; what it does not, neither."""

from typing import Any

import pytest

from queryapi.outbound.transport import ExchangeFailed, Reply
from queryapi.services.vitals.model import Status
from tests.support import fake_prometheus
from tests.support.examining import ScriptedPrometheus, looking
from tests.support.fake_prometheus import Series

_NOW = 1000.0


def _told(job: str, instance: str = "", **numbers: float) -> list[Series]:
    labels = {"job": job, **({"instance": instance} if instance else {})}
    return [
        fake_prometheus.series("", value, told=name, **labels) for name, value in numbers.items()
    ]


def _alertmanagers(count: float) -> Series:
    return fake_prometheus.series("", count, told="alertmanagers")


@pytest.mark.parametrize(
    ("status", "error", "up", "targets", "min_up"),
    [
        (Status.HEALTHY, "", 8, 8, 1.0),
        (Status.UNHEALTHY, "3 of 8 targets are down", 5, 8, 1.0),
        (Status.UNHEALTHY, "1 of 8 targets is down", 7, 8, 0.9),
        (Status.HEALTHY, "", 9, 10, 0.9),
        (Status.HEALTHY, "", 7, 10, 0.7),
        (Status.UNHEALTHY, "its target is down", 0, 1, 0.5),
        (Status.NOT_CONFIGURED, "Prometheus has no target of this job", 0, 0, 1.0),
    ],
)
def test_a_service_is_healthy_when_enough_of_its_targets_are_up(
    status: Status, error: str, up: int, targets: int, min_up: float
) -> None:
    """No target at all is not the same as one that is down."""
    found = _told("j", up=up, targets=targets) if targets else []
    with looking(
        {"name": "s", "job": "j", "min_up": min_up}, asked=lambda _: ScriptedPrometheus(*found)
    ) as look:
        told = look.only()

    assert (status, error) == (told.status, told.error)
    assert "c" == told.cluster


def test_prometheus_counts_the_checks() -> None:
    """Response time, uptime, checks and failures are what Prometheus has, or absent."""
    known = _told("j", up=1, targets=1, seconds=0.25, started=400, checks=20, passed=17)
    bare = _told("bare", up=1, targets=1, seconds=float("nan"))
    prometheus = ScriptedPrometheus(*known, *bare)
    with looking(
        {"name": "s", "job": "j"}, {"name": "b", "job": "bare"}, asked=lambda _: prometheus
    ) as look:
        told = look.findings()

    service, plain = told["s"], told["b"]
    assert (0.25, 600.0, 20, 3) == (
        service.response_time,
        service.uptime,
        service.checks,
        service.failures,
    )
    assert (None, None, 0, 0) == (plain.response_time, plain.uptime, plain.checks, plain.failures)
    assert _NOW == service.last_success


def test_all_jobs_of_a_cluster_are_one_question() -> None:
    """One query asks for every job, and every selector in it names the cluster."""
    prometheus = ScriptedPrometheus(
        *_told("a", up=1, targets=1), *_told("a", "x:1", up=0, targets=1)
    )
    services = [
        {"name": "a", "job": "a"},
        {"name": "one", "job": "a", "instance": "x:1"},
        {"name": "b", "job": "b.b"},
    ]
    with looking(*services, asked=lambda _: prometheus) as look:
        told = look.findings()

    asked = [query for query in prometheus.queries if "scrape_duration_seconds" in query]
    statuses = {name: finding.status for name, finding in told.items()}
    assert 1 == len(asked)
    assert 'up{job=~"a|b\\\\.b",cluster="c"}' in asked[0]
    assert 'up{job=~"a",instance=~"x:1",cluster="c"}' in asked[0]
    assert asked[0].count("{") == asked[0].count('cluster="c"}')
    expected = [Status.HEALTHY, Status.UNHEALTHY, Status.NOT_CONFIGURED]
    assert dict(zip(("a", "one", "b"), expected, strict=True)) == statuses


@pytest.mark.parametrize(
    ("status", "error", "broken"),
    [
        (
            Status.ERROR,
            "Prometheus cannot be asked: the connection failed",
            ExchangeFailed("the connection failed", reason="refused"),
        ),
        (
            Status.TIMEOUT,
            "Prometheus did not answer in time",
            ExchangeFailed("it did not answer in time", reason="timeout"),
        ),
        (
            Status.ERROR,
            "Prometheus refuses this service's query",
            Reply(400, fake_prometheus.error("bad_data", "secret words")),
        ),
        (
            Status.ERROR,
            "Prometheus answered HTTP 401: check its URL and the credentials",
            Reply(401, b"secret"),
        ),
    ],
    ids=["refused", "late", "rejected", "denied"],
)
def test_a_prometheus_that_cannot_be_asked_leaves_its_services_unknown(
    status: Status, error: str, broken: Reply | Exception
) -> None:
    """They are not called down, and the text holds none of Prometheus' own words."""
    prometheus = ScriptedPrometheus()
    prometheus.found = broken
    with looking({"name": "s", "job": "j"}, asked=lambda _: prometheus) as look:
        told = [look.only(), look.only(), look.only(), look.only()]

    assert [(status, error)] * 4 == [(finding.status, finding.error) for finding in told]


def test_a_prometheus_that_hangs_costs_its_own_cluster_alone() -> None:
    """The other cluster's services are told of; a hung one is asked once."""
    hung, well = ScriptedPrometheus(), ScriptedPrometheus(*_told("j", up=1, targets=1))
    hung.gate.clear()
    clusters = [{"name": name, "prometheus_url": "http://p"} for name in ("west", "east")]
    services: list[dict[str, Any]] = [
        {"name": "w", "job": "j", "cluster": "west"},
        {"name": "e", "job": "j", "cluster": "east"},
        {"name": "n", "numbers": {"a": "one"}, "cluster": "west"},
    ]
    with looking(
        *services,
        clusters=clusters,
        asked={"west": hung, "east": well}.__getitem__,
        deadline=0.5,
    ) as look:
        rounds = [look.round() for _ in range(2)]
        asked = sorted(hung.queries)
        hung.gate.set()

    for told in rounds:
        assert [Status.TIMEOUT, Status.HEALTHY, Status.TIMEOUT] == [f.status for f in told.findings]
        assert {"Prometheus did not answer in time"} == {
            told.events_error,
            told.findings[0].error,
            told.findings[2].error,
        }
    assert 3 == len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    "ways",
    [
        {"health_url": "http://127.0.0.1:9/", "job": "j"},
        {"job": "j", "numbers": {"a": "gone"}},
    ],
    ids=["probe", "numbers"],
)
def test_every_way_of_knowing_a_service_must_agree(ways: dict[str, Any]) -> None:
    """A health URL that fails is not outvoted by targets; a missing number is no fault."""
    prometheus = ScriptedPrometheus(
        *_told("j", up=1, targets=1, seconds=0.5, checks=9, passed=9), numbers={"gone": ()}
    )
    with looking({"name": "s", "timeout": 9.0, **ways}, asked=lambda _: prometheus) as look:
        told = look.only()

    probed = "health_url" in ways
    assert (Status.ERROR if probed else Status.HEALTHY) is told.status
    assert ("refused the connection" if probed else "") == told.error
    assert ((10, 1) if probed else (9, 0)) == (told.checks, told.failures)
    assert 0.5 == told.response_time


def test_the_alertmanager_is_told_of_where_there_is_one() -> None:
    """By its own targets, or by whom Prometheus sends to; nobody's absence is reported."""
    prometheus = ScriptedPrometheus()
    with looking(asked=lambda _: prometheus, built_in=True) as look:
        assert "alertmanager" not in look.findings()
        prometheus.found = [_alertmanagers(0)]
        assert "alertmanager" not in look.findings()
        prometheus.found = [_alertmanagers(1)]
        assert Status.HEALTHY is look.findings()["alertmanager"].status
        prometheus.found = Reply(500, b"")
        assert Status.ERROR is look.findings()["alertmanager"].status
        prometheus.found = [_alertmanagers(1), *_told("alertmanager", up=0, targets=1)]
        assert "its target is down" == look.findings()["alertmanager"].error
