"""Scheduler monitoring over an API server: exporter, Prometheus and the query API as processes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from demo import stack
from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.stack import (
    LIMITS,
    NO_POOLS,
    NO_STREAM,
    PATIENT,
    QUERIED,
    READY_SECONDS,
    SCRAPE_SECONDS,
    listening,
    unmeasured,
)

TTL = 0.5
"""Seconds of a window: short enough for a test to see it end."""
_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """What the endpoints told of one snapshot."""

    workers: list[dict[str, Any]]
    operations: list[dict[str, Any]]
    status: dict[str, int]
    metrics: dict[str, Any]

    def operation(self, client_id: str) -> dict[str, Any] | None:
        """Return the operation with this client id, if it is listed."""
        found = [each for each in self.operations if each["client_operation_id"] == client_id]
        return found[0] if found else None

    def worker(self, name: str) -> dict[str, Any] | None:
        """Return the worker of this name, if it is listed."""
        found = [each for each in self.workers if each["id"] == name]
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Monitoring:
    """The monitoring API at one base URL."""

    url: str

    def get(self, path: str, **query: Any) -> requests.Response:
        """Send one GET below /api/v1/."""
        return requests.get(f"{self.url}/api/v1/{path}", params=query, timeout=READY_SECONDS)

    def told(self, path: str, **query: Any) -> Any:
        """Return an answer's content; fails the test unless it is a success.

        A scrape that a busy machine misses leaves nothing to tell: then it is asked again.
        """
        until = time.monotonic() + READY_SECONDS
        answer = self.get(path, **query)
        while answer.status_code == requests.codes.unavailable and time.monotonic() < until:
            time.sleep(_AGAIN_SECONDS)
            answer = self.get(path, **query)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.json()

    def window(self) -> Window:
        """Return what all endpoints tell of one snapshot."""
        while True:
            before = self._lists()
            status, metrics = self.told("scheduler/status"), self.told("scheduler/metrics")
            # When neither list changed in between, what was asked in between is of their window.
            if before == self._lists():
                return Window(*before, status, metrics)

    def ready(self) -> bool:
        """Tell whether it has something to tell."""
        return self.get("scheduler/status").ok

    def _lists(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return self.told("workers"), self.told("operations", limit=100_000)


@dataclass(frozen=True, slots=True)
class Monitored:
    """What runs over an API server."""

    exporter: Process
    prometheus: Process
    api: Process
    main_url: str
    monitoring: Monitoring
    """At the listener that serves this API alone."""


@contextmanager
def monitored(
    directory: Path, kubeconfig: Path, settings: Mapping[str, Any], *, port: int | None = None
) -> Iterator[Monitored]:
    """Run everything that reads an API server, until it tells of the scheduler.

    Args:
        directory: Where logs and data go.
        kubeconfig: Names the API server.
        settings: More settings of the query API.
        port: Where scheduler monitoring is wanted.
    """
    exporter_port, prometheus_port, main = (free_port() for _ in range(3))
    url = f"http://{LOOPBACK}:{prometheus_port}"
    given = {
        "clusters": [{"name": stack.CLUSTER, "prometheus_url": url}],
        "limits": LIMITS,
        "monitoring": {"ttl": TTL},
        **NO_STREAM,
        **NO_POOLS,
        **PATIENT,
        **settings,
    }
    exporter = unmeasured(stack.cluster_exporter(directory, exporter_port, kubeconfig))
    prometheus = stack.prometheus(
        directory,
        prometheus_port,
        targets={"gpu-cluster": exporter_port},
        seconds=SCRAPE_SECONDS,
        rules=QUERIED,
    )

    def api_at(own: int) -> Process:
        alone = {"listen_apis": {own: ["monitoring"]}}
        return stack.query_api(directory, [main, own], {**given, **alone})

    with ExitStack() as cleanup:
        for process in (exporter, prometheus):
            cleanup.enter_context(process)
            process.wait_ready(seconds=READY_SECONDS)
        api, own = listening(api_at, port)
        cleanup.callback(api.stop)
        monitoring = Monitoring(f"http://{LOOPBACK}:{own}")
        wait_for(monitoring.ready, seconds=READY_SECONDS, what="a first answer")
        yield Monitored(exporter, prometheus, api, f"http://{LOOPBACK}:{main}", monitoring)
