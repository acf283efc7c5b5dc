"""What there is room for in the whole cluster: from every node's accounts to sample lines.

A node's part is made when the node changes, and all parts are added up in one pass, which for
10,000 nodes takes a few milliseconds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from exporter import catalogue
from exporter.cluster.accounting import Account
from exporter.cluster.objects.nodes import Node
from exporter.cluster.objects.pods import Pod
from exporter.cluster.page.board import Lines
from exporter.exposition import line

SIZES = (1, 2, 4, 8)
"""Blocks of GPUs that are asked for often: nodes with at least so many free are counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """One node's part; `block` is its most free GPUs of one resource, `free` those of all."""

    kind: tuple[str, str]
    clique: str
    block: float
    free: float


@dataclass(frozen=True, slots=True)
class Room:
    """What there is room for, in whole free GPUs.

    Args:
        blocks: The largest block on one node, by pool and model.
        nodes: How many nodes have at least so many free of one resource, by each of SIZES.
        cliques: All that are free in an NVLink clique, by its name.
    """

    blocks: dict[tuple[str, str], float]
    nodes: dict[int, int]
    cliques: dict[str, float]


def part(node: Node, accounts: Sequence[Account]) -> Part | None:
    """Return a node's part; None when it has no GPU resource."""
    if not accounts:
        return None
    free = [account.free for account in accounts]
    return Part((node.pool, node.model), node.clique, max(free), sum(free))


def room(parts: Iterable[Part]) -> Room:
    """Add up the parts of all nodes."""
    blocks: dict[tuple[str, str], float] = {}
    cliques: dict[str, float] = {}
    sizes: dict[float, int] = {}
    for it in parts:
        block = it.block
        sizes[block] = sizes.get(block, 0) + 1
        if block > blocks.get(it.kind, -1.0):
            blocks[it.kind] = block
        if it.clique:
            cliques[it.clique] = cliques.get(it.clique, 0.0) + it.free
    nodes = {size: sum(n for block, n in sizes.items() if block >= size) for size in SIZES}
    return Room(blocks, nodes, cliques)


def orphaned(pods: Iterable[Pod], gpus: Callable[[Pod], float | None]) -> float:
    """Return the GPUs held by pods that are bound to nodes which do not exist.

    Args:
        pods: The pods bound to such nodes; those that are terminal are ignored.
        gpus: The GPUs a pod asks for; None when nobody can tell.
    """
    held = (pod for pod in pods if pod.holds_gpus and not pod.reservation)
    return sum(gpus(pod) or 0.0 for pod in held)


def lines(found: Room, orphans: float, shard: str) -> Lines:
    """Return the cluster's lines; *shard* names the part of it that is followed, empty for all."""
    return {
        catalogue.FREE_BLOCK: "".join(
            line(catalogue.FREE_BLOCK, kind, gpus) for kind, gpus in found.blocks.items()
        ),
        catalogue.FREE_NODES: "".join(
            line(catalogue.FREE_NODES, (str(size), shard), count)
            for size, count in found.nodes.items()
        ),
        catalogue.CLIQUE_FREE: "".join(
            line(catalogue.CLIQUE_FREE, (clique, shard), gpus)
            for clique, gpus in found.cliques.items()
        ),
        catalogue.ORPHANED: line(catalogue.ORPHANED, (shard,), orphans),
    }
