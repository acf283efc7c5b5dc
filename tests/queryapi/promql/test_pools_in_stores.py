"""Real stores understand what compute pools ask, over the real rules.

Prometheus and VictoriaMetrics scrape two clusters that two exporters tell of: one small enough to
add up by hand, and one by chance, whose pools have to add up to the cluster's totals.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.processes import wait_for
from demo.stack import ROOT
from queryapi.errors import NoData
from queryapi.outbound.transport import HttpTransport
from queryapi.promql import queries
from queryapi.promql.client import PrometheusClient
from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from queryapi.promql.values import Vector
from queryapi.services import parts as status
from queryapi.services.part import Moment, Part
from queryapi.services.pools import parts
from queryapi.services.pools.model import (
    ClassBlocks,
    ClassNumbers,
    Measured,
    ModelDemand,
    NodeClass,
    PoolNode,
)
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support.prometheus import Target, prometheus
from tests.support.victoriametrics import victoriametrics

pytestmark = pytest.mark.e2e

_SCRAPED = """
global: {{scrape_interval: {seconds}s}}
scrape_configs:
  - job_name: fleet
    honor_labels: true
    static_configs:
      - targets: ["{target}"]
"""
# It sees new series ten seconds later, whoever asks: more looks would only cost more.
_VICTORIA_SECONDS = 3
_H100 = NodeClass("p", "H100", "t", "z", "r", "AWS")
_CPU = NodeClass("p", "", "c", "z", "r", "AWS")
_T4 = NodeClass("", "T4", "", "", "", "")
# node: class, ready, cordoned, allocated, free, of so many GPUs
_NODES = {
    "up": (_H100, 1, 0, 3, 5, 8),
    "cordoned": (_H100, 1, 1, 4, 0, 8),
    "down": (_H100, 0, 0, 8, 0, 8),
    "unpooled": (_T4, 1, 0, 0, 2, 2),
}
# uid: namespace, node, GPUs, phase, state, reason, model
_PODS = {
    "p1": ("ours", "up", 2, "Running", "running", "", ""),
    "p2": ("theirs", "up", 1, "Running", "running", "", ""),
    "p3": ("ours", "cordoned", 4, "Running", "running", "", ""),
    "p4": ("theirs", "down", 8, "Running", "node_lost", "node_not_ready", ""),
    "p5": ("ours", "", 4, "Pending", "unschedulable", "insufficient_gpu", "H100"),
    "p6": ("theirs", "", 2, "Pending", "pending", "not_considered", "H100"),
    "p7": ("ours", "", 1, "Pending", "unschedulable", "taints", ""),
    "held back": ("ours", "", 64, "Pending", "gated", "gated", "H100"),
    "over quota": ("ours", "", 64, "Pending", "gated", "quota", "H100"),
    "leaving": ("ours", "", 64, "Pending", "terminating", "", "H100"),
}


def _line(name: str, value: float, **labels: object) -> str:
    written = ",".join(f'{label}="{text}"' for label, text in labels.items() if text != "")
    return f"{name}{{{written}}} {value}"


def _gpu_node(kind: NodeClass, state: tuple[float, ...], **who: object) -> Iterator[str]:
    ready, cordoned, allocated, free, gpus = state
    yield _line("gpu_node_info", 1, **who, **kind._asdict(), os="linux")
    yield _line("gpu_node_ready", ready, **who)
    yield _line("gpu_node_cordoned", cordoned, **who)
    for name, value in (("allocated", allocated), ("free", free)):
        yield _line(f"gpu_node_{name}", value, **who, resource="g")
    for name in ("capacity", "allocatable"):
        yield _line(f"gpu_node_{name}", gpus, **who, resource="g")


def _by_hand(**who: object) -> Iterator[str]:
    for node, (kind, *state) in _NODES.items():
        yield from _gpu_node(kind, tuple(state), **who, node=node)
    identity = {fact: text for fact, text in _CPU._asdict().items() if text}
    yield _line("gpu_pool_node_info", 1, **who, node="cpu", **identity)
    yield _line("gpu_pool_node_ready", 1, **who, node="cpu")
    yield _line("gpu_pool_node_cordoned", 1, **who, node="cpu")
    for uid, (namespace, node, gpus, phase, state_, reason, model) in _PODS.items():
        pod = {**who, "namespace": namespace, "pod": uid, "uid": uid}
        yield _line("gpu_pod_info", 1, **pod, node=node, gpu_model=model)
        yield _line("gpu_pod_requested", gpus, **pod)
        yield _line("gpu_pod_state", 1, **pod, phase=phase, state=state_, reason=reason)
        if node:
            yield _line("gpu_pod_allocated", gpus, **pod, node=node)


def _measured(cluster: str) -> Iterator[str]:
    one = {"cluster": cluster}
    for gpu, ratio in enumerate((0.5, 1)):
        yield _line("gpu_utilization_ratio", ratio, **one, node="up", gpu=gpu, uuid=f"u{gpu}")
    # By its label, by its host's name, of a node that is down, and of nobody's.
    for host, node, name in (
        ("1", "up", "else"),
        ("2", "", "unpooled"),
        ("3", "down", "down"),
        ("4", "", "else"),
    ):
        who = {**one, "job": "node", "instance": host, "node": node}
        yield _line("node_uname_info", 1, **who, nodename=name)
        yield _line("node_time_seconds", time.time(), **who)
        yield _line("node_memory_MemTotal_bytes", 100, **who)
        yield _line("node_memory_MemAvailable_bytes", 75, **who)
        yield _line("node_cpu_seconds_total", 7, **who, cpu="0", mode="idle")
        yield _line("node_network_speed_bytes", 10, **who, device="eth0")
        yield _line("node_network_receive_bytes_total", 5, **who, device="eth0")
        yield _line("node_network_transmit_bytes_total", 5, **who, device="eth0")


def _by_chance(**who: object) -> Iterator[str]:
    # The same fleet whoever tells of it, and in every run.
    chance = random.Random(6)  # noqa: S311 - nothing secret
    for number in range(60):
        kind = NodeClass(*(chance.choice(("", "x", "y")) for _ in NodeClass._fields))
        kind = kind._replace(model=kind.model or "unknown")
        ready, cordoned = chance.choice((0, 1, 1)), chance.choice((0, 0, 1))
        held = chance.choice((0, 1.5, 4, 8))
        free = int(8 - held) if ready and not cordoned else 0
        node = f"n{number}"
        yield from _gpu_node(kind, (ready, cordoned, held, free, 8), **who, node=node)
        for gpu in range(chance.randint(0, 8)):
            device = {"gpu": gpu, "uuid": f"{node}-{gpu}"}
            yield _line("gpu_utilization_ratio", chance.random(), **who, node=node, **device)


class _Living(Target):
    """A target whose hosts' clocks go on."""

    @property
    def text(self) -> str:
        """What is scraped now."""
        return _text(self._since)

    @text.setter
    def text(self, _: str) -> None:
        self._since = time.time()


def _text(since: float) -> str:
    lines = [*_measured("a")]
    for replica in ("1", "2"):
        for cluster, told in (("a", _by_hand), ("b", _by_chance)):
            lines += told(cluster=cluster, replica=replica)
        for cluster in ("a", "b", "empty"):
            who = {"cluster": cluster, "replica": replica, "phase": "Running"}
            lines += [_line("gpu_pods", 4, **who)]
        for cluster, shards in (("half", "0"), ("whole", "01")):
            for shard in shards:
                who = {"cluster": cluster, "replica": replica, "shard": shard}
                lines += [_line("gpu_pods", 4, **who, phase="Running")]
                lines += [_line("gpu_exporter_shard_info", 1, **who, total_shards=2)]
    # What an exporter said that fell behind: where the node was before.
    before = {"cluster": "a", "replica": "3", "node": "up", "model": "H100", "pool": "before"}
    lines += [f"{_line('gpu_node_info', 1, **before)} {int(since - 20) * 1000}"]
    return "\n".join(sorted(lines)) + "\n"


@dataclass(frozen=True)
class _Store:
    """Answers about a cluster at the newest evaluation."""

    client: PrometheusClient

    def __call__(self, question: Query, at: float, *namespaces: str, cluster: str = "a") -> Vector:
        selection = Selection((Matcher("cluster", "=", cluster),), frozenset(namespaces) or None)
        return self.client.instant(question(selection), at=at).value

    def part(self, part: Part[Any], *namespaces: str, cluster: str = "a") -> Any:
        """Return a part as a snapshot has it."""
        at = status.read_evaluation(self(queries.evaluation, time.time(), cluster=cluster))
        if part.moment is Moment.SCRAPE:
            at = status.read_stamps(self(queries.stamps, at, cluster=cluster)).scraped_at
        return part.shape(iter(self(part.query, at, *namespaces, cluster=cluster)))

    def is_complete(self) -> bool:
        """Tell whether rules that read rules have seen rates."""
        rated = {s.label("cluster") for s in self.client.instant(
            "pool:network_utilization_ratio:count", at=time.time()).value}  # fmt: skip
        both = self.client.instant("node:pool_identity_timestamp_seconds:max", at=time.time())
        told = self.client.instant("cluster:pool_nodes:count", at=time.time()).value
        moved = [s for s in both.value if s.label("pool") == "before"]
        return bool({"a"} == rated and moved and len(told) == 5)


def _rules(seconds: int) -> str:
    files = [ROOT / "prometheus" / "rules" / name for name in ("totals.yml", "nodes.yml")]
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    return yaml.safe_dump({"groups": [{**group, "interval": f"{seconds}s"} for group in groups]})


@pytest.fixture(name="store", scope="module", params=["prometheus", "victoriametrics"])
def _store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Store]:
    folder = tmp_path_factory.mktemp(request.param)
    with _Living() as target:
        if request.param == "prometheus":
            running: Any = prometheus(folder, target, rules=_rules(1))
        else:
            running = _victoria(folder, target)
        with running as found:
            transport = HttpTransport(connect=1)
            client = PrometheusClient(
                Cluster("a", found.url), transport, seconds=30, metrics=Metrics("test").querying
            )
            store = _Store(client)
            wait_for(store.is_complete, seconds=180, what="rules over two scrapes")
            # vmalert sees what was recorded one evaluation later.
            time.sleep(2 * _VICTORIA_SECONDS)
            yield store
            transport.close()


def _victoria(folder: Path, target: Target) -> Any:
    home = folder / "home"
    # Alerts are not asked for here, and all of them each second cost more than all else.
    for name, text in (("rules", _rules(_VICTORIA_SECONDS)), ("alerts", "groups: []\n")):
        (home / name).mkdir(parents=True)
        (home / name / "all.yml").write_text(text)
    (home / "prometheus.yml").write_text(
        _SCRAPED.format(target=target.address, seconds=_VICTORIA_SECONDS)
    )
    return victoriametrics(folder, home, "-search.latencyOffset=0s", seconds=_VICTORIA_SECONDS)


def test_numbers_are_those_of_each_class(store: _Store) -> None:
    """Two exporters count once, who moved is where they are now; limited callers see no work."""
    expected = (
        ClassNumbers(
            _T4,
            nodes=1,
            ready=1,
            gpus=2,
            free=2,
            cpu=Measured(1, 1),
            memory=Measured(0.25, 1),
            network=Measured(0, 1),
        ),
        ClassNumbers(_CPU, nodes=1, ready=1, cordoned=1),
        ClassNumbers(
            _H100,
            nodes=3,
            ready=2,
            cordoned=1,
            gpus=16,
            allocated=7,
            free=5,
            cpu=Measured(1, 1),
            memory=Measured(0.25, 1),
            network=Measured(0, 1),
            gpu=Measured(1.5, 2),
        ),
    )

    machines = tuple(
        ClassNumbers(one.kind, one.nodes, one.ready, one.cordoned, one.gpus, free=one.free)
        for one in expected
    )

    assert expected == store.part(parts.STOCK)
    assert machines == store.part(parts.STOCK, "ours")


def test_a_cluster_without_nodes_has_no_class(store: _Store) -> None:
    """That is known, and no error."""
    assert () == store.part(parts.STOCK, cluster="empty")
    assert () == store.part(parts.NODES, cluster="empty")


def test_pools_add_up_to_the_totals(store: _Store) -> None:
    """Whatever the fleet is like: to what the real-time API says at the same evaluation."""
    stock = store.part(parts.STOCK, cluster="b")
    totals = store.part(status.TOTALS, cluster="b")
    machines = store.part(status.NODES, cluster="b")
    devices = sum((each.gpu for each in stock), Measured())

    assert len(stock) > 20
    assert totals.allocated == sum(each.allocated for each in stock)
    assert totals.free == sum(each.free for each in stock)
    # All devices of this fleet are healthy.
    assert totals.capacity == sum(each.gpus for each in stock)
    assert totals.utilization == pytest.approx(devices.ratio)
    assert len(machines) == sum(each.nodes for each in stock) == 60
    assert sum(node.ready for node in machines) == sum(each.ready for each in stock)
    assert sum(node.cordoned for node in machines) == sum(each.cordoned for each in stock)


def test_work_holds_what_the_classes_have_allocated(store: _Store) -> None:
    """On Ready nodes; of some namespaces only their own."""
    assert (ClassNumbers(_H100, allocated=7),) == store.part(parts.HELD)
    assert (ClassNumbers(_H100, allocated=6),) == store.part(parts.HELD, "ours")
    assert () == store.part(parts.HELD, "nobody")


def test_blocks_are_counted_by_size(store: _Store) -> None:
    """Of nodes with GPUs; those that take no work have none."""
    expected = (ClassBlocks(_T4, {2: 1}), ClassBlocks(_H100, {0: 2, 5: 1}))

    assert expected == store.part(parts.BLOCKS)
    assert 60 == sum(sum(each.nodes.values()) for each in store.part(parts.BLOCKS, cluster="b"))


def test_demand_is_what_a_scheduler_looks_for(store: _Store) -> None:
    """By model; neither what is held back nor what is going, and of some namespaces their own."""
    assert (ModelDemand("", 1, 1), ModelDemand("H100", 2, 6)) == store.part(parts.DEMAND)
    assert (ModelDemand("H100", 1, 2),) == store.part(parts.DEMAND, "theirs")


def test_nodes_are_told_once(store: _Store) -> None:
    """Each with its class and its state, without GPUs too."""
    expected = (
        PoolNode("cordoned", _H100, ready=True, cordoned=True),
        PoolNode("cpu", _CPU, ready=True, cordoned=True),
        PoolNode("down", _H100, ready=False, cordoned=False),
        PoolNode("unpooled", _T4, ready=True, cordoned=False),
        PoolNode("up", _H100, ready=True, cordoned=False),
    )

    assert expected == store.part(parts.NODES) == store.part(parts.NODES, "ours")


def test_a_part_of_a_cluster_is_not_taken_for_all(store: _Store) -> None:
    """Of two exporters that tell of half a cluster each, one is missing."""
    with pytest.raises(NoData, match="1 of 2 cluster exporters"):
        store.part(parts.NODES, cluster="half")
    assert () == store.part(parts.NODES, cluster="whole")
