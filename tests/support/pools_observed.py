"""A cluster of nodes that come and go, what reads it, and the services that observe it."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from demo import stack
from demo.processes import LOOPBACK, Process, answers, free_port, wait_for
from tests.support.apiserver import Cluster
from tests.support.apiserver import running as running_cluster
from tests.support.cluster_objects import Content, node
from tests.support.stack import CACHE, LIMITS, QUERIED, READY_SECONDS, SCRAPE_SECONDS, unmeasured

SETTLE = 1
_SEEN = ("changed", "unchanged")
_UNSEEN = ("stale", "unreadable")

Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """A cluster of three nodes, what reads it, and the services that observe it."""

    cluster: Cluster
    kubeconfig: Path
    exporter: Process
    prometheus: Process
    apis: tuple[Process, ...]
    urls: tuple[str, ...]

    def activities(self, place: int = 0, pool: str = "west") -> list[dict[str, Any]]:
        """Return what one of the services tells of a pool, oldest first."""
        url = f"{self.urls[place]}/api/pools/activity"
        answer = requests.get(url, params={"limit": "200", "poolId": pool}, timeout=20)
        assert HTTPStatus.OK == answer.status_code, answer.text
        found: list[dict[str, Any]] = answer.json()["activities"]
        return found[::-1]

    def entries(self, place: int = 0, pool: str = "west") -> list[Entry]:
        """Return the same, as briefly as can be."""
        return [(one["action"], one["details"]) for one in self.activities(place, pool)]

    def kubectl(self, *arguments: str) -> None:
        """Run the real kubectl."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def kill(self, place: int = 0) -> None:
        """Kill one of the services, and wait until its last process has noticed."""
        self.apis[place].kill()
        url = f"{self.urls[place]}/healthz"
        wait_for(lambda: not answers(url), seconds=READY_SECONDS, what="its end", every=0.1)

    def start(self, place: int = 0) -> None:
        """Start one of the services anew."""
        self.apis[place].start()
        self.apis[place].wait_ready(seconds=READY_SECONDS)

    def wait_for(self, *expected: Entry, place: int = 0, pool: str = "west") -> None:
        """Wait until these are the newest entries."""

        def told() -> bool:
            return self.entries(place, pool)[-len(expected) :] == list(expected)

        wait_for(told, seconds=READY_SECONDS, what=f"{expected}", every=0.2)

    def sees(self, place: int = 0) -> int:
        """Return how often a service has seen nodes itself."""
        return self._looks(place, _SEEN)

    def wait_until_settled(self, place: int = 0) -> None:
        """Wait until whatever could be told of what there is was told: it was seen for long."""
        goal = self.sees(place) + 3 * SETTLE
        wait_for(lambda: self.sees(place) >= goal, seconds=READY_SECONDS, what="looks", every=0.2)

    def wait_until_blind(self) -> None:
        """Wait until a look has found nothing to go by."""
        before = self._looks(0, _UNSEEN)
        wait_for(
            lambda: self._looks(0, _UNSEEN) > before,
            seconds=READY_SECONDS,
            what="a look at nothing",
            every=0.2,
        )

    def _looks(self, place: int, outcomes: Sequence[str]) -> int:
        text = requests.get(f"{self.urls[place]}/metrics", timeout=20).text
        return sum(
            int(float(line.split()[-1]))
            for line in text.splitlines()
            if line.startswith("gpuscope_api_pool_looks_total{")
            and any(f'outcome="{outcome}"' in line for outcome in outcomes)
        )


@contextmanager
def observed(
    folder: Path,
    database: str,
    services: int = 1,
    nodes: Sequence[str] = "abc",
    others: Sequence[Content] = (),
    **settings: Any,
) -> Iterator[Observed]:
    """Run all of it.

    Args:
        folder: Where logs and data go.
        database: Where pools are kept.
        services: How many replicas of the query API there are.
        nodes: Names of nodes of the pool `west`.
        others: What else the cluster begins with.
        **settings: More settings of the query API.
    """
    with ExitStack() as cleanup:

        def started(process: Process) -> Process:
            cleanup.enter_context(process)
            process.wait_ready(seconds=READY_SECONDS)
            return process

        cluster = cleanup.enter_context(running_cluster(*map(west_node, nodes), *others))
        kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
        exporter, prometheus, *ports = (free_port() for _ in range(2 + services))
        teller = started(unmeasured(stack.cluster_exporter(folder, exporter, kubeconfig)))
        read = started(
            stack.prometheus(
                folder,
                prometheus,
                targets={"gpu-cluster": exporter},
                seconds=SCRAPE_SECONDS,
                rules=QUERIED,
            )
        )
        url = f"http://{LOOPBACK}:{prometheus}"
        given = {
            "clusters": [{"name": stack.CLUSTER, "prometheus_url": url}],
            "cache": CACHE,
            "limits": LIMITS,
            "database_url": database,
            "pools": {"ttl": 0.5, "observe": 1, "settle": SETTLE},
            **settings,
        }
        apis = []
        for port in ports:
            own = folder / str(port)
            own.mkdir()
            apis.append(started(stack.query_api(own, [port], given)))
        urls = tuple(f"http://{LOOPBACK}:{port}" for port in ports)
        yield Observed(cluster, kubeconfig, teller, read, tuple(apis), urls)


def west_node(name: str, *, pool: str = "west", cordoned: bool = False, **facts: Any) -> Content:
    """Return a node of the pool `west`, or of another one."""
    labels = {"gpuscope.io/pool": pool, "node.kubernetes.io/instance-type": "p4d.24xlarge"}
    made = node(name, labels=labels, **facts)
    made["spec"]["unschedulable"] = cordoned
    return made
