"""Whether a pod would find room in a pool now."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.pools.answers import Capacity
from queryapi.services.pools.model import (
    ClassBlocks,
    ClassNumbers,
    Demand,
    ModelDemand,
    NodeClass,
)
from queryapi.services.pools.planning.capacity import capacity

AT = 1_766_153_000.7
H100 = NodeClass("research", "H100", "p5.48xlarge", "a", "eu", "aws")
A100 = NodeClass("research", "A100", "p4d.24xlarge", "a", "eu", "aws")
OTHERS = NodeClass("serving", "L4", "g6.xlarge", "a", "eu", "aws")
CPU = NodeClass("research", "", "m7i.large", "a", "eu", "aws")

STOCK = (
    ClassNumbers(H100, nodes=4, gpus=32, free=20),
    ClassNumbers(A100, nodes=2, gpus=16, free=5),
    ClassNumbers(OTHERS, nodes=1, gpus=64, free=64),
    ClassNumbers(CPU, nodes=3),
)
BLOCKS = (
    ClassBlocks(H100, {8: 2, 4: 1, 0: 1}),
    ClassBlocks(A100, {4: 1, 1: 1}),
    ClassBlocks(OTHERS, {64: 1}),
)
NOTHING_WAITS: Demand = ()
POOL = (H100, A100, CPU)


def asked(
    gpus: int, *, demand: Demand = NOTHING_WAITS, kinds: tuple[NodeClass, ...] = POOL
) -> Capacity:
    """Return what the small fleet has for a pod of so many GPUs."""
    return capacity("pool-1", gpus, kinds, (STOCK, BLOCKS, demand), at=AT)


def waiting(model: str, pods: int = 2, gpus: float = 16.0) -> Demand:
    """Return pods that wait for a model."""
    return (ModelDemand(model, pods, gpus),)


def test_a_pod_is_told_where_it_fits() -> None:
    """Nodes with room, pods together, the largest block: of the pool's own nodes alone."""
    assert msgspec.to_builtins(asked(4, demand=waiting("H100"))) == {
        "poolId": "pool-1",
        "timestamp": "2025-12-19T14:03:20Z",
        "gpus": 4,
        "fits": True,
        "nodesThatFit": 4,
        "podsThatFit": 6,
        "largestBlock": 8,
        "freeGpus": 25,
        "pendingPods": 2,
        "pendingGpus": 16,
    }


def test_a_pod_that_no_node_has_room_for_does_not_fit() -> None:
    """Free GPUs of several nodes are no room for one pod."""
    told = asked(9)
    assert (False, 0, 0, 8, 25) == (
        told.fits, told.nodes_that_fit, told.pods_that_fit, told.largest_block, told.free_gpus
    )  # fmt: skip


def test_a_pool_without_nodes_has_room_for_nobody() -> None:
    """What waits for GPUs does not wait for these."""
    told = asked(1, demand=waiting(""), kinds=())
    assert (False, 0, 0, 0, 0) == (
        told.fits, told.largest_block, told.free_gpus, told.pending_pods, told.pending_gpus
    )  # fmt: skip


def test_nodes_without_gpus_are_waited_for_by_nobody() -> None:
    """A pool of CPUs stands in no GPU pod's way."""
    assert asked(1, demand=waiting(""), kinds=(CPU,)).pending_pods == 0


@pytest.mark.parametrize(
    ("model", "pods"),
    [("", 2), ("A100", 2), ("A100|L4", 2), ("several", 2), ("L4", 0), ("A10", 0), ("B200|L4", 0)],
)
def test_what_waits_counts_where_it_could_run(model: str, pods: int) -> None:
    """Pods that take any model, or one that the pool has, are before a new one; no others are."""
    assert asked(1, demand=waiting(model)).pending_pods == pods


def test_what_waits_is_added_up() -> None:
    """Pods of several models, shares of a GPU to three decimals."""
    told = asked(1, demand=(*waiting("H100", 1, 0.5), *waiting("", 3, 3), *waiting("L4")))
    assert (4, 3.5) == (told.pending_pods, told.pending_gpus)


def test_old_numbers_are_marked() -> None:
    """A planner sees that the answer is not of now."""
    told = capacity("p", 1, POOL, (STOCK, BLOCKS, ()), at=AT, stale=True)
    assert msgspec.to_builtins(told)["stale"] is True


@st.composite
def fleets(draw: st.DrawFn) -> tuple[tuple[ClassNumbers, ...], tuple[ClassBlocks, ...]]:
    """Return classes of nodes whose free GPUs are the sum of their blocks, and more."""
    numbers, blocks = [], []
    for model in draw(st.lists(st.sampled_from("ABCD"), unique=True)):
        kind = H100._replace(model=model)
        nodes = draw(st.dictionaries(st.integers(0, 16), st.integers(0, 50), max_size=6))
        free = sum(block * count for block, count in nodes.items())
        blocks.append(ClassBlocks(kind, nodes))
        # A node may have free GPUs of a second resource besides.
        more = draw(st.integers(0, 8))
        numbers.append(ClassNumbers(kind, gpus=free + more + 1, free=free + more))
    return tuple(numbers), tuple(blocks)


@given(fleets(), st.integers(1, 20), st.integers(0, 5), st.sets(st.sampled_from("ABCD")))
def test_the_numbers_agree_with_each_other(
    fleet: tuple[tuple[ClassNumbers, ...], tuple[ClassBlocks, ...]],
    gpus: int,
    more: int,
    models: set[str],
) -> None:
    """A larger pod fits on no more nodes, and pods together hold no more than is free."""
    kinds = [H100._replace(model=model) for model in models]
    small, large = (
        capacity("p", asked_for, kinds, (*fleet, ()), at=AT) for asked_for in (gpus, gpus + more)
    )
    assert small.nodes_that_fit >= large.nodes_that_fit
    assert small.pods_that_fit >= large.pods_that_fit
    assert small.pods_that_fit * gpus <= small.free_gpus
    assert small.fits == (small.largest_block >= gpus) == (small.nodes_that_fit > 0)
    assert small.fits == (small.pods_that_fit > 0)
    assert small.pods_that_fit >= small.nodes_that_fit
