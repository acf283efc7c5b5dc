"""What the cluster role says of pods that ask for GPUs."""

from exporter.catalogue.family import SHARD, Family, Kind, Role

_POD = ("namespace", "pod", "uid")

POD_INFO = Family(
    "gpu_pod_info",
    "What is fixed about a pod that asks for GPUs: its node, its topmost workload and that one's "
    "UID, what it runs (digests), where it may run; the value is always 1.",
    (
        *_POD,
        "node",
        "workload_type",
        "workload_name",
        "owner",
        "workload_group",
        "priority_class",
        "queue",
        "gpu_model",
        "active_deadline_seconds",
        "command_digest",
        "input_root_digest",
        "action_digest",
    ),
    Role.CLUSTER,
)
POD_REQUESTED = Family(
    "gpu_pod_requested", "GPUs the pod asks for, bound or not.", _POD, Role.CLUSTER
)
POD_ALLOCATED = Family(
    "gpu_pod_allocated",
    "GPUs held by the pod: its request while it is bound to a node and not terminal.",
    (*_POD, "node"),
    Role.CLUSTER,
)
POD_STATE = Family(
    "gpu_pod_state",
    "Kubernetes' phase of the pod, the finer state derived from it and, where there is one, a "
    "bounded reason; the value is always 1.",
    (*_POD, "phase", "state", "reason"),
    Role.CLUSTER,
)
POD_CREATED = Family(
    "gpu_pod_created_timestamp_seconds",
    "When the pod was created, in Unix time.",
    _POD,
    Role.CLUSTER,
)
POD_SCHEDULED = Family(
    "gpu_pod_scheduled_timestamp_seconds",
    "When a node was chosen for the pod, in Unix time.",
    _POD,
    Role.CLUSTER,
)
POD_START = Family(
    "gpu_pod_start_timestamp_seconds",
    "When a container of the pod first ran, restarts notwithstanding (else when the kubelet took "
    "the pod), in Unix time.",
    _POD,
    Role.CLUSTER,
)
POD_FINISHED = Family(
    "gpu_pod_finished_timestamp_seconds",
    "When the last container of a terminal pod ended, in Unix time.",
    _POD,
    Role.CLUSTER,
)
POD_PRIORITY = Family(
    "gpu_pod_priority",
    "The pod's scheduling priority, higher first; absent where it is 0.",
    _POD,
    Role.CLUSTER,
)
POD_CPU = Family("gpu_pod_requested_cpu_cores", "CPU cores the pod asks for.", _POD, Role.CLUSTER)
POD_MEMORY = Family(
    "gpu_pod_requested_memory_bytes",
    "Main memory the pod asks for, in bytes.",
    _POD,
    Role.CLUSTER,
)
PODS = Family("gpu_pods", "Pods that ask for GPUs, by phase.", ("phase", SHARD), Role.CLUSTER)
QUEUE_WAIT = Family(
    "gpu_pod_queue_wait_seconds",
    "Time from the creation of a GPU pod until a node was chosen, in seconds.",
    (),
    Role.CLUSTER,
    Kind.HISTOGRAM,
)
STARTUP = Family(
    "gpu_pod_startup_seconds",
    "Time from the choice of a node until a GPU pod's first container ran, in seconds.",
    (),
    Role.CLUSTER,
    Kind.HISTOGRAM,
)
EVENT = Family(
    "gpu_event_timestamp_seconds",
    "One of the newest happenings of GPU nodes and pods; the value is when, in Unix time.",
    ("id", "type", "object", "message"),
    Role.CLUSTER,
)

EVENTS = Family(
    "gpu_events_total",
    "Happenings of GPU nodes and GPU pods since the exporter started, by type.",
    ("type",),
    Role.CLUSTER,
    Kind.COUNTER,
)
EVENTS_DROPPED = Family(
    "gpu_events_dropped_total",
    "Happenings that gave way to newer ones or were too old to be among the newest.",
    (),
    Role.CLUSTER,
    Kind.COUNTER,
)
WARNINGS = Family(
    "gpu_kubernetes_warnings_total",
    "Kubernetes' own Warning events since the exporter started, by the kind of object they are "
    "about and by reason (other: one that is not on the list).",
    ("kind", "reason"),
    Role.CLUSTER,
    Kind.COUNTER,
)
