"""What there is room for in the whole cluster, from nodes' and pods' JSON to exposition text."""

from collections.abc import Sequence

import msgspec

from exporter.catalogue import FREE_BLOCK
from exporter.cluster import accounting
from exporter.cluster.objects import nodes, pods, wire
from exporter.cluster.page import summary
from tests.support.objects import GPU, Object, node, pod
from tests.support.scrape import text

MIG = "nvidia.com/mig-1g.10gb"
POOL = "gpuscope.io/pool"
CLIQUE = "nvidia.com/gpu.clique"


def held_on(name: str, held: Sequence[Object]) -> list[pods.Pod]:
    """Return the records of the pods bound to a node."""
    records = [pods.from_wire(wire.decode(msgspec.json.encode(it), wire.POD)) for it in held]
    return [it for it in records if it.node == name]


def told(these: list[Object], held: Sequence[Object] = (), shard: str = "") -> list[str]:
    """Return the lines of a cluster of these nodes and pods."""
    parts = []
    for it in these:
        known = nodes.from_wire(wire.decode(msgspec.json.encode(it), wire.NODE))
        part = summary.part(known, accounting.of_node(known, held_on(known.name, held)))
        parts += [part] if part else []
    orphans = summary.orphaned(held_on("gone", held), lambda pod: accounting.amount(pod, None))
    return text("".join(summary.lines(summary.room(parts), orphans, shard).values()))


def test_an_empty_cluster() -> None:
    """There is room for nothing, and nobody is orphaned."""
    expected = text("""
        gpu_free_nodes{gpus="1"} 0
        gpu_free_nodes{gpus="2"} 0
        gpu_free_nodes{gpus="4"} 0
        gpu_free_nodes{gpus="8"} 0
        gpu_orphaned_allocated 0
    """)

    assert expected == told([])
    assert expected == told([node(gpus=None)])


def test_the_largest_block_of_each_pool_and_model() -> None:
    """A block is free GPUs of one resource on one node that takes work."""
    a100 = {POOL: "train", "nvidia.com/gpu.product": "A100"}
    these = [
        node("n1", 8, labels=a100),
        node("n2", 8, labels=a100, cordoned=True),
        node("n3", {GPU: 2, "amd.com/gpu": 3, MIG: 7}, labels={POOL: "odd"}),
        node("n4", 8, labels={POOL: "down"}, ready="False"),
    ]
    expected = text("""
        gpu_free_block{pool="train",model="A100"} 4
        gpu_free_block{pool="odd",model="unknown"} 3
        gpu_free_block{pool="down",model="unknown"} 0
        gpu_free_nodes{gpus="1"} 2
        gpu_free_nodes{gpus="2"} 2
        gpu_free_nodes{gpus="4"} 1
        gpu_free_nodes{gpus="8"} 0
        gpu_orphaned_allocated 0
    """)

    assert expected == told(these, [pod(gpus=4)])


def test_what_is_free_in_a_clique() -> None:
    """An NVLink clique spans nodes; the GPUs of those that take work are added up."""
    rack = {CLIQUE: "c1.0"}
    these = [
        node("n1", 4, labels=rack),
        node("n2", {GPU: 4, "amd.com/gpu": 1}, labels=rack),
        node("n3", 4, labels=rack, ready="Unknown"),
        node("n4", 4, labels={CLIQUE: "c1.1"}, cordoned=True),
        node("n5", 4),
    ]

    expected = text("""
        gpu_clique_free{clique="c1.0",shard="2"} 8
        gpu_clique_free{clique="c1.1",shard="2"} 0
    """)
    lines = told(these, [pod()], shard="2")

    assert expected == [line for line in lines if line.startswith("gpu_clique_free")]


def test_the_shard_is_told_where_parts_are_added_up() -> None:
    """A maximum needs no label to be taken over parts; a count and a sum do."""
    lines = told([node()], shard="1")

    assert all('shard="1"' in line for line in lines if not line.startswith(FREE_BLOCK.name))
    assert ['gpu_free_block{model="unknown"} 8'] == [
        line for line in lines if line.startswith(FREE_BLOCK.name)
    ]


def test_orphans() -> None:
    """Pods of a node that is gone hold GPUs nobody has; those that ended, or reserve, hold none."""
    held = [
        pod("a", 2, node="gone"),
        pod("b", {MIG: 7}, node="gone"),
        pod("c", 4, node="gone", phase="Failed"),
        pod("d", 1, node="gone", namespace="kai-resource-reservation"),
    ]

    assert "gpu_orphaned_allocated 3" in told([node()], held)
