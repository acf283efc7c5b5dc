"""A cluster that a NativeLink tells of: numbers, empty lists, and no part in the other APIs."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.processes import wait_for
from queryapi import app
from queryapi.access.principal import Scope
from queryapi.settings import Cache, Cluster, Settings
from tests.support import nativelink
from tests.support.prometheus import Target, prometheus
from tests.support.query_service import OPENED, Service, Visitor, body, running
from tests.support.visits import visited

_WORKERS = ("total_workers", "active_workers", "paused_workers", "draining_workers")
_OPERATIONS = (
    "total_operations", "queued_operations", "executing_operations", "completed_operations",
)  # fmt: skip
_TEXTS = {
    "collector": nativelink.exposition("nativelink_"),
    "direct": nativelink.exposition(""),
    "both": nativelink.exposition("nativelink_") + nativelink.exposition("", factor=7),
}
_LIMITED = Scope(namespaces=frozenset({"ml"}))


@contextmanager
def told(folder: Path, text: str) -> Iterator[app.Application]:
    """Yield the service for the cluster `builds`, as soon as its Prometheus has *text*."""
    with (
        Target(text) as target,
        prometheus(folder, target, rules="groups: []", cluster="builds") as server,
    ):
        cluster = Cluster("builds", server.url, source="nativelink")
        with closing(app.build(Settings(clusters=(cluster,)))) as service:
            http = Visitor(service.wsgi)
            wait_for(
                lambda: http.get("/api/v1/scheduler/status").status_code == 200,
                seconds=60,
                what="the first scrape",
            )
            yield service


@pytest.fixture(name="collected", scope="module")
def _collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[app.Application]:
    """A NativeLink whose metrics came by way of an OpenTelemetry collector."""
    with told(tmp_path_factory.mktemp("collector"), _TEXTS["collector"]) as service:
        yield service


def test_a_nativelinks_numbers_are_told(collected: app.Application) -> None:
    """Status, metrics, health and cluster."""
    _tells_its_numbers(collected)


@pytest.mark.parametrize("names", ["direct", "both"])
def test_its_metrics_may_have_other_names(tmp_path: Path, names: str) -> None:
    """The same is told; of two names of one number only one counts."""
    with told(tmp_path, _TEXTS[names]) as service:
        _tells_its_numbers(service)


def _tells_its_numbers(service: app.Application) -> None:
    http = Visitor(service.wsgi)
    status = body(http.get("/api/v1/scheduler/status?cluster=builds"))
    metrics = body(http.get("/api/v1/scheduler/metrics"))
    health = body(http.get("/api/v1/system/health"))
    [listed] = body(http.get("/api/v1/clusters"))["clusters"]

    assert [10, 7, 2, 1] == [status[name] for name in _WORKERS]
    assert [19, 7, 4, 8] == [status[name] for name in _OPERATIONS]
    assert {"total": 10, "active": 7, "paused": 2, "draining": 1} == metrics["workers"]
    assert {"total": 19, "queued": 7, "executing": 4, "completed": 8} == metrics["operations"]
    assert ("healthy", True) == (health["status"], time.time() - health["timestamp"] < 60)
    assert ("builds", "healthy") == (listed["name"], listed["health"])
    assert listed["data_age_seconds"] < 60


def test_it_has_no_lists_and_no_gpus(collected: app.Application) -> None:
    """Its metrics name no worker and no operation; the real-time API does not know it."""
    http = Visitor(collected.wsgi)

    def said(path: str) -> tuple[int, Any]:
        answer = http.get(f"/api/v1/{path}")
        return answer.status_code, body(answer)

    assert (200, []) == said("workers")
    assert (200, []) == said("operations?stage=queued&worker_id=w&limit=5")
    assert (404, {"error": "Worker w not found"}) == said("workers/w")
    assert (404, {"error": "Operation ns:p not found"}) == said("operations/ns:p")
    for path in ("status", "running-tasks"):
        status, told_ = said(f"realtime/{path}?cluster=builds")
        assert (404, "Cluster not found") == (status, told_["meta"]["message"])


def test_callers_who_are_held_to_namespaces_are_told_of_workers(
    collected: app.Application,
) -> None:
    """Machines are nobody's; operations have no namespace, so that nothing is told of them."""
    limited = Visitor(visited(collected.flask, _LIMITED))
    status = body(limited.get("/api/v1/scheduler/status"))

    assert [] == body(limited.get("/api/v1/operations"))
    assert [10, 7, 2, 1] == [status[name] for name in _WORKERS]
    assert [None] * 4 == [status[name] for name in _OPERATIONS]


@contextmanager
def _silent() -> Iterator[Service]:
    """Run the service for a NativeLink whose Prometheus has nothing of it."""
    with running(clusters=("c",), source="nativelink") as service:
        yield service


def test_a_nativelink_that_tells_nothing_is_an_error() -> None:
    """No list is empty and no number zero because nothing is known."""
    with _silent() as service:
        for path in ("workers", "operations", "scheduler/status", "scheduler/metrics"):
            answer = service.get(f"/api/v1/{path}")

            assert 503 == answer.status_code
            assert "does NativeLink send its metrics there" in body(answer)["error"]
        [listed] = body(service.get("/api/v1/clusters"))["clusters"]

        assert "unhealthy" == body(service.get("/api/v1/system/health"))["status"]
    assert "unhealthy" == listed["health"]
    assert "does NativeLink send its metrics there" in listed["reason"]


def _found(age: float) -> list[dict[str, Any]]:
    """Return what is found of three workers that were told of so many seconds ago."""
    name = "nativelink_worker_connected_count"
    return [
        {"metric": {"told": name}, "value": [OPENED, "3"]},
        {"metric": {"known_at": name}, "value": [OPENED, str(OPENED - age)]},
    ]


@pytest.mark.parametrize(
    ("health", "listed", "warned", "age"),
    [("healthy", "healthy", False, 59.0), ("degraded", "stale", True, 61.0)],
)
def test_old_numbers_are_told_as_old(health: str, listed: str, *, warned: bool, age: float) -> None:
    """What was sent longer ago than `cache.stale` is marked, with its own age."""
    with _silent() as service:
        service.prometheus.found["instruments"] = _found(age)
        status = service.get("/api/v1/scheduler/status")
        [item] = body(service.get("/api/v1/clusters"))["clusters"]

        assert (3, None) == (body(status)["total_workers"], body(status)["queued_operations"])
        assert warned == ("Warning" in status.headers)
        assert health == body(service.get("/api/v1/system/health"))["status"]
    assert (listed, age) == (item["health"], item["data_age_seconds"])


def test_what_is_beyond_the_lag_is_not_told() -> None:
    """An old number is no number of now."""
    with running(source="nativelink", cache=Cache(lag=100)) as service:
        service.prometheus.found["instruments"] = _found(101)

        assert 503 == service.get("/api/v1/scheduler/status").status_code


def test_one_question_answers_everything() -> None:
    """All routes of one window are told by what was read once."""
    with _silent() as service:
        service.prometheus.found["instruments"] = _found(1)
        for path in ("scheduler/status", "workers", "operations", "scheduler/metrics"):
            assert 200 == service.get(f"/api/v1/{path}").status_code

        assert ["instruments"] == [part for part, _ in service.prometheus.asked]


def test_an_older_nativelink_has_null_for_workers() -> None:
    """Those before 1.6.5 tell of operations alone; no client is told of zero workers."""
    name = "execution_active_count"
    with _silent() as service:
        service.prometheus.found["instruments"] = [
            {"metric": {"told": name, "execution_stage": "queued"}, "value": [OPENED, "2"]},
            {"metric": {"known_at": name}, "value": [OPENED, str(OPENED)]},
        ]
        status = body(service.get("/api/v1/scheduler/status"))
        metrics = body(service.get("/api/v1/scheduler/metrics"))

    assert [None] * 4 == [status[number] for number in _WORKERS]
    assert [2, 2, 0, 0] == [status[number] for number in _OPERATIONS]
    assert {"total": None, "active": None, "paused": None, "draining": None} == metrics["workers"]
