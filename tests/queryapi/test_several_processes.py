"""Workers and replicas over one real Redis tell as one service does, and ask as one does."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.support.api_process import Api, api
from tests.support.fake_prometheus import FakePrometheus
from tests.support.processes import children
from tests.support.redis import redis_server
from tests.support.waiting_prometheus import answering

pytestmark = pytest.mark.e2e

VITALS = "/api/v1/real-time-metrics"
MONITORING = (
    "/api/v1/scheduler/status",
    "/api/v1/scheduler/metrics",
    "/api/v1/workers",
    "/api/v1/operations",
)
# No window and no look ends while this runs.
LASTING = {
    "cache": {"ttl": 80_000, "stale": 86_400},
    "monitoring": {"ttl": 80_000},
    "real_time_metrics": {
        "refresh_interval": 300,
        "deadline": 10,
        "events_per_second": "my_events",
    },
}
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Several:
    """Query services with one Redis, and what they ask."""

    prometheus: FakePrometheus
    services: list[Api]

    def looks(self) -> int:
        """Return how often the services were looked at."""
        return self.prometheus.queries.count("my_events")


@contextmanager
def _several(folder: Path, processes: int, **settings: Any) -> Iterator[_Several]:
    folders = [folder / str(number) for number in range(processes)]
    with ExitStack() as stack:
        prometheus, url = stack.enter_context(answering())
        redis = stack.enter_context(redis_server(folder))
        services = []
        for each in folders:
            each.mkdir()
            given = {"redis_url": redis.url, "database_url": None, **LASTING, **settings}
            services.append(stack.enter_context(api(each, url, given)))
        yield _Several(prometheus, services)


@pytest.fixture(name="two", scope="module")
def _two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Several]:
    """Two services that nobody ends."""
    with _several(tmp_path_factory.mktemp("two"), 2) as running:
        yield running


def _text(service: Api, path: str) -> str:
    # An answer that is kept keeps its connection, and the service's end waits for that.
    answer = service.get(path)
    assert answer.status_code == requests.codes.ok, answer.text
    return answer.text


def test_processes_with_one_redis_read_monitoring_once(two: _Several) -> None:
    """Whatever many clients of two services ask of it, Prometheus is asked once for each part."""
    before = len(two.prometheus.asked)
    asked = [(service, path) for service in two.services for path in MONITORING[2:]] * 8
    with ThreadPoolExecutor(16) as crowd:
        told = set(crowd.map(lambda it: _text(*it), asked))
    for service in two.services:
        for path in MONITORING[:2]:
            _text(service, path)

    assert 2 == len(told)
    counts = Counter(part for part, _ in two.prometheus.asked[before:])
    assert {"scrape", "workers", "pods", "podtexts", "podnumbers"} <= counts.keys()
    assert {1} == set(counts.values())


def test_processes_with_one_redis_look_at_services_once(two: _Several) -> None:
    """One of them looks in each interval, the other takes what it found."""
    with ThreadPoolExecutor(16) as crowd:
        told = set(crowd.map(lambda it: _text(it, VITALS), two.services * 8))

    assert 1 == two.looks()
    assert 1 == len(told)


def _workers(service: Api) -> set[int]:
    return set(children(service.process.pid))


def _replaced(service: Api, worker: int) -> None:
    """Kill a worker and wait for the next one."""
    os.kill(worker, signal.SIGKILL)
    wait_for(
        lambda: worker not in (found := _workers(service)) and len(found) == 2,
        seconds=_SECONDS,
        what="the next worker",
    )


def _uptimes(service: Api) -> list[float]:
    """Return what several new connections are told of the uptime, in every place."""
    paths = (*MONITORING[:2], "/api/v1/system/health") * 8
    return [service.get(path).json()["uptime_seconds"] for path in paths]


def test_the_uptime_is_the_services_and_no_workers(tmp_path: Path) -> None:
    """It is the same whoever answers, and goes on when workers die; so does what they share."""
    with _several(tmp_path, 1, workers=2) as several:
        [service] = several.services
        before = _text(service, VITALS)
        wait_for(lambda: min(_uptimes(service)) >= 3, seconds=_SECONDS, what="three seconds")
        asked = time.time()
        first = _uptimes(service)
        old = _workers(service)
        for worker in old:
            _replaced(service, worker)
        again = _uptimes(service)
        passed = time.time() - asked
        after = _text(service, VITALS)

        assert max(first) - min(first) <= passed + 1
        assert max(first) <= min(again)
        assert max(again) - min(first) <= passed + 1
        assert before == after
        assert 1 == several.looks()
        assert not old & _workers(service)
