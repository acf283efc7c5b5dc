"""Services for real-time metrics to look at: real processes, each behind a relay, and the API."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from demo import stack
from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.redis import redis_server
from tests.support.relay import Relay
from tests.support.stack import LIMITS, NO_STREAM, QUERIED, READY_SECONDS, SCRAPE_SECONDS, listening
from tests.support.stored import prepared

PATH = "/api/v1/real-time-metrics"
REFRESH = 1
"""Seconds between two looks."""
EVERY = 0.3
"""Seconds between two of a test's own."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One service."""

    process: Process
    relay: Relay


@dataclass(frozen=True, slots=True)
class Watching:
    """The services by name, and the API that looks at them."""

    services: Mapping[str, Watched]
    api: Process
    url: str
    given: Mapping[str, Any]
    """The API's settings."""

    def get(self, **query: Any) -> requests.Response:
        """Ask for the metrics."""
        return requests.get(self.url + PATH, params=query, timeout=60)

    def told(self) -> dict[str, Any]:
        """Return an answer's content; fails the test unless it is a success."""
        answer = self.get()
        assert answer.status_code == requests.codes.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return what is told of each service."""
        return {each["service"]: each for each in self.told()["api_metrics"]}


@contextmanager
def health_server(folder: Path) -> Iterator[tuple[Process, int]]:
    """Run a process that answers /health with JSON and /metrics with one metric."""
    folder.mkdir()
    (folder / "health").write_text('{"status": "healthy", "service": "no name of mine"}')
    (folder / "metrics").write_text("things_total 1\n")
    port = free_port()
    command = [
        *(sys.executable, "-m", "http.server", str(port)),
        *(f"--bind={LOOPBACK}", f"--directory={folder}"),
    ]
    url = f"http://{LOOPBACK}:{port}/health"
    with Process(folder.name, command, folder.with_suffix(".log"), ready_url=url) as process:
        process.wait_ready(seconds=READY_SECONDS)
        yield process, port


@contextmanager
def watching(
    folder: Path,
    *,
    port: int | None = None,
    settings: Mapping[str, Any] | None = None,
    well: str = "healthy",
) -> Iterator[Watching]:
    """Run two services with health URLs, one that is scraped, Prometheus, Redis, and the API.

    Args:
        folder: Where logs and data go.
        port: Where the API is wanted.
        settings: More settings of the query API.
        well: The word for a service that is well.
    """
    with ExitStack() as cleanup:
        services: dict[str, Watched] = {}

        def add(name: str, process: Process, upstream: int) -> int:
            services[name] = Watched(process, cleanup.enter_context(Relay(upstream)))
            return services[name].relay.port

        def health(name: str) -> int:
            return add(name, *cleanup.enter_context(health_server(folder / name)))

        urls = {name: f"http://{LOOPBACK}:{health(name)}/health" for name in ("billing", "orders")}
        at = free_port()
        exporters = dict.fromkeys(("gpu-cluster", "gpu-node"), health("exporters"))
        targets = {"node": health("scraped"), **exporters}
        prometheus = stack.prometheus(
            folder, at, targets=targets, seconds=SCRAPE_SECONDS, rules=QUERIED
        )
        cleanup.enter_context(prometheus).wait_ready(seconds=READY_SECONDS)
        redis = cleanup.enter_context(redis_server(folder))
        given = {
            "clusters": [
                {
                    "name": stack.CLUSTER,
                    "prometheus_url": f"http://{LOOPBACK}:{add('prometheus', prometheus, at)}",
                }
            ],
            "redis_url": f"redis://{LOOPBACK}:{add('redis', redis.process, redis.port)}/0",
            "limits": LIMITS,
            "real_time_metrics": {"refresh_interval": REFRESH},
            "services": [
                *({"name": name, "health_url": url} for name, url in urls.items()),
                {"name": "scraped", "job": "node"},
            ],
            **NO_STREAM,
            # A database is a service too.
            "database_url": prepared(folder),
            **(settings or {}),
        }
        yield cleanup.enter_context(_looking(folder, services, given, port, well))


@contextmanager
def another(
    folder: Path, whole: Watching, settings: Mapping[str, Any], *, well: str = "healthy"
) -> Iterator[Watching]:
    """Run one more API over the same services.

    Args:
        folder: Another one.
        whole: The services, and the API whose settings it has.
        settings: What it has other settings of.
        well: The word for a service that is well.
    """
    redis = str(whole.given["redis_url"]).removesuffix("/0")
    own = {"database_url": prepared(folder), "redis_url": f"{redis}/1"}
    given = {**whole.given, **own, **settings}
    with _looking(folder, whole.services, given, None, well) as it:
        yield it


@contextmanager
def _looking(
    folder: Path,
    services: Mapping[str, Watched],
    given: Mapping[str, Any],
    port: int | None,
    well: str,
) -> Iterator[Watching]:
    api, own = listening(lambda own: stack.query_api(folder, [own], given), port)
    try:
        whole = Watching(services, api, f"http://{LOOPBACK}:{own}", given)
        # The stack's own parts too: their first scrapes come one after another.
        wait_for(
            lambda: {entry["status"] for entry in whole.entries().values()} == {well},
            seconds=READY_SECONDS,
            what="healthy services",
            every=EVERY,
        )
        yield whole
    finally:
        api.stop()
