"""The questions of compute pools, as in `queries.py`.

Which class a node is of is recorded; for some minutes it may be recorded twice, and the newest
counts, as in `prometheus/rules/totals.yml`.
"""

from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of

POOL_NODES = "cluster:pool_nodes:count"
"""Recorded where the pools' rules are, even for a cluster without a node."""

MACHINES_ONLY = "machines"
"""What `told` says in an answer that tells of nobody's work."""

_MACHINES = (
    "pool:nodes:count",
    "pool:nodes_ready:sum",
    "pool:nodes_cordoned:sum",
    "pool:gpu_allocatable:sum",
    "pool:gpu_free:sum",
)
_WORK = (
    "pool:gpu_allocated:sum",
    "pool:gpu_utilization_ratio:sum",
    "pool:gpu_utilization_ratio:count",
    "pool:cpu_utilization_ratio:sum",
    "pool:cpu_utilization_ratio:count",
    "pool:memory_utilization_ratio:sum",
    "pool:memory_utilization_ratio:count",
    "pool:network_utilization_ratio:sum",
    "pool:network_utilization_ratio:count",
)
HELD_BACK = ("gated", "quota")
"""Reasons of a pending pod: no scheduler looks for a place for these pods yet."""

_CLASS = "pool,model,instance_type,zone,region,provider"
_UNBOUND = Matcher("node", "=", "")
_PENDING = Matcher("phase", "=", "Pending")
_STAYING = Matcher("state", "!=", "terminating")


def stock(selection: Selection) -> str:
    """Return every number of every class of nodes, and how many nodes there are in all.

    For callers of some namespaces only those that tell of nobody's work; the answer says so.
    """
    if selection.namespaces is None:
        return selection.hardware(one_of("__name__", POOL_NODES, *_MACHINES, *_WORK))
    known = selection.hardware(POOL_NODES)
    return (
        f"{selection.hardware(one_of('__name__', *_MACHINES))}"
        f' or label_replace({known}, "told", "{MACHINES_ONLY}", "", "")'
    )


def held(selection: Selection) -> str:
    """Return the GPUs that work holds on Ready nodes, by class; asked at a scrape, as work is.

    A pod is of the class that its node was of at that scrape.
    """
    allocated = f"max by(namespace,pod,uid,node) ({selection.work('gpu_pod_allocated')})"
    ready = f"min by(node) ({selection.hardware('gpu_node_ready')}) == 1"
    told = f"max by(node,{_CLASS}) (timestamp({selection.hardware('gpu_node_info')}))"
    return (
        f"sum by({_CLASS}) (topk by(node) (1, {told}) ^ 0"
        f" * on(node) group_left() (sum by(node) ({allocated}) and on(node) {ready}))"
    )


def blocks(selection: Selection) -> str:
    """Return how many nodes of each class have so many free GPUs of one resource.

    The label `gpus` says how many.
    """
    free = selection.hardware("node:gpu_free_block:max")
    return (
        f'count_values by({_CLASS}) ("gpus",'
        f" {_newest(selection)} ^ 0 * on(node) group_left() {free})"
    )


def demand(selection: Selection) -> str:
    """Return the pods that a scheduler looks for a place for, and their GPUs, by model.

    The label `told` says which: `pods` or `gpus`; `gpu_model` is what they insist on.
    """
    who = "namespace,pod,uid"
    state = selection.work(
        "gpu_pod_state", _PENDING, _STAYING, Matcher("reason", "!~", "|".join(HELD_BACK))
    )
    waiting = (
        f"max by({who},gpu_model) ({selection.work('gpu_pod_info', _UNBOUND)})"
        f" and on({who}) {state}"
    )
    asked = f"max by({who}) ({selection.work('gpu_pod_requested')})"
    return " or ".join(
        f'label_replace({expression}, "told", "{told}", "", "")'
        for told, expression in (
            ("pods", f"count by(gpu_model) ({waiting})"),
            ("gpus", f"sum by(gpu_model) (({waiting}) * on({who}) group_left() {asked})"),
        )
    )


def pool_nodes(selection: Selection) -> str:
    """Return each node's class; the value is 1 where it is Ready, and 2 more where cordoned.

    Of a cluster that several exporters tell of, each of its own part, another sample says how many
    parts are told of; its label `total_shards` says how many there are.
    """
    ready = _either(selection, "min", "node:gpu_ready:min", "gpu_pool_node_ready")
    cordoned = _either(selection, "max", "node:gpu_cordoned:max", "gpu_pool_node_cordoned")
    nodes = f"{_newest(selection)} ^ 0 * on(node) group_left() ({ready} + on(node) 2 * {cordoned})"
    # As long as an exporter knows its part, it tells how many pods run there, even if none does.
    told = selection.hardware("gpu_pods", Matcher("phase", "=", "Running"))
    parts = f"group by(total_shards) ({selection.hardware('gpu_exporter_shard_info')})"
    return f"{nodes} or {parts} * on() group_left() count(group by(shard) ({told}))"


def _newest(selection: Selection) -> str:
    told = selection.hardware("node:pool_identity_timestamp_seconds:max")
    return f"topk by(node) (1, {told})"


def _either(selection: Selection, operation: str, recorded: str, other: str) -> str:
    """Return a fact of nodes with GPUs, and of those without."""
    without = f"{operation} by(cluster,node) ({selection.hardware(other)})"
    return f"({selection.hardware(recorded)} or on(node) {without})"
