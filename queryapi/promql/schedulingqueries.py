"""The questions of scheduler monitoring, as in `queries.py`: raw series, no recorded ones.

They are asked at one scrape of the cluster exporter. What several exporters tell of one thing is
one element, or is told apart by a label and settled by whoever reads it.
"""

from collections.abc import Collection

from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of

PRESSURES = ("memory_pressure", "disk_pressure", "pid_pressure")
"""Words of `gpu_node_problem`: the node lives, and new work would not thrive on it."""
LEAVING = ("draining", "terminating")
"""Words of `gpu_node_problem`: its work is being sent away."""

_ENDED = one_of("phase", "Succeeded", "Failed")
_BOUND = Matcher("node", "!=", "")
_INFO_LABELS = (
    "namespace",
    "pod",
    "uid",
    "gpu_model",
    "active_deadline_seconds",
    "action_digest",
    "command_digest",
    "input_root_digest",
)
_NUMBERS = one_of(
    "__name__",
    "gpu_pod_created_timestamp_seconds",
    "gpu_pod_priority",
    "gpu_pod_requested",
    "gpu_pod_requested_cpu_cores",
    "gpu_pod_requested_memory_bytes",
)
# By name they cost Prometheus a hundredth of what looking at everybody does; more would make a
# question that a proxy refuses.
_NAMED = 1000
_EQUIPMENT_LABELS = (
    "__name__",
    "node",
    "resource",
    "model",
    "architecture",
    "os",
    "driver_version",
    "cuda_version",
)


def moment(selection: Selection) -> str:
    """Return when the exporter was scraped last, and until when it knew its cluster.

    The label `told` says which: `scraped` or `known`. Of several shards the one that is behind.
    """
    known = selection.hardware("gpu_cluster_state_timestamp_seconds")
    return " or ".join(
        f'label_replace(min by(cluster) ({expression}), "told", "{told}", "", "")'
        for told, expression in (("scraped", f"timestamp({known})"), ("known", known))
    )


def pods(selection: Selection) -> str:
    """Return each pod's phase, and the node of each that has one: no more than counting needs."""
    return (
        f"max by(uid,phase) ({selection.work('gpu_pod_state')})"
        f" or max by(uid,node) ({selection.work('gpu_pod_info', _BOUND)})"
    )


def pod_texts(selection: Selection) -> str:
    """Return what is fixed about each pod."""
    return f"max by({','.join(_INFO_LABELS)}) ({selection.work('gpu_pod_info')})"


def pod_numbers(selection: Selection) -> str:
    """Return what each pod asks for, and since when it is there."""
    return f"max by(__name__,uid) ({selection.work(_NUMBERS)})"


def gone_pods(selection: Selection, within: int) -> str:
    """Return the phase of each pod that was seen to end *within* seconds and is gone."""
    ended = selection.work("gpu_pod_state", _ENDED)
    return f"max by(uid,phase) (last_over_time({ended}[{within}s]) unless on(uid) {ended})"


def gone_texts(selection: Selection, uids: Collection[str], within: int) -> str:
    """Return what `pod_texts` does, and the node, of pods that are gone; empty = there are none."""
    if not uids:
        return ""
    info = _of_gone(selection, "gpu_pod_info", uids, within)
    return f"max by(node,{','.join(_INFO_LABELS)}) ({info})"


def gone_numbers(selection: Selection, uids: Collection[str], within: int) -> str:
    """Return what `pod_numbers` does, of pods that are gone; empty = there are none."""
    if not uids:
        return ""
    return f"max by(__name__,uid) ({_of_gone(selection, _NUMBERS, uids, within)})"


def workers(selection: Selection) -> str:
    """Return every GPU node, and what keeps some of them from work.

    `or` does not look at metric names: the label `problem` tells what is said of one node apart.
    """
    problems = one_of("problem", *PRESSURES, *LEAVING)
    cordoned = selection.hardware("gpu_node_cordoned")
    driver = selection.hardware("gpu_exporter_driver_up")
    devices = selection.hardware("gpu_up")
    return " or ".join(
        (
            f"min by(__name__,node) ({selection.hardware('gpu_node_ready')})",
            _because("cordoned", f"max by(__name__,node) ({cordoned}) == 1"),
            f"max by(__name__,node,problem) ({selection.hardware('gpu_node_problem', problems)})",
            _because("driver_down", f"max by(__name__,node) ({driver}) == 0"),
            _because("devices_down", f"max by(__name__,node) ({devices}) == 0"),
        )
    )


def equipment(selection: Selection) -> str:
    """Return what every GPU node has, and since when it is there."""
    told = one_of(
        "__name__",
        "gpu_node_info",
        "gpu_driver_info",
        "gpu_node_allocatable",
        "gpu_node_free",
        "gpu_node_allocatable_cpu_cores",
        "gpu_node_allocatable_memory_bytes",
        "gpu_node_device_memory_bytes",
        "gpu_node_created_timestamp_seconds",
        "gpu_node_ready_since_timestamp_seconds",
        "gpu_exporter_last_collection_timestamp_seconds",
    )
    return f"max by({','.join(_EQUIPMENT_LABELS)}) ({selection.hardware(told)})"


def completions(selection: Selection) -> str:
    """Return how many pods ended on each GPU node: everybody's work included."""
    ended = selection.hardware("gpu_node_completed_pods_total")
    return f"sum by(node) (max by(node,result) ({ended}))"


def _because(problem: str, expression: str) -> str:
    return f'label_replace({expression}, "problem", "{problem}", "", "")'


def _of_gone(
    selection: Selection, series: str | Matcher, uids: Collection[str], within: int
) -> str:
    """Return the last of *series*, of the pods *uids* that were seen to end and are gone."""
    if len(uids) <= _NAMED:
        named = selection.work(series, one_of("uid", *sorted(uids)))
        return f"last_over_time({named}[{within}s])"
    ended = selection.work("gpu_pod_state", _ENDED)
    return (
        f"last_over_time({selection.work(series)}[{within}s])"
        f" and on(uid) last_over_time({ended}[{within}s]) unless on(uid) {ended}"
    )
