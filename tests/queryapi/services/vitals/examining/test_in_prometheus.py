"""A real Prometheus, one of whose targets is down, tells the same as its page of targets."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, free_port, wait_for
from queryapi.outbound.transport import HttpTransport
from queryapi.services.vitals.model import Finding, Status
from tests.support.examining import looking
from tests.support.prometheus import Target, prometheus

_TEXT = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n"
_DAY = 86400


@dataclass(frozen=True)
class _Half:
    """A Prometheus with one target that is up."""

    url: str
    up: str


@pytest.fixture(name="half", scope="module")
def _half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Half]:
    folder = tmp_path_factory.mktemp("half")
    gone = f"{LOOPBACK}:{free_port()}"
    with (
        Target(_TEXT.format(time.time() - _DAY)) as target,
        prometheus(folder, target, rules="groups: []", cluster="c", others=[gone]) as running,
    ):
        wait_for(lambda: _knows_both(running.url), seconds=60, what="both targets' first scrapes")
        yield _Half(running.url, target.address)


def _knows_both(url: str) -> bool:
    asked = {"query": "count(count_over_time(up[1m]) > 1) == 2"}
    answer = requests.get(f"{url}/api/v1/query", params=asked, timeout=60)
    return bool(answer.json()["data"]["result"])


def _found(half: _Half, *services: dict[str, Any], **how: Any) -> dict[str, Finding]:
    clusters = [{"name": "c", "prometheus_url": half.url}]

    def connect(_: str) -> HttpTransport:
        return HttpTransport(connect=5.0, connections=16)

    with looking(*services, clusters=clusters, asked=connect, **how) as look:
        look.clock.now = time.time()
        return look.findings()


def test_targets_are_told_as_they_are(half: _Half) -> None:
    """One of two is down: too few for a service of all, enough for one of half, no other's."""
    told = _found(
        half,
        {"name": "all", "job": "fleet"},
        {"name": "half", "job": "fleet", "min_up": 0.5},
        {"name": "one", "job": "fleet", "instance": half.up},
        {"name": "nobody", "job": "fle.t"},
    )

    statuses = [finding.status for finding in told.values()]
    assert [Status.UNHEALTHY, Status.HEALTHY, Status.HEALTHY, Status.NOT_CONFIGURED] == statuses
    assert "1 of 2 targets is down" == told["all"].error
    one = told["one"]
    assert one.response_time is not None
    assert 0 < one.response_time < 10
    assert one.uptime == pytest.approx(_DAY, abs=600)
    assert one.checks > 0
    assert 0 == one.failures
    assert 0 < told["all"].failures < told["all"].checks


def test_numbers_are_what_promql_says(half: _Half) -> None:
    """Each expression stands for itself: refused, of several series, of none, of one."""
    numbers = {"count": "count(up)", "broken": "sum(", "several": "up", "none": "absent(up)"}
    told = _found(half, {"name": "s", "job": "fleet", "min_up": 0.5, "numbers": numbers})

    assert (Status.HEALTHY, {"count": 2.0}) == (told["s"].status, told["s"].numbers)


def test_the_stack_is_known_without_settings(half: _Half) -> None:
    """This Prometheus answers; it knows no exporter, and no Alertmanager is expected."""
    told = _found(half, built_in=True)

    assert {
        "prometheus": Status.HEALTHY,
        "gpu-cluster": Status.NOT_CONFIGURED,
        "gpu-node": Status.NOT_CONFIGURED,
        "gpuscope-api": Status.HEALTHY,
    } == {name: finding.status for name, finding in told.items()}
