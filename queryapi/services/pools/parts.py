"""The parts of a cluster's snapshot that tell of pools' nodes.

Numbers of nodes are read at one evaluation of the rules, so that pools add up to what the real-time
API says; work at the scrape that this evaluation saw.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from queryapi.errors import NoData
from queryapi.promql import poolqueries
from queryapi.promql.poolqueries import POOL_NODES
from queryapi.promql.values import Sample
from queryapi.services.part import Moment, Part
from queryapi.services.pools.model import (
    Blocks,
    ClassBlocks,
    ClassNumbers,
    Demand,
    Measured,
    ModelDemand,
    NodeClass,
    PoolNode,
    PoolNodes,
    Stock,
)

_READY, _CORDONED = 1, 2
"""What the value of a node is made of, as `poolqueries.pool_nodes` says."""

_ALLOCATED = "pool:gpu_allocated:sum"
_GPUS = ("pool:gpu_allocatable:sum", _ALLOCATED, "pool:gpu_free:sum")

_LATER = {
    f"pool:{measured}_utilization_ratio:{number}"
    for measured in ("cpu", "memory", "network")
    for number in ("sum", "count")
}
"""Recorded by a group of its own, less often: for a while also of a class that is gone."""

_Numbers = Mapping[str, float]


def read_stock(samples: Iterable[Sample]) -> Stock:
    """Return the numbers of every class of nodes, in order; none of a cluster that has no node.

    Where work is not told of, nothing is allocated and nobody measures anything.

    Raises:
        NoData: When the rules are not there, or not complete yet, or for several clusters.
    """
    clusters = set()
    known = all_told = False
    recorded: dict[NodeClass, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        clusters.add(sample.label("cluster"))
        if sample.name == POOL_NODES:
            known = True
            all_told = sample.label("told") != poolqueries.MACHINES_ONLY
        elif math.isfinite(sample.value):
            recorded[_kind(sample)][sample.name] = sample.value
    if len(clusters) > 1:
        raise NoData("The matchers of this cluster select the pools of several: make them name one")
    if not known:
        raise NoData(_missing(POOL_NODES))
    gpus = _GPUS if all_told else tuple(name for name in _GPUS if name != _ALLOCATED)
    return tuple(
        _numbers(kind, recorded[kind], gpus)
        for kind in sorted(recorded)
        if not recorded[kind].keys() <= _LATER
    )


def read_held(samples: Iterable[Sample]) -> Stock:
    """Return what work holds of each class in which it holds anything."""
    found = {_kind(sample): sample.value for sample in samples if math.isfinite(sample.value)}
    return tuple(ClassNumbers(kind, allocated=found[kind]) for kind in sorted(found))


def read_blocks(samples: Iterable[Sample]) -> Blocks:
    """Return how many nodes have how many free GPUs, of each class that has any."""
    found: dict[NodeClass, dict[int, int]] = defaultdict(dict)
    for sample in samples:
        gpus = _whole(sample.label("gpus"))
        if gpus is not None:
            found[_kind(sample)][gpus] = int(sample.value)
    return tuple(ClassBlocks(kind, dict(sorted(found[kind].items()))) for kind in sorted(found))


def read_demand(samples: Iterable[Sample]) -> Demand:
    """Return what waits, by model."""
    told: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        if math.isfinite(sample.value):
            told[sample.label("gpu_model")][sample.label("told")] = sample.value
    return tuple(
        # What nobody can tell of a pod adds nothing; the pod itself is counted.
        ModelDemand(model, int(numbers.get("pods", 0)), numbers.get("gpus", 0.0))
        for model, numbers in sorted(told.items())
    )


def read_nodes(samples: Iterable[Sample]) -> PoolNodes:
    """Return the nodes by name.

    Raises:
        NoData: When there may be others: an exporter that tells of a part is missing.
    """
    every = [sample for sample in samples if math.isfinite(sample.value)]
    for sample in every:
        there_are = _whole(sample.label("total_shards"))
        if there_are is not None and sample.value < there_are:
            raise NoData(f"{sample.value:g} of {there_are} cluster exporters tell of their part")
    nodes = (
        PoolNode(
            sample.label("node"),
            _kind(sample),
            ready=bool(int(sample.value) & _READY),
            cordoned=bool(int(sample.value) & _CORDONED),
        )
        for sample in every
        if sample.label("node")
    )
    return tuple(sorted(nodes, key=lambda node: node.name))


STOCK: Part[Stock] = Part("poolstock", Stock, poolqueries.stock, read_stock)
"""The numbers of all nodes, by class."""

HELD: Part[Stock] = Part("poolheld", Stock, poolqueries.held, read_held, Moment.SCRAPE)
"""What the work of some namespaces holds, by class: only `kind` and `allocated` are told."""

BLOCKS: Part[Blocks] = Part("poolblocks", Blocks, poolqueries.blocks, read_blocks)
"""The free GPUs of nodes, by class."""

DEMAND: Part[Demand] = Part("pooldemand", Demand, poolqueries.demand, read_demand, Moment.SCRAPE)
"""What waits for GPUs."""

NODES: Part[PoolNodes] = Part("poolnodes", PoolNodes, poolqueries.pool_nodes, read_nodes)
"""Each node: for the observer."""


def _kind(sample: Sample) -> NodeClass:
    # The dictionary itself: a call for each of many thousand labels would take longer.
    found = sample.metric.get
    return NodeClass(*(found(fact, "") for fact in NodeClass._fields))


def _numbers(kind: NodeClass, numbers: _Numbers, gpus: Iterable[str]) -> ClassNumbers:
    # Nodes without GPUs, and those whose GPUs nobody offers, have none of these numbers.
    offers = any(name in numbers for name in gpus)
    found = {name: _needed(numbers, name) for name in gpus} if offers else {}
    return ClassNumbers(
        kind=kind,
        nodes=_needed(numbers, "pool:nodes:count"),
        ready=_needed(numbers, "pool:nodes_ready:sum"),
        # Of most classes no node is cordoned, and nobody says so.
        cordoned=numbers.get("pool:nodes_cordoned:sum", 0.0),
        gpus=found.get("pool:gpu_allocatable:sum", 0.0),
        allocated=found.get(_ALLOCATED, 0.0),
        free=found.get("pool:gpu_free:sum", 0.0),
        cpu=_measured(
            numbers, "pool:cpu_utilization_ratio:sum", "pool:cpu_utilization_ratio:count"
        ),
        memory=_measured(
            numbers, "pool:memory_utilization_ratio:sum", "pool:memory_utilization_ratio:count"
        ),
        network=_measured(
            numbers, "pool:network_utilization_ratio:sum", "pool:network_utilization_ratio:count"
        ),
        gpu=_measured(
            numbers, "pool:gpu_utilization_ratio:sum", "pool:gpu_utilization_ratio:count"
        ),
    )


def _measured(numbers: _Numbers, total: str, of: str) -> Measured:
    """Return a mean; nobody measures what one of the two does not tell."""
    if total not in numbers or of not in numbers:
        return Measured()
    return Measured(numbers[total], numbers[of])


def _needed(numbers: _Numbers, name: str) -> float:
    if name not in numbers:
        raise NoData(_missing(name))
    return numbers[name]


def _whole(text: str) -> int | None:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def _missing(name: str) -> str:
    return (
        f"Prometheus has no {name} for this cluster: are the recording rules of this version"
        " loaded, is the cluster exporter scraped, and do its series carry this cluster's label?"
    )
