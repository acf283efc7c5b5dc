"""A fleet small enough to add up by hand: as exposition text, and the rules over it.

node     state              GPUs  held  by
node-a   Ready              8     6     train-0 (4), train-1 (2)
node-b   Ready, cordoned    8     1.5   notebook (1.5)
node-c   NotReady           8     0
node-d   Ready              4     0     (batch-0 asks for 4, but is Pending)
"""

STARTED = 1_766_150_000
HAPPENED = 1_766_153_000

_TOTALS = {
    "cluster:gpu_capacity:sum": 20,
    "cluster:gpu_allocated:sum": 7.5,
    "cluster:gpu_free:sum": 6,
    "cluster:gpu_free_nodes:count": 2,
    "cluster:gpu_free_block:max": 4,
    "cluster:gpu_utilized:count": 5,
    "cluster:gpu_utilization_ratio:avg": 0.31257,
}
# node: capacity, allocated, ready, cordoned, utilisation
_NODES = {
    "node-a": (8, 6, 1, 0, 0.7834),
    "node-b": (8, 1.5, 1, 1, 0.05),
    "node-c": (8, 0, 0, 0, None),
    "node-d": (4, 0, 1, 0, 0),
}
# What the rules record of its only class of nodes.
_CLASS = {"model": "H100"}
_CLASS_NUMBERS = {
    "pool:nodes:count": 4,
    "pool:nodes_ready:sum": 3,
    "pool:nodes_cordoned:sum": 1,
    "pool:gpu_allocatable:sum": 20,
    "pool:gpu_allocated:sum": 7.5,
    "pool:gpu_free:sum": 6,
    "pool:gpu_utilization_ratio:sum": 6.25,
    "pool:gpu_utilization_ratio:count": 20,
}
_NODE_SERIES = (
    "node:gpu_capacity:sum",
    "node:gpu_allocated:sum",
    "node:gpu_ready:min",
    "node:gpu_cordoned:max",
    "node:gpu_utilization_ratio:avg",
)
# uid: namespace, pod, node, workload type and name, owner, allocated, start, phase
_PODS = {
    "u0": ("ml-team", "train-0", "node-a", "Job", "train", "job-1", 4, STARTED + 60, "Running"),
    "u1": ("ml-team", "train-1", "node-a", "Job", "train", "job-1", 2, STARTED, "Running"),
    "u2": ("research", "notebook", "node-b", "", "", "", 1.5, STARTED + 60, "Running"),
    "u3": ("ml-team", "batch-0", "", "Job", "batch", "job-2", None, None, "Pending"),
}
# id: type, object, message, time
_EVENTS = {
    "e1": ("PodCreated", "ml-team/train-0", "Pod created with 4 GPUs", HAPPENED),
    "e2": ("NodeAdded", "node-d", "New node with 4 GPUs added", HAPPENED + 5),
    **{
        f"old-{age}": ("PodDeleted", f"ml-team/old-{age}", "Pod deleted", HAPPENED - age)
        for age in range(1, 11)
    },
}


def _line(name: str, value: float | None, **labels: str) -> str:
    """Return one sample, or nothing when there is no reading."""
    written = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return "" if value is None else f"{name}{{{written}}} {value}\n"


def _pod_lines(uid: str) -> str:
    namespace, pod, node, kind, workload, owner, allocated, start, phase = _PODS[uid]
    who = {"namespace": namespace, "pod": pod, "uid": uid}
    described = {"node": node, "workload_type": kind, "workload_name": workload, "owner": owner}
    return (
        _line("gpu_pod_info", 1, **who, **described)
        + _line("gpu_pod_allocated", allocated, **who, node=node)
        + _line("gpu_pod_start_timestamp_seconds", start, **who)
        + _line("gpu_pod_created_timestamp_seconds", STARTED - 60, **who)
        + _line("gpu_pod_requested", allocated or 4, **who)
        + _line("gpu_pod_state", 1, **who, phase=phase, state=phase)
    )


def _node_lines(node: str) -> str:
    capacity, allocated, ready, cordoned, _ = _NODES[node]
    free = capacity - allocated if ready and not cordoned else 0
    return (
        _line("gpu_node_ready", ready, node=node)
        + _line("gpu_node_cordoned", cordoned, node=node)
        + _line("node:pool_identity_timestamp_seconds:max", HAPPENED, node=node, **_CLASS)
        + _line("node:gpu_free_block:max", free, node=node)
        + _line("gpu_node_info", 1, node=node, model="H100", architecture="amd64", os="linux")
        + _line("gpu_node_allocatable", capacity, node=node, resource="nvidia.com/gpu")
        + _line("gpu_node_free", free, node=node, resource="nvidia.com/gpu")
    )


EXPOSITION = "".join(
    [
        # Its exporter never loses it: in 2096 it will still know.
        _line("gpu_cluster_state_timestamp_seconds", 4e9),
        _line("gpu_exporter_apiserver_up", 1),
        *(_line(name, value) for name, value in _TOTALS.items()),
        _line("cluster:pool_nodes:count", len(_NODES)),
        *(_line(name, value, **_CLASS) for name, value in _CLASS_NUMBERS.items()),
        *(
            _line(name, value, node=node)
            for node, values in _NODES.items()
            for name, value in zip(_NODE_SERIES, values, strict=True)
        ),
        *(_node_lines(node) for node in _NODES),
        *(_pod_lines(uid) for uid in _PODS),
        _line("gpu_pods", 1, phase="Pending"),
        _line("gpu_pods", 3, phase="Running"),
        *(
            _line("gpu_event_timestamp_seconds", at, id=id, type=type, object=object, message=told)
            for id, (type, object, told, at) in _EVENTS.items()  # noqa: A001 - the labels' names
        ),
    ]
)

RULES = """
groups:
  - name: fleet
    rules:
      - record: cluster:gpu_running_tasks:count
        expr: sum by (cluster) (gpu_pods{phase="Running"})
      - record: cluster:gpu_snapshot_timestamp_seconds:max
        expr: max by (cluster) (timestamp(gpu_pods))
      - record: cluster:gpu_evaluation_timestamp_seconds:max
        expr: 0 * max by (cluster) (gpu_pods{phase="Running"}) + time()
      - alert: GpuNodeNotReady
        expr: node:gpu_ready:min == 0
        labels: {severity: critical}
      - alert: GPUHeat
        expr: node:gpu_utilization_ratio:avg > 0.7
        labels: {severity: page}
"""
