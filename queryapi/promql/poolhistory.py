"""A pool in the past, as one question over a range: the sums of its nodes' recorded numbers.

A point is told only where the rules were evaluated, and the cluster known, shortly before it.
Prometheus itself goes on telling a series' last value for five minutes when nobody ended it, as
after it was down; VictoriaMetrics for a whole step.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from queryapi.promql.poolqueries import POOL_NODES
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of

Facts = Mapping[str, Sequence[str]]
"""For some labels of a class of nodes the values that they may have; no label = no nodes."""

KNOWN = POOL_NODES
"""What is told whenever the rules below are evaluated, whether there is a node or not."""


class Measure(NamedTuple):
    """The two series of a mean that can be added up: the sum, and of how many."""

    total: str
    of: str


NODES = "pool:nodes:count"
READY = "pool:nodes_ready:sum"
GPUS = "pool:gpu_allocatable:sum"
ALLOCATED = "pool:gpu_allocated:sum"
CPU = Measure("pool:cpu_utilization_ratio:sum", "pool:cpu_utilization_ratio:count")
MEMORY = Measure("pool:memory_utilization_ratio:sum", "pool:memory_utilization_ratio:count")
GPU = Measure("pool:gpu_utilization_ratio:sum", "pool:gpu_utilization_ratio:count")
NETWORK = Measure("pool:network_utilization_ratio:sum", "pool:network_utilization_ratio:count")

HARDWARE = (NODES, READY, GPUS)
"""What tells of machines, and of nobody's work; the first is told of every class of nodes."""
WORK = (ALLOCATED, *CPU, *MEMORY, *GPU, *NETWORK)
"""What everybody's work holds and keeps busy."""

_CLASS = "pool,model,instance_type,zone,region,provider"
_NOBODY = (Matcher("pool", "=", ""), Matcher("pool", "!=", ""))
_TIMES = (
    "cluster:gpu_evaluation_timestamp_seconds:max",
    "cluster:gpu_state_timestamp_seconds:min",
)


def pool_history(
    selection: Selection,
    own: Facts,
    others: Iterable[Facts],
    names: Sequence[str] = (*HARDWARE, *WORK),
    *,
    lag: float,
) -> str:
    """Return the question for what the nodes that *own* chooses had together.

    Args:
        selection: The cluster.
        own: What chooses them.
        others: What chooses those among them that another pool has.
        names: The recorded series.
        lag: Seconds after an evaluation for which it may tell.
    """
    chosen = selection.hardware(one_of("__name__", *names), *_matchers(own))
    taken = [selection.hardware(NODES, *_matchers(other)) for other in others]
    left = f"{chosen} unless on({_CLASS}) ({' or '.join(taken)})" if taken else chosen
    # Two that tell the same are one: replicas behind a common front.
    sums = f"sum by(__name__) (max by(__name__,{_CLASS}) ({left}))"
    # `or` does not look at names: another label tells it apart.
    known = f'label_replace(max by(__name__) ({selection.hardware(KNOWN)}), "told", "1", "", "")'
    times = selection.hardware(one_of("__name__", *_TIMES))
    return f"({sums} or {known}) and on() (min({times}) >= time() - {lag:g})"


def _matchers(facts: Facts) -> tuple[Matcher, ...]:
    if not facts or not all(facts.values()):
        return _NOBODY
    return tuple(one_of(label, *values) for label, values in facts.items())
