"""The lines of one node, from its record and what others know of it."""

import msgspec

from exporter.catalogue import NODE_COMPLETED, NODE_INFO, NODE_PROBLEM
from exporter.cluster import accounting
from exporter.cluster.accounting import Account
from exporter.cluster.objects import nodes, wire
from exporter.cluster.page import nodesamples
from tests.support.objects import Object, node


def record(it: Object) -> nodes.Node:
    """Return a node's record."""
    return nodes.from_wire(wire.decode(msgspec.json.encode(it), wire.NODE))


def test_what_ended_on_a_node() -> None:
    """Pods that ended are counted by result; a node on which none did has no such line."""
    known = record(node())
    accounts = accounting.of_node(known, ())
    lines = nodesamples.of_node(known, accounts, (), {"succeeded": 3, "failed": 1})

    assert (
        'gpu_node_completed_pods_total{node="n1",result="succeeded"} 3\n'
        'gpu_node_completed_pods_total{node="n1",result="failed"} 1\n'
    ) == lines[NODE_COMPLETED]
    assert NODE_COMPLETED not in nodesamples.of_node(known, accounts, (), {})


def test_gpus_offered_without_a_plugin() -> None:
    """Where dynamic resource allocation offers the GPUs, no device plugin is missed."""
    known = record(node(gpus=None, labels={"nvidia.com/gpu.count": "8"}))
    claimed = Account("gpu.nvidia.com", 8, 8, 0, 8, {}, 0)

    assert NODE_PROBLEM in nodesamples.of_node(known, (), (), {})
    assert NODE_PROBLEM not in nodesamples.of_node(known, (claimed,), (), {})


def test_a_node_without_gpus() -> None:
    """It has no line, whatever ended there; one that offers GPUs by claims only has."""
    known = record(node(gpus=None))

    assert {} == nodesamples.of_node(known, (), (), {"failed": 1})
    assert NODE_INFO in nodesamples.of_node(known, (Account("x", 1, 1, 0, 1, {}, 0),), (), {})
