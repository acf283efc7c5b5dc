"""The cluster role on a real client, following an API server of the test's; its pages, compared."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.processes import Process, wait_for
from exporter.cluster.publisher import ClusterPublisher, Options
from exporter.cluster.transport import ApiServer
from exporter.server import Site
from tests.support.apiclient import get
from tests.support.fake_source import Clock
from tests.support.objects import EPOCH
from tests.support.scrape import Relay, Scrape

_PATIENCE_SECONDS = 30.0
_LIVE = "status.phase!=Succeeded,status.phase!=Failed"
_PATHS = {
    "Node": "/api/v1/nodes",
    "Pod": f"/api/v1/pods?fieldSelector={_LIVE.replace('=', '%3D')}",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "Job": "/apis/batch/v1/jobs",
}


class Follower:
    """A running publisher; its clocks, wall and monotonic, stand still unless moved."""

    def __init__(self, kubeconfig: Path, *, cluster_name: str = "") -> None:
        self.clock = Clock(EPOCH + 3600.0)
        server = ApiServer(kubeconfig, self.clock)
        server.connect()
        self.publisher = ClusterPublisher(
            lambda watched: server.resource(
                watched.resource,
                field_selector=watched.field_selector,
                metadata_only=watched.metadata_only,
            ),
            Options(first_backoff=0.01, cluster_name=cluster_name),
            clock=self.clock,
            monotonic=self.clock,
            random=lambda: 0.0,
        )

    def scrape(self) -> Scrape:
        """Return what a scrape would get now."""
        return Scrape(self.publisher.page().body)

    def readiness(self) -> tuple[str, str]:
        """Return status and body of `/readyz`."""
        said: list[str] = []
        site = Site(self.publisher, role="cluster", telemetry_path="/metrics")
        body = site(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/readyz"}, lambda *line: said.append(line[0])
        )
        return said[0], b"".join(body).decode()

    def fleet(self) -> list[str]:
        """Return what is published of nodes and pods; what happened to them depends on luck."""
        return self.scrape().without("gpu_exporter_", "gpu_event_", "gpu_cluster_")

    def own(self, name: str, **labels: str) -> float:
        """Return one of the exporter's own figures."""
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        wanted = f"gpu_exporter_{name}{{{text}}} " if text else f"gpu_exporter_{name} "
        (line,) = [line for line in self.scrape().lines if line.startswith(wanted)]
        return float(line.removeprefix(wanted))

    def wait_until(self, condition: str, **labels: str) -> None:
        """Wait until a figure such as "apiserver_up 0" is published."""
        name, value = condition.split(" ")
        wait_for(
            lambda: self.own(name, **labels) == float(value),
            seconds=_PATIENCE_SECONDS,
            what=condition,
        )

    def wait_until_in_step(self, url: str) -> list[str]:
        """Wait until what is published is what a fresh list says; return that."""
        wait_for(
            lambda: self.publisher.not_ready() is None and self.fleet() == fresh(url),
            seconds=_PATIENCE_SECONDS,
            what="in step with the API server",
        )
        return self.fleet()


@contextmanager
def following(kubeconfig: Path) -> Iterator[Follower]:
    """Follow an API server for the length of a `with` block."""
    follower = Follower(kubeconfig)
    follower.publisher.start()
    try:
        yield follower
    finally:
        follower.publisher.stop()


def fresh(url: str) -> list[str]:
    """Return what would be published of a cluster seen for the first time, in one list each."""
    relay = Relay()
    for kind, path in _PATHS.items():
        relay.put(*({**it, "kind": kind} for it in get(url + path).json["items"]))
    return relay.scrape().without("gpu_event_")


def api_server(folder: Path, port: int, objects: Path) -> Process:
    """Return an API server as a process of its own, so that it can be stopped and come back."""
    command = [
        sys.executable, "-m", "demo.kubernetes",
        "--listen", f"127.0.0.1:{port}",
        "--objects", str(objects),
    ]  # fmt: skip
    ready = f"http://127.0.0.1:{port}/version"
    return Process("apiserver", command, folder / "apiserver.log", ready_url=ready)
