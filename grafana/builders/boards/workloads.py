"""Workloads: what runs, who holds GPUs and does nothing with them, what waits and why."""

from typing import Final

from grafana.builders import links, variables
from grafana.builders.alerts import firing_table
from grafana.builders.board import Board, Row
from grafana.builders.heatmaps import durations
from grafana.builders.panels import RATIO, Column, Step, graph, number, table
from grafana.builders.queries import CLUSTER, NONE, firing, now, or_none, over_time, rows

_NS: Final = f'{CLUSTER}, namespace=~"$namespace"'
_POD: Final = "cluster, namespace, pod"
_UID: Final = f"{_POD}, uid"
_WORKLOAD: Final = "workload_type, workload_name"
_MOST: Final = 200
_AT_MOST: Final = f"At most {_MOST} are shown."

_HELD: Final = f"max by ({_UID}, node) (gpu_pod_allocated{{{_NS}}})"
_INFO: Final = f"max by ({_UID}, {_WORKLOAD}, queue, priority_class) (gpu_pod_info{{{_NS}}})"
_TASKS: Final = (
    f"topk({_MOST}, {_HELD} * on ({_UID}) "
    f"group_left ({_WORKLOAD}, queue, priority_class) topk by ({_UID}) (1, {_INFO}))"
)
_SHARE: Final = f"device:gpu_holder_ratio:max{{{_NS}}}"
_PENDING: Final = f'max by ({_UID}, state, reason) (gpu_pod_state{{{_NS}, phase="Pending"}})'
_IDLE: Final = f"device:gpu_idle_holder_ratio:max{{{_NS}}}"
_IDLE_PODS: Final = f"sum by ({_POD}, node, {_WORKLOAD}) ({_IDLE})"


def _of_pods(device: str) -> str:
    """Return the sum over the devices that each pod holds; a shared device by its share."""
    return (
        f"sum by ({_POD}) ({_SHARE} * on (cluster, node, uuid) group_left () "
        f"max by (cluster, node, uuid) ({device}{{{CLUSTER}}}))"
    )


def _mean_of_pods(device: str) -> str:
    measured = f"{_SHARE} and on (cluster, node, uuid) {device}{{{CLUSTER}}}"
    return f"{_of_pods(device)} / sum by ({_POD}) ({measured})"


def _beside(expr: str, rows_of: str, on: str) -> str:
    """Return *expr* with all labels of *rows_of*, so that a table joins both."""
    return f"({expr}) * on ({on}) group_right () ({rows_of}) ^ 0"


_RUNNING = f'max by ({_UID}) (gpu_pod_state{{{_NS}, phase="Running"}})'
_TOTALS: Final = (
    number(
        "Tasks that run",
        "GPU pods of these namespaces that run.",
        now(f"count({_RUNNING}) or sum(0 * cluster:gpu_running_tasks:count{{{CLUSTER}}})"),
        unit="short",
    ),
    number(
        "GPUs held",
        "By all of them, used or not.",
        now(f"sum(namespace:gpu_allocated:sum{{{_NS}}})"),
        unit="short",
    ),
    number(
        "GPUs idle",
        "Held by pods older than half an hour, and idle for as long.",
        now(f"sum({_IDLE}) or 0 * sum({_SHARE})"),
        unit="short",
        steps=(Step(1, "orange"),),
    ),
    number(
        "Pods pending",
        "GPU pods that no node has taken.",
        now(
            "sum(max by (cluster, namespace, reason, shard) "
            f"(gpu_pending_pods{{{_NS}}})) "
            f"or sum(0 * cluster:gpu_running_tasks:count{{{CLUSTER}}})"
        ),
        unit="short",
        steps=(Step(1, "orange"),),
    ),
    number(
        "GPUs waited for",
        "What these pods ask for together.",
        now(
            f"sum(namespace:gpu_pending_requested:sum{{{_NS}}}) "
            f"or sum(0 * cluster:gpu_running_tasks:count{{{CLUSTER}}})"
        ),
        unit="short",
        steps=(Step(1, "orange"),),
    ),
    number(
        "Wait for a node",
        "Of 95 of 100 pods that the whole cluster placed within the last hour.",
        now(f"max(cluster:gpu_queue_wait_seconds:p95{{{CLUSTER}}})"),
        unit="s",
    ),
)


_STARTED = f"1000 * max by ({_UID}) (gpu_pod_start_timestamp_seconds{{{_NS}}})"
_RUNNING_TASKS: Final = table(
    "Running tasks",
    f"Pods that hold GPUs, those with most first. {_AT_MOST} n/a is what is not measured.",
    rows(_TASKS),
    rows(or_none(_beside(_STARTED, _TASKS, _UID), _TASKS)),
    rows(or_none(_beside(_mean_of_pods("gpu_utilization_ratio"), _TASKS, _POD), _TASKS)),
    rows(or_none(_beside(_of_pods("gpu_memory_used_bytes"), _TASKS, _POD), _TASKS)),
    columns=(
        Column("cluster", "Cluster"),
        Column("namespace", "Namespace"),
        Column(
            "pod",
            "Pod",
            links=(
                links.to(
                    "gpu-jobs",
                    "Job",
                    cluster="row:Cluster",
                    namespace="row:Namespace",
                    job_id="row:Pod",
                ),
            ),
        ),
        Column("node", "Node", links=(links.ROW_NODE,)),
        Column("workload_type", "Workload type"),
        Column("workload_name", "Workload"),
        Column("queue", "Queue"),
        Column("priority_class", "Priority"),
        Column("Value #A", "GPUs", unit="short"),
        Column("Value #B", "Since", unit="dateTimeAsIso", states=NONE),
        Column("Value #C", "Utilisation", unit=RATIO, states=NONE),
        Column("Value #D", "Memory used", unit="bytes", states=NONE),
    ),
    sort="GPUs",
    height=10,
)


_PRICE = f"{_IDLE} * on (cluster, node) group_left () node:gpu_hourly_price:max{{{CLUSTER}}}"
_FIRST = f"min_over_time(timestamp({_IDLE})[$__range:1m])"
_BEGUN = f"1000 * min by ({_POD}, node, {_WORKLOAD}) ({_FIRST})"
_SPENT = f"60 * sum by ({_POD}, node, {_WORKLOAD}) (sum_over_time({_IDLE}[$__range:1m]))"
_IDLERS: Final = (
    table(
        "Idle, and who holds it",
        "Pods whose GPUs did nothing for half an hour, and when that was first seen within the "
        "chosen time. GPU time is what they left unused in it.",
        rows(_IDLE_PODS),
        rows(or_none(f"({_BEGUN}) and {_IDLE_PODS}", _IDLE_PODS)),
        rows(or_none(f"({_SPENT}) and {_IDLE_PODS}", _IDLE_PODS)),
        rows(or_none(f"sum by ({_POD}, node, {_WORKLOAD}) ({_PRICE})", _IDLE_PODS)),
        columns=(
            Column("cluster", "Cluster"),
            Column("namespace", "Namespace"),
            Column("workload_type", "Workload type"),
            Column("workload_name", "Workload"),
            Column("pod", "Pod"),
            Column("node", "Node", links=(links.ROW_NODE,)),
            Column("Value #A", "GPUs", unit="short"),
            Column("Value #B", "Idle since", unit="dateTimeAsIso", states=NONE),
            Column("Value #C", "GPU time", unit="s", states=NONE),
            Column("Value #D", "Cost per hour", unit="short", states=NONE),
        ),
        sort="GPU time",
        width=16,
    ),
    graph(
        "Idle GPUs by namespace",
        "Held, and nothing done with them for half an hour.",
        over_time(f"sum by (cluster, namespace) ({_IDLE})", "{{cluster}} {{namespace}}"),
        unit="short",
        stacked=True,
        width=8,
    ),
    graph(
        "Least utilised tasks",
        "Mean over the GPUs that a pod holds, of the ten pods that use theirs least.",
        over_time(
            f"bottomk(10, {_mean_of_pods('gpu_utilization_ratio')})", "{{namespace}} {{pod}}"
        ),
        unit=RATIO,
    ),
    graph(
        "Most memory held",
        "Device memory in use on what a pod holds, of the ten largest.",
        over_time(f"topk(10, {_of_pods('gpu_memory_used_bytes')})", "{{namespace}} {{pod}}"),
        unit="bytes",
    ),
)


_PENDING_WAITING = f"topk({_MOST}, {_PENDING})"
_ASKED = f"max by ({_UID}) (gpu_pod_requested{{{_NS}}})"
_AGE = f"time() - max by ({_UID}) (gpu_pod_created_timestamp_seconds{{{_NS}}})"
_BY_REASON = "max by (cluster, namespace, reason, shard) (gpu_pending_pods{%s})"
_WAITING: Final = (
    graph(
        "Pending pods by reason",
        "GPU pods that no node has taken, by why not.",
        over_time(f"sum by (cluster, reason) ({_BY_REASON % _NS})", "{{cluster}} {{reason}}"),
        unit="short",
        stacked=True,
    ),
    table(
        "Pending pods",
        f"What waits, and since when. {_AT_MOST}",
        rows(or_none(_beside(_AGE, _PENDING_WAITING, _UID), _PENDING_WAITING)),
        rows(or_none(_beside(_ASKED, _PENDING_WAITING, _UID), _PENDING_WAITING)),
        columns=(
            Column("cluster", "Cluster"),
            Column("namespace", "Namespace"),
            Column("pod", "Pod"),
            Column("state", "State"),
            Column("reason", "Reason"),
            Column("Value #A", "Age", unit="s", states=NONE),
            Column("Value #B", "GPUs", unit="short", states=NONE),
        ),
        sort="Age",
        width=12,
        height=8,
    ),
)


def _buckets(family: str) -> str:
    return f"sum by (le) (increase({family}_bucket{{{CLUSTER}}}[$__rate_interval]))"


_TWICE = "Of whole clusters. Two replicas of an exporter count each pod _TWICE."
_STATES = f"max by ({_UID}, state) (gpu_pod_state{{{_NS}}})"
_ENDED = f"increase(gpu_node_completed_pods_total{{{CLUSTER}}}[$__rate_interval])"
_WARNED = f"increase(gpu_kubernetes_warnings_total{{{CLUSTER}}}[$__rate_interval])"
_LIVES: Final = (
    durations(
        "Waits for a node",
        f"From creation until a node was chosen. {_TWICE}",
        _buckets("gpu_pod_queue_wait_seconds"),
    ),
    durations(
        "Start-ups",
        f"From the choice of a node until a container ran. {_TWICE}",
        _buckets("gpu_pod_startup_seconds"),
    ),
    graph(
        "Pods by state",
        "All GPU pods of these namespaces; among the states are crash loops.",
        over_time(f"count by (state) ({_STATES})", "{{state}}"),
        unit="short",
        stacked=True,
        width=8,
    ),
    graph(
        "Ended pods",
        "GPU pods of whole clusters that ended, by result.",
        over_time(
            f"sum by (cluster, result) (max by (cluster, node, result) ({_ENDED}))",
            "{{cluster}} {{result}}",
        ),
        unit="short",
        width=8,
    ),
    graph(
        "Warnings of Kubernetes",
        "About GPU nodes and pods of whole clusters, by reason.",
        over_time(f"sum by (reason) (max by (cluster, kind, reason) ({_WARNED}))", "{{reason}}"),
        unit="short",
        width=8,
    ),
)


BOARD: Final = Board(
    uid="gpu-workloads",
    title="GPU workloads",
    description="What runs, who holds GPUs and does nothing with them, what waits and why.",
    variables=(variables.cluster(), variables.namespace()),
    rows=(
        Row("Now", (*_TOTALS, _RUNNING_TASKS)),
        Row("Held and not used", _IDLERS),
        Row("Waiting", _WAITING),
        Row("Lives of pods", _LIVES),
        Row("Alerts", (firing_table('namespace=~"$namespace"'),)),
    ),
    annotations=(firing('namespace=~"$namespace"'),),
)
