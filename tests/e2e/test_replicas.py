"""Several cluster exporters beside one another: a cluster is published whole, and only once."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.apiserver import Cluster, running
from tests.support.objects import node, pod
from tests.support.scrape import Scrape

pytestmark = pytest.mark.e2e

COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))
# A replica that dies without a word holds its lease for fifteen seconds more.
PATIENCE_SECONDS = 120.0
EVERY = 0.5
"""Seconds between two looks at pages."""
NODES = [node(f"n{number}") for number in range(8)]
PODS = [pod(f"p{number}", 2, node=f"n{number % 8}") for number in range(20)]
QUEUE = [pod(f"q{number}", 1, node="", phase="Pending") for number in range(5)]


class Replica:
    """One exporter process."""

    def __init__(self, folder: Path, name: str, kubeconfig: Path, *flags: str) -> None:
        self.url = f"http://{LOOPBACK}:{free_port()}"
        command = [COMMAND, "cluster", f"--kubeconfig={kubeconfig}", *flags]
        command.append(f"--web.listen-address={self.url.removeprefix('http://')}")
        self.process = Process(
            name, command, folder / f"{name}.log", ready_url=f"{self.url}/readyz"
        )

    def scrape(self) -> Scrape:
        """Return its page."""
        return Scrape(requests.get(f"{self.url}/metrics", timeout=PATIENCE_SECONDS).content)

    def publishes(self) -> bool:
        """Tell whether it publishes the cluster."""
        return bool(self.scrape().of("gpu_node_capacity"))


@pytest.fixture(name="cluster")
def _cluster() -> Iterator[Cluster]:
    with running(*NODES, *PODS, *QUEUE) as cluster:
        yield cluster


def started(
    cleanup: ExitStack, folder: Path, cluster: Cluster, *flags: tuple[str, ...]
) -> list[Replica]:
    """Return one ready replica for each set of flags."""
    kubeconfig = cluster.kubeconfig(folder / "config")
    replicas = [
        Replica(folder, f"exporter-{number}", kubeconfig, *each)
        for number, each in enumerate(flags)
    ]
    for replica in replicas:
        cleanup.enter_context(replica.process)
    for replica in replicas:
        replica.process.wait_ready(seconds=PATIENCE_SECONDS)
    return replicas


def test_one_of_two_replicas_publishes(cluster: Cluster, tmp_path: Path) -> None:
    """The other stands by, ready; it takes over from one that ends, or dies without a word."""
    with ExitStack() as cleanup:
        first, second, third = started(cleanup, tmp_path, cluster, *[("--leader-elect",)] * 3)
        replicas = [first, second, third]

        for number in (signal.SIGTERM, signal.SIGKILL):
            wait_for(
                lambda: any(replica.publishes() for replica in replicas),
                seconds=PATIENCE_SECONDS,
                what="a leader",
                every=EVERY,
            )
            (leader,) = [replica for replica in replicas if replica.publishes()]
            assert ["gpu_exporter_leader 1"] == leader.scrape().of("gpu_exporter_leader")
            leader.process.signal(number)
            replicas.remove(leader)
            wait_for(
                lambda: not leader.process.alive(),  # noqa: B023 - called before the next round
                seconds=PATIENCE_SECONDS,
                what="the leader's end",
            )

        (last,) = replicas
        wait_for(last.publishes, seconds=PATIENCE_SECONDS, what="the last one's turn", every=EVERY)


def test_shards_make_one_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """What three exporters publish in parts is what one publishes whole, nothing of it twice."""
    whole = ()
    parts = [(f"--shard={number}", "--total-shards=3") for number in range(3)]
    with ExitStack() as cleanup:
        one, *others = started(cleanup, tmp_path, cluster, whole, *parts)
        alone = one.scrape()
        pages = [each.scrape() for each in others]

    about = ("gpu_node_capacity", "gpu_node_allocated", "gpu_node_free", "gpu_pod_info")
    told = sorted(line for page in pages for line in page.of(*about))
    assert alone.of(*about) == told
    assert 8 + 8 + 8 + 25 == len(told)
    counted = [line.rsplit(" ", 1) for page in pages for line in page.of("gpu_pods")]
    assert len(PODS) == sum(int(count) for series, count in counted if "Running" in series)
    assert all("shard=" in series for series, _ in counted)
