"""One question, one function, one text.

Every function takes the selection of series that its caller may see and writes every selector by
it: none can see another cluster's series, nor the work of a namespace that is not shown. What is
asked for a caller of some namespaces only:
docs/decisions/0008-limited-callers-see-their-work-and-all-hardware.md.
"""

from collections.abc import Callable

from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, name_starts_with, one_of, regex_quote

Query = Callable[[Selection], str]

EVENTS_SHOWN = 10

_TASK_LABELS = (
    "__name__",
    "namespace",
    "pod",
    "uid",
    "node",
    "workload_type",
    "workload_name",
    "owner",
)
_MACHINE = ("node:gpu_capacity:sum", "node:gpu_ready:min", "node:gpu_cordoned:max")
_RUNNING = Matcher("phase", "=", "Running")


def evaluation(selection: Selection) -> str:
    """Return the time of the newest complete evaluation of the rules."""
    return selection.hardware("cluster:gpu_evaluation_timestamp_seconds:max")


def stamps(selection: Selection) -> str:
    """Return the times of what an evaluation saw: the scrape, and the exporter's knowledge."""
    return selection.hardware(
        one_of(
            "__name__",
            "cluster:gpu_snapshot_timestamp_seconds:max",
            "cluster:gpu_state_timestamp_seconds:min",
        )
    )


def totals(selection: Selection) -> str:
    """Return every recorded total of the cluster, one series each: everybody's work included."""
    return selection.hardware(name_starts_with("cluster:gpu_"))


def hardware(selection: Selection) -> str:
    """Return the recorded totals of the cluster that tell of nobody's work."""
    return selection.hardware(
        one_of(
            "__name__",
            "cluster:gpu_capacity:sum",
            "cluster:gpu_free:sum",
            "cluster:gpu_free_nodes:count",
            "cluster:gpu_free_block:max",
        )
    )


def nodes(selection: Selection) -> str:
    """Return the recorded numbers of every GPU node that answers show: everybody's work included.

    Of ten thousand nodes each number that nobody looks at would be a megabyte more.
    """
    return selection.hardware(
        one_of(
            "__name__",
            *_MACHINE,
            "node:gpu_allocated:sum",
            "node:gpu_utilization_ratio:avg",
        )
    )


def machines(selection: Selection) -> str:
    """Return the recorded numbers of every GPU node that tell of nobody's work."""
    return selection.hardware(one_of("__name__", *_MACHINE))


def holdings(selection: Selection) -> str:
    """Return the GPUs that work holds on each node and, on Ready ones, in all; and what runs.

    The label `told` says which: `node`, `allocated` or `running`.
    """
    held = f"max by(namespace,pod,uid,node) ({selection.work('gpu_pod_allocated')})"
    ready = f"{selection.hardware('gpu_node_ready')} == 1"
    running = f"max by(namespace,pod,uid) ({selection.work('gpu_pod_state', _RUNNING)})"
    return " or ".join(
        f'label_replace({expression}, "told", "{told}", "", "")'
        for told, expression in (
            ("node", f"sum by(node) ({held})"),
            ("allocated", f"sum({held} and on(node) ({ready}))"),
            ("running", f"count({running})"),
        )
    )


def running_tasks(selection: Selection) -> str:
    """Return who each running GPU pod is, what it holds and since when."""
    described = one_of(
        "__name__", "gpu_pod_info", "gpu_pod_allocated", "gpu_pod_start_timestamp_seconds"
    )
    running = selection.work("gpu_pod_state", _RUNNING)
    told = f"{selection.work(described)} and on(namespace,pod,uid) {running}"
    # gpu_pod_info says far more than a task shows: what is not asked for is not sent.
    return f"max by({','.join(_TASK_LABELS)}) ({told})"


def firing_alerts(selection: Selection) -> str:
    """Return the firing alerts, and since when each alert's condition holds."""
    # ALERTS_FOR_STATE has no alertstate: an empty alternative matches its absence. Of severity none
    # are those that only Alertmanager needs, as InfoInhibitor.
    return selection.work(
        one_of("__name__", "ALERTS", "ALERTS_FOR_STATE"),
        one_of("alertstate", "firing", ""),
        Matcher("severity", "!=", "none"),
    )


def recent_events(selection: Selection) -> str:
    """Return when the newest happenings took place, however many exporters tell of each."""
    told = selection.hardware("gpu_event_timestamp_seconds", *_objects(selection))
    return f"topk({EVENTS_SHOWN}, max by(id,type,object,message) ({told}))"


def _objects(selection: Selection) -> tuple[Matcher, ...]:
    """Return what limits happenings, whose objects are `namespace/pod`, or a node of nobody's."""
    if selection.namespaces is None:
        return ()
    starts = sorted(map(regex_quote, selection.namespaces))
    return (Matcher("object", "=~", f"(?:{'|'.join(starts)})/.+"),)
