"""The cluster role on a real client, following an API server of the test's; its pages, compared."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.processes import LOOPBACK, Process, wait_for
from exporter.cluster.api.directory import Directory
from exporter.cluster.api.transport import ApiServer
from exporter.cluster.publisher import ApiServerAccess, ClusterPublisher, Options
from exporter.server import Options as SiteOptions
from exporter.server import Site
from tests.support.apiclient import get
from tests.support.fake_source import Clock
from tests.support.objects import EPOCH
from tests.support.scrape import HISTORY, Relay, Scrape

_PATIENCE_SECONDS = 120.0
# A fresh list of everything costs the API server and us what we wait for.
_LIST_SECONDS = 0.2
_BEGIN = EPOCH + 3600.0
# A fresh list has no history, and nothing to say of the exporter.
_APART = (*HISTORY, "gpu_exporter_", "gpu_cluster_")
_PATHS = {
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/pods",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "Deployment": "/apis/apps/v1/deployments",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "DaemonSet": "/apis/apps/v1/daemonsets",
    "Job": "/apis/batch/v1/jobs",
    "CronJob": "/apis/batch/v1/cronjobs",
    "ResourceSlice": "/apis/resource.k8s.io/v1/resourceslices",
    "ResourceClaim": "/apis/resource.k8s.io/v1/resourceclaims",
}


class Follower:
    """A running publisher; its clocks, wall and monotonic, stand still unless moved.

    Args:
        kubeconfig: Where the API server is.
        cluster_name: What an operator calls it.
        stream_lists: Whether it may stream its lists.
        silence: How many seconds without a byte end a connection.
    """

    def __init__(
        self,
        kubeconfig: Path,
        *,
        cluster_name: str = "",
        stream_lists: bool = True,
        silence: float = 90.0,
    ) -> None:
        self.clock = Clock(_BEGIN)
        server = ApiServer(kubeconfig, self.clock, silence=silence)
        server.connect()
        self.publisher = ClusterPublisher(
            ApiServerAccess(
                source=lambda watched: server.resource(
                    watched.resource,
                    field_selector=watched.field_selector,
                    metadata_only=watched.metadata_only,
                ),
                owners=Directory(server, self.clock),
                reloads=lambda: server.reloads,
            ),
            Options(first_backoff=0.01, cluster_name=cluster_name, stream_lists=stream_lists),
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
        site = Site(self.publisher, SiteOptions("cluster"))
        body = site(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/readyz"}, lambda *line: said.append(line[0])
        )
        return said[0], b"".join(body).decode()

    def fleet(self) -> list[str]:
        """Return what is published of nodes and pods; their history is left out."""
        return self.scrape().without(*_APART)

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
            every=_LIST_SECONDS,
        )
        return self.fleet()


@contextmanager
def following(
    kubeconfig: Path, *, stream_lists: bool = True, silence: float = 90.0
) -> Iterator[Follower]:
    """Follow an API server for the length of a `with` block."""
    follower = Follower(kubeconfig, stream_lists=stream_lists, silence=silence)
    follower.publisher.start()
    try:
        yield follower
    finally:
        follower.publisher.stop()


def fresh(url: str) -> list[str]:
    """Return what would be published of a cluster seen for the first time, in one list each."""
    relay = Relay()
    relay.now = _BEGIN
    for kind, path in _PATHS.items():
        relay.put(*({**it, "kind": kind} for it in get(url + path).json["items"]))
    return relay.scrape().without(*_APART)


def api_server(
    folder: Path,
    port: int,
    objects: Path,
    *,
    bookmark_interval: float = 60.0,
    host: str = LOOPBACK,
    enter: Sequence[str] = (),
) -> Process:
    """Return an API server as a process of its own, so that it can be stopped and come back.

    Args:
        folder: Where its log goes.
        port: Where it listens.
        objects: What it begins with.
        bookmark_interval: Seconds between two bookmarks.
        host: An address that it is reached at; it listens on all where that is not loopback.
        enter: What its command begins with.
    """
    everywhere = "0.0.0.0"  # noqa: S104 - in a network of its own
    command = [
        *enter, sys.executable, "-m", "demo.kubernetes",
        "--listen", f"{LOOPBACK if host == LOOPBACK else everywhere}:{port}",
        "--objects", str(objects),
        "--bookmark-interval", str(bookmark_interval),
    ]  # fmt: skip
    ready = f"http://{host}:{port}/version"
    return Process("apiserver", command, folder / "apiserver.log", ready_url=ready)
