"""The network before the API server stops carrying: no old number, no double one, no help."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from demo import stack as programs
from demo.kubernetes.cli import write_kubeconfig
from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.follower import api_server
from tests.support.objects import node, pod
from tests.support.partition import Network, network

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

STALE_AFTER = 4
_SECONDS = 180.0
_NODES = ("n1", "n2", "n3")
_MORE_THREADS, _MORE_BYTES = 8, 64 << 20


def _wait(condition: Callable[[], bool], what: str) -> None:
    wait_for(condition, seconds=_SECONDS, what=what, every=0.25)


@dataclass(frozen=True)
class Replica:
    """A cluster exporter, and the address at which it asks the API server."""

    process: Process
    url: str
    address: str

    def lines(self, name: str) -> list[str]:
        """Return what it says of a family."""
        page = requests.get(f"{self.url}/metrics", timeout=30).text.splitlines()
        return [line for line in page if line.startswith(f"{name}{{") or line == f"{name} 0"]

    def own(self, name: str) -> float:
        """Return one of its own figures."""
        page = requests.get(f"{self.url}/metrics", timeout=30).text.splitlines()
        return next(float(it.split()[-1]) for it in page if it.startswith(f"gpu_exporter_{name} "))

    def publishes(self) -> bool:
        """Tell whether the cluster's numbers are on its page."""
        return bool(self.lines("gpu_node_capacity"))

    def costs(self) -> tuple[int, int]:
        """Return its threads, and the bytes that it has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        of = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        return int(of["Threads"]), int(of["VmRSS"].split()[0]) << 10


@dataclass
class Watching:
    """Looks at both pages all the time.

    Attributes:
        both: Whether both have published the same cluster at a time.
        zeros: Lines that told of nothing.
    """

    replicas: tuple[Replica, ...]
    both: bool = False
    zeros: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until it is over; whoever ended publishes nothing."""
        while not self.over.wait(0.25):
            first, second, again = (self._looked(place) for place in (0, 1, 0))
            # Between two looks it may change hands, not while one page has it before and after.
            self.both |= first and second and again

    def _looked(self, place: int) -> bool:
        try:
            found = self.replicas[place].lines("gpu_node_capacity")
        except requests.RequestException:
            return False
        self.zeros += [line for line in found if line.endswith(" 0")]
        return bool(found)


@dataclass(frozen=True)
class Stand:
    """An API server, two replicas before it, and the network between them."""

    net: Network
    first: Replica
    second: Replica
    url: str

    def cordon(self, name: str) -> None:
        """Close a node, as `kubectl cordon` does."""
        answer = requests.patch(
            f"{self.url}/api/v1/nodes/{name}",
            data=json.dumps({"spec": {"unschedulable": True}}),
            headers={"Content-Type": "application/merge-patch+json"},
            timeout=30,
        )
        assert answer.ok, answer.text


@pytest.fixture(name="stand")
def _stand(tmp_path: Path) -> Iterator[Stand]:
    objects = tmp_path / "objects.json"
    items = [*map(node, _NODES), pod("p", 1, node="n1")]
    objects.write_text(json.dumps({"kind": "List", "items": items}))
    with ExitStack() as stack:
        net = stack.enter_context(network(3))
        port, (*addresses, ours) = free_port(), net.addresses
        server = api_server(
            tmp_path, port, objects, bookmark_interval=0.5, host=ours, enter=net.enter
        )
        stack.enter_context(server)
        server.wait_ready()
        replicas = []
        for address in addresses:
            replica = _replica(tmp_path / address, f"http://{address}:{port}", address)
            stack.callback(replica.process.stop)
            replicas.append(replica)
            # The first one leads.
            _wait(replicas[0].publishes, "the first one's numbers")
        yield Stand(net, replicas[0], replicas[1], f"http://{ours}:{port}")


def _replica(folder: Path, url: str, address: str) -> Replica:
    folder.mkdir()
    write_kubeconfig(folder / "config", url)
    port = free_port()
    flags = ("--leader-elect", "--leader-elect.lease=gpu/leader", f"--stale-after={STALE_AFTER}")
    process = programs.cluster_exporter(folder, port, folder / "config", *flags)
    process.start()
    _wait(lambda: _serves(port), "its page")
    return Replica(process, f"http://{LOOPBACK}:{port}", address)


def _serves(port: int) -> bool:
    try:
        return requests.get(f"http://{LOOPBACK}:{port}/metrics", timeout=30).ok
    except requests.ConnectionError:
        return False


def _cordoned(replica: Replica) -> set[str] | None:
    """Return which nodes are closed; None where nothing is said of any."""
    told = replica.lines("gpu_node_cordoned")
    closed = {name for name in _NODES if f'gpu_node_cordoned{{node="{name}"}} 1' in told}
    return closed if told else None


def test_the_leader_is_cut_off(stand: Stand) -> None:
    """Its numbers go before another one's come; healed, it is right to the last change."""
    first, second = stand.first, stand.second
    assert set() == _cordoned(first)
    assert not second.publishes()
    threads, memory = first.costs()
    watching = Watching((first, second))
    watcher = threading.Thread(target=watching.run, daemon=True)
    watcher.start()

    stand.net.cut(first.address)
    _wait(lambda: not first.publishes(), "silence")
    _wait(lambda: first.own("apiserver_up") == 0, "apiserver_up 0")
    said = requests.get(f"{first.url}/readyz", timeout=30)
    assert HTTPStatus.SERVICE_UNAVAILABLE == said.status_code
    assert "nothing heard for" in said.text
    stand.cordon("n1")
    _wait(lambda: _cordoned(second) == {"n1"}, "the second's numbers")
    assert not first.publishes()
    now = first.costs()
    assert now[0] <= threads + _MORE_THREADS
    assert now[1] <= memory + _MORE_BYTES

    stand.cordon("n2")
    stand.net.heal(first.address)
    _wait(lambda: first.own("apiserver_up") == 1, "apiserver_up 1")
    second.process.stop()
    _wait(lambda: _cordoned(first) == {"n1", "n2"}, "the first's numbers")
    watching.over.set()
    watcher.join(_SECONDS)

    assert not watching.both
    assert [] == watching.zeros
