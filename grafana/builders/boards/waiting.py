"""Who waits for GPUs, for how long and why: rows of the dashboard of capacity."""

from grafana.builders import links
from grafana.builders.board import Row
from grafana.builders.panels import Column, graph, table
from grafana.builders.queries import CLUSTER, over_time, rows
from grafana.builders.series import by_cluster

_ASKED = f"max by (cluster, namespace, reason, shard) (gpu_pending_requested{{{CLUSTER}}})"

QUEUE = Row(
    "Who waits",
    (
        graph(
            "Pending by reason",
            "GPUs that pods ask for and that no node has given them, by why not.",
            over_time(f"sum by (reason) ({_ASKED})", "{{reason}}"),
            unit="short",
            stacked=True,
        ),
        graph(
            "Pending by namespace",
            "The ten namespaces that wait for most GPUs.",
            over_time(
                "topk(10, max by (cluster, namespace) "
                f"(namespace:gpu_pending_requested:sum{{{CLUSTER}}}))",
                "{{cluster}} {{namespace}}",
            ),
            unit="short",
            links=(links.LINE_NAMESPACE,),
        ),
        graph(
            "Pending while free over time",
            "GPUs that are waited for while as many are free in the same cluster.",
            over_time(by_cluster("cluster:gpu_pending_while_free:min"), "{{cluster}}"),
            unit="short",
        ),
        graph(
            "Queue wait",
            "From a pod's creation until it got a node, of the pods that got one in the last hour; "
            "no line while none did.",
            over_time(by_cluster("cluster:gpu_queue_wait_seconds:p50"), "{{cluster}} median"),
            over_time(by_cluster("cluster:gpu_queue_wait_seconds:p95"), "{{cluster}} p95"),
            unit="s",
        ),
    ),
)

_LABELS = "cluster, namespace, pod, uid"
_WAITS = f"""topk(50, time() - (
    max by ({_LABELS}) (gpu_pod_created_timestamp_seconds{{{CLUSTER}}})
    and on (cluster, uid) gpu_pod_state{{{CLUSTER}, phase="Pending"}}
    unless on (cluster, uid) gpu_pod_allocated{{{CLUSTER}}}
))"""
_REASON = f"topk by (cluster, uid) (1, max by (cluster, uid, reason) (gpu_pod_state{{{CLUSTER}}}))"

DETAIL = Row(
    "Pods that wait and nodes with problems",
    (
        table(
            "Pods that wait longest",
            "The 50 pods without a node that wait longest, what they ask for, and why they wait.",
            rows(
                f"(({_WAITS}) * on (cluster, uid) group_left (reason) {_REASON}) "
                f"or on (cluster, uid) ({_WAITS})"
            ),
            rows(
                f"max by ({_LABELS}) (gpu_pod_requested{{{CLUSTER}}}) "
                f"and on (cluster, uid) ({_WAITS})"
            ),
            columns=(
                Column("cluster", "Cluster"),
                Column("namespace", "Namespace", links=(links.ROW_NAMESPACE,)),
                Column("pod", "Pod"),
                Column("reason", "Reason"),
                Column("Value #A", "Waits for", "s"),
                Column("Value #B", "GPUs", "short"),
            ),
            width=14,
            sort="Waits for",
        ),
        table(
            "Nodes with problems",
            "At most 200 problems of nodes, as their conditions, labels and taints tell.",
            rows(
                f"topk(200, max by (cluster, node, problem) (gpu_node_problem{{{CLUSTER}}} == 1))"
            ),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node", links=(links.ROW_NODE,)),
                Column("problem", "Problem"),
            ),
            width=10,
        ),
    ),
    collapsed=True,
)
