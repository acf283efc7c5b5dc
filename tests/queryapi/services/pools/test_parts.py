"""What is recorded of classes of nodes becomes their numbers; what is missing is never zero."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from queryapi.errors import NoData
from queryapi.promql.values import Sample
from queryapi.services.part import Reading
from queryapi.services.pools import parts
from queryapi.services.pools.model import (
    ClassBlocks,
    ClassNumbers,
    Measured,
    ModelDemand,
    NodeClass,
    PoolNode,
)
from tests.support.scheduling_series import Series, told

KIND = NodeClass("p", "H100", "t", "z", "r", "AWS")
CPU = NodeClass("p", "", "c", "", "", "")
KNOWN = told("cluster:pool_nodes:count", 5, cluster="c")
NUMBERS = {
    "pool:nodes:count": 4,
    "pool:nodes_ready:sum": 3,
    "pool:nodes_cordoned:sum": 1,
    "pool:gpu_allocatable:sum": 24,
    "pool:gpu_allocated:sum": 7.5,
    "pool:gpu_free:sum": 8,
    "pool:gpu_utilization_ratio:sum": 12,
    "pool:gpu_utilization_ratio:count": 24,
    "pool:cpu_utilization_ratio:sum": 1.5,
    "pool:cpu_utilization_ratio:count": 3,
    "pool:memory_utilization_ratio:sum": 0.5,
    "pool:memory_utilization_ratio:count": 2,
    "pool:network_utilization_ratio:sum": 0.25,
    "pool:network_utilization_ratio:count": 1,
}
GPUS = {name for name in NUMBERS if ":gpu_" in name}


def read(*found: Series) -> Iterator[Sample]:
    """Return samples as the client decodes them: they can be gone over once."""
    return iter(msgspec.convert(list(found), tuple[Sample, ...], strict=False))


def recorded(
    kind: NodeClass = KIND,
    cluster: str = "c",
    without: Collection[str] = (),
    other: Mapping[str, float | str] = MappingProxyType({}),
) -> list[Series]:
    """Return what is recorded of a class; a label that is empty is absent."""
    labels = {fact: text for fact, text in kind._asdict().items() if text}
    numbers = {name: value for name, value in {**NUMBERS, **other}.items() if name not in without}
    return [told(name, value, cluster=cluster, **labels) for name, value in numbers.items()]


def test_numbers_are_read_by_class() -> None:
    """Each from the series that records it; a class without GPUs has none."""
    expected = (
        ClassNumbers(
            CPU,
            nodes=2,
            ready=3,
            cordoned=1,
            cpu=Measured(1.5, 3),
            memory=Measured(0.5, 2),
            network=Measured(0.25, 1),
        ),
        ClassNumbers(
            KIND,
            nodes=4,
            ready=3,
            cordoned=1,
            gpus=24,
            allocated=7.5,
            free=8,
            cpu=Measured(1.5, 3),
            memory=Measured(0.5, 2),
            network=Measured(0.25, 1),
            gpu=Measured(12, 24),
        ),
    )
    found = read(KNOWN, *recorded(), *recorded(CPU, without=GPUS, other={"pool:nodes:count": 2}))

    assert expected == parts.read_stock(found)


def test_a_class_is_there_while_its_nodes_are_counted() -> None:
    """Means are recorded less often, and go on for a while when its last node has gone."""
    gone = {name for name in NUMBERS if "ratio" not in name} | GPUS
    found = read(KNOWN, *recorded(), *recorded(CPU, without=gone))

    assert [KIND] == [numbers.kind for numbers in parts.read_stock(found)]


def test_nobody_says_that_no_node_is_cordoned() -> None:
    """Of most classes none is: a series of zeros would be one more for each."""
    [numbers] = parts.read_stock(read(KNOWN, *recorded(without={"pool:nodes_cordoned:sum"})))

    assert numbers.cordoned == 0


@pytest.mark.parametrize(
    "name", [name for name in NUMBERS if "ratio" not in name and "cordoned" not in name]
)
def test_a_number_that_is_missing_is_not_zero(name: str) -> None:
    """The answer is put off: the rules are not complete yet."""
    with pytest.raises(NoData, match=f"no {name} for this cluster"):
        parts.read_stock(read(KNOWN, *recorded(without={name})))


@pytest.mark.parametrize("name", [name for name in NUMBERS if "ratio" in name])
@pytest.mark.parametrize("odd", ["NaN", "+Inf", None])
def test_half_a_mean_is_none(name: str, odd: str | None) -> None:
    """Where one of its two numbers is missing, or is no number, nobody measures it."""
    found = recorded(without={name}) if odd is None else recorded(other={name: odd})
    [numbers] = parts.read_stock(read(KNOWN, *found))
    means = {"gpu", "cpu", "memory", "network"}
    unmeasured = {mean for mean in means if getattr(numbers, mean).ratio is None}

    assert {name.removeprefix("pool:").partition("_")[0]} == unmeasured


def test_what_tells_of_machines_alone_tells_of_no_work() -> None:
    """Then what is allocated is not missed, and what else is missing is."""
    work = {name for name in NUMBERS if "ratio" in name or "allocated" in name}
    known = told("cluster:pool_nodes:count", 4, cluster="c", told="machines")
    expected = ClassNumbers(KIND, nodes=4, ready=3, cordoned=1, gpus=24, free=8)

    assert (expected,) == parts.read_stock(read(known, *recorded(without=work)))
    with pytest.raises(NoData, match="pool:gpu_free:sum"):
        parts.read_stock(read(known, *recorded(without=work | {"pool:gpu_free:sum"})))


def test_a_cluster_without_nodes_is_known() -> None:
    """It has no class; one whose rules are old has no number."""
    assert () == parts.read_stock(read(told("cluster:pool_nodes:count", 0, cluster="c")))
    with pytest.raises(NoData, match="recording rules of this version"):
        parts.read_stock(read())


def test_pools_of_several_clusters_are_nobodys() -> None:
    """They are refused, not added up."""
    with pytest.raises(NoData, match="of several"):
        parts.read_stock(read(KNOWN, *recorded(), *recorded(cluster="d")))


def test_what_is_held_is_read() -> None:
    """Nothing but what is held."""
    labels = KIND._asdict()

    assert (ClassNumbers(KIND, allocated=1.5),) == parts.read_held(read(told("", 1.5, **labels)))
    assert () == parts.read_held(read(told("", "NaN", **labels)))


def test_blocks_are_read() -> None:
    """In order of their size; a size that is no number is none."""
    labels = KIND._asdict()
    sizes = {"8": 2, "0": 3, "4": 1, "+Inf": 1, "NaN": 1, "": 1}
    found = [told("", count, gpus=gpus, **labels) for gpus, count in sizes.items()]
    [blocks] = parts.read_blocks(read(*found))

    assert ClassBlocks(KIND, {0: 3, 4: 1, 8: 2}) == blocks
    assert [0, 4, 8] == list(blocks.nodes)


def test_demand_is_read() -> None:
    """Pods whose GPUs nobody can tell are counted."""
    found = read(
        told("", 2, told="pods", gpu_model="H100"),
        told("", 16, told="gpus", gpu_model="H100"),
        told("", 1, told="pods"),
    )

    assert (ModelDemand("", 1, 0), ModelDemand("H100", 2, 16)) == parts.read_demand(found)


@pytest.mark.parametrize(
    ("value", "ready", "cordoned"),
    [(0, False, False), (1, True, False), (2, False, True), (3, True, True)],
)
def test_nodes_are_read(value: int, ready: bool, cordoned: bool) -> None:  # noqa: FBT001
    """By name, with what their value is made of."""
    labels = KIND._asdict()
    found = read(*(told("", value, node=name, **labels) for name in ("b", "a")))
    expected = tuple(PoolNode(name, KIND, ready=ready, cordoned=cordoned) for name in ("a", "b"))

    assert expected == parts.read_nodes(found)


def test_no_node_is_missed_whose_exporter_is_missing() -> None:
    """Of a cluster that two tell of, each of its part; both must, and then they are no nodes."""
    node = told("", 1, node="a", **KIND._asdict())

    with pytest.raises(NoData, match="1 of 2 cluster exporters"):
        parts.read_nodes(read(node, told("", 1, total_shards="2")))
    assert ["a"] == [
        one.name for one in parts.read_nodes(read(node, told("", 2, total_shards="2")))
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (parts.STOCK.kind, (ClassNumbers(KIND, nodes=1, gpu=Measured(1, 2)),)),
        (parts.BLOCKS.kind, (ClassBlocks(KIND, {0: 3, 8: 1}),)),
        (parts.DEMAND.kind, (ModelDemand("H100", 1, 0.5),)),
        (parts.NODES.kind, (PoolNode("a", KIND, ready=True, cordoned=False),)),
    ],
    ids=("stock", "blocks", "demand", "nodes"),
)
def test_other_processes_read_what_was_read(kind: Any, value: Any) -> None:
    """As MessagePack, to the last field."""
    packed = msgspec.msgpack.encode(Reading(value, 0))
    unpacked: Callable[[bytes], Any] = msgspec.msgpack.Decoder(Reading[kind]).decode

    assert value == unpacked(packed).value
