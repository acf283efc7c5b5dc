"""Every metric family once: name, type, help, labels, who publishes it, its name in dcgm-exporter.

Code, documentation and contract tests all read this file, so a family is added here and nowhere
else. Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters,
`_info` for identity. The `cluster` label is Prometheus' to add, never ours.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A family's type, as the `# TYPE` line spells it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Role(StrEnum):
    """Which exporter publishes a family."""

    NODE = "node"
    CLUSTER = "cluster"
    BOTH = "both"


class Stability(StrEnum):
    """STABLE: neither name, meaning nor labels change within a major version."""

    EXPERIMENTAL = "experimental"
    STABLE = "stable"


# Compared by identity: each stands here once, and hashing all its fields would cost more than
# rendering a sample.
@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family.

    Args:
        name: The name in the exposition.
        help: One sentence that says what a value means, its unit included.
        labels: Label names, in the order their values are given.
        role: Which exporter publishes it.
        kind: Gauge, counter or histogram.
        dcgm: The name dcgm-exporter (up to 4.8) gives the same quantity; None when it has none.
        stability: What may still change.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    role: Role = Role.NODE
    kind: Kind = Kind.GAUGE
    dcgm: str | None = None
    stability: Stability = Stability.EXPERIMENTAL


DEVICE = ("uuid", "gpu", "node")
"""Labels of every device series; who a device is stands in `gpu_info`, who holds it elsewhere."""

# --- node: identity ------------------------------------------------------------------------------

DEVICE_INFO = Family(
    "gpu_info",
    "Identity of a device; the value is always 1.",
    (
        *DEVICE,
        "model",
        "brand",
        "architecture",
        "serial",
        "pci_bus_id",
        "minor_number",
        "vbios_version",
    ),
)
DRIVER_INFO = Family(
    "gpu_driver_info",
    "Versions of the driver, of NVML and of the newest CUDA it supports; always 1.",
    ("node", "driver_version", "nvml_version", "cuda_version"),
)
DEVICES = Family("gpu_devices", "Devices the driver enumerates on this node.", ("node",))
DEVICE_UP = Family(
    "gpu_up",
    "1 when the device answered in the last collection, 0 when it is lost, stuck or needs a reset.",
    DEVICE,
)

# --- node: quantities ----------------------------------------------------------------------------

UTILIZATION = Family(
    "gpu_utilization_ratio",
    "Share of the last sampling period in which at least one kernel ran, from 0 to 1.",
    DEVICE,
    dcgm="DCGM_FI_DEV_GPU_UTIL",
)
MEMORY_COPY_UTILIZATION = Family(
    "gpu_memory_copy_utilization_ratio",
    "Share of the last sampling period in which device memory was read or written, from 0 to 1.",
    DEVICE,
    dcgm="DCGM_FI_DEV_MEM_COPY_UTIL",
)
MEMORY_TOTAL = Family(
    "gpu_memory_total_bytes", "Device memory, reserved memory included, in bytes.", DEVICE
)
MEMORY_USED = Family(
    "gpu_memory_used_bytes",
    "Device memory allocated, in bytes; reserved memory included where it is not reported apart.",
    DEVICE,
    dcgm="DCGM_FI_DEV_FB_USED",
)
MEMORY_FREE = Family(
    "gpu_memory_free_bytes",
    "Device memory that can be allocated, in bytes.",
    DEVICE,
    dcgm="DCGM_FI_DEV_FB_FREE",
)
MEMORY_RESERVED = Family(
    "gpu_memory_reserved_bytes",
    "Device memory kept by driver and firmware, in bytes.",
    DEVICE,
    dcgm="DCGM_FI_DEV_FB_RESERVED",
)
TEMPERATURE = Family(
    "gpu_temperature_celsius",
    "Temperature of a sensor (gpu or memory), in degrees Celsius.",
    (*DEVICE, "sensor"),
    dcgm="DCGM_FI_DEV_GPU_TEMP",
)
POWER = Family(
    "gpu_power_watts",
    "Power drawn by the device, in watts.",
    DEVICE,
    dcgm="DCGM_FI_DEV_POWER_USAGE",
)
POWER_LIMIT = Family(
    "gpu_power_limit_watts",
    "Power limit by meaning (enforced, default, min, max), in watts.",
    (*DEVICE, "limit"),
    dcgm="DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
)
ENERGY = Family(
    "gpu_energy_joules_total",
    "Energy used since the driver was loaded, in joules.",
    DEVICE,
    kind=Kind.COUNTER,
    dcgm="DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
)
CLOCK = Family(
    "gpu_clock_hertz",
    "Current frequency of a clock domain (graphics, sm, memory, video), in hertz.",
    (*DEVICE, "clock"),
    dcgm="DCGM_FI_DEV_SM_CLOCK",
)
CLOCK_MAX = Family(
    "gpu_clock_max_hertz",
    "Highest frequency of a clock domain (graphics, sm, memory, video), in hertz.",
    (*DEVICE, "clock"),
)

# --- cluster: the cluster and its nodes -----------------------------------------------------------

CLUSTER_INFO = Family(
    "gpu_cluster_info",
    "The name this cluster was given by --cluster-name; the value is always 1.",
    ("cluster_name",),
    Role.CLUSTER,
)

CLUSTER_STATE = Family(
    "gpu_cluster_state_timestamp_seconds",
    "Until when what is published of the cluster is known to be true, in Unix time: now while "
    "nodes and pods are followed, else when they were last heard of.",
    (),
    Role.CLUSTER,
)

_NODE_RESOURCE = ("node", "resource")
_SHARD = "shard"
# Counts of a whole cluster are split over shards: the label keeps one part apart from another, so
# that parts are added up and replicas of one part are not. Without sharding it is absent.

NODE_INFO = Family(
    "gpu_node_info",
    "Identity of a node with GPUs; the value is always 1.",
    (
        "node",
        "model",
        "pool",
        "instance_type",
        "zone",
        "region",
        "clique",
        "architecture",
        "os",
        "provider",
    ),
    Role.CLUSTER,
)
NODE_READY = Family(
    "gpu_node_ready", "1 when the node's Ready condition is True, else 0.", ("node",), Role.CLUSTER
)
NODE_CORDONED = Family(
    "gpu_node_cordoned",
    "1 when the node is marked unschedulable, else 0.",
    ("node",),
    Role.CLUSTER,
)
NODE_SCHEDULABLE = Family(
    "gpu_node_schedulable",
    "1 when the node can take new GPU pods: ready, not cordoned, no foreign taint; else 0.",
    ("node",),
    Role.CLUSTER,
)
NODE_CAPACITY = Family(
    "gpu_node_capacity",
    "GPUs the node has, unhealthy ones included.",
    _NODE_RESOURCE,
    Role.CLUSTER,
)
NODE_ALLOCATABLE = Family(
    "gpu_node_allocatable", "GPUs the node offers to pods.", _NODE_RESOURCE, Role.CLUSTER
)
NODE_ALLOCATED = Family(
    "gpu_node_allocated",
    "GPUs requested by the node's bound, non-terminal pods; shared GPUs count as their fraction.",
    _NODE_RESOURCE,
    Role.CLUSTER,
)
NODE_FREE = Family(
    "gpu_node_free",
    "Wholly free GPUs a new pod could get now; 0 on a node that takes no work.",
    _NODE_RESOURCE,
    Role.CLUSTER,
)
NODE_UNAVAILABLE = Family(
    "gpu_node_unavailable",
    "GPUs neither allocated nor free, by reason; "
    "capacity = allocated + free + unavailable - overcommitted.",
    (*_NODE_RESOURCE, "reason"),
    Role.CLUSTER,
)
NODE_OVERCOMMITTED = Family(
    "gpu_node_overcommitted",
    "GPUs allocated beyond what the node has, as after a device became unhealthy.",
    _NODE_RESOURCE,
    Role.CLUSTER,
)

NODE_UNITS = Family(
    "gpu_node_units",
    "Units of a resource whose unit is not a whole GPU (MIG slices, shared slots, partitions) as "
    "the device plugin counts them, by state: allocatable, allocated, free.",
    (*_NODE_RESOURCE, "state"),
    Role.CLUSTER,
)
NODE_PROBLEM = Family(
    "gpu_node_problem",
    "1 for each thing that is not as it should be on a node with GPUs (not_ready, unreachable, "
    "cordoned, draining, tainted, terminating, plugin_down, memory_pressure, ...); else absent.",
    ("node", "problem"),
    Role.CLUSTER,
)
NODE_CREATED = Family(
    "gpu_node_created_timestamp_seconds",
    "When the node joined the cluster, in Unix time.",
    ("node",),
    Role.CLUSTER,
)
NODE_READY_SINCE = Family(
    "gpu_node_ready_since_timestamp_seconds",
    "Since when the node is Ready without a break, in Unix time; absent while it is not.",
    ("node",),
    Role.CLUSTER,
)
NODE_CPU = Family(
    "gpu_node_allocatable_cpu_cores",
    "CPU cores that a node with GPUs offers to pods.",
    ("node",),
    Role.CLUSTER,
)
NODE_MEMORY = Family(
    "gpu_node_allocatable_memory_bytes",
    "Main memory that a node with GPUs offers to pods, in bytes.",
    ("node",),
    Role.CLUSTER,
)
NODE_DEVICE_MEMORY = Family(
    "gpu_node_device_memory_bytes",
    "Memory of one GPU of the node by the node's labels, in bytes.",
    ("node",),
    Role.CLUSTER,
)
# Prices are made by the hour: by the second, the base unit, they would no longer be exact numbers.
# OpenCost calls the like node_total_hourly_cost.
NODE_PRICE = Family(
    "gpu_node_hourly_price",
    "Price of one hour of the whole node, all of its GPUs together, as its label or annotation "
    "says, in whatever currency that is; absent where none says it.",
    ("node",),
    Role.CLUSTER,
)
NODE_COMPLETED = Family(
    "gpu_node_completed_pods_total",
    "GPU pods that ended on the node while it was followed, by result: succeeded or failed.",
    ("node", "result"),
    Role.CLUSTER,
    Kind.COUNTER,
)

# Apart from gpu_node_…: what counts nodes with GPUs must not count these.
POOL_NODE_INFO = Family(
    "gpu_pool_node_info",
    "Identity of a node without GPUs whose label names a pool; the value is always 1.",
    ("node", "pool", "instance_type", "zone", "region", "provider"),
    Role.CLUSTER,
)
POOL_NODE_READY = Family(
    "gpu_pool_node_ready",
    "1 when the Ready condition of a pool's node without GPUs is True, else 0.",
    ("node",),
    Role.CLUSTER,
)
POOL_NODE_CORDONED = Family(
    "gpu_pool_node_cordoned",
    "1 when a pool's node without GPUs is marked unschedulable, else 0.",
    ("node",),
    Role.CLUSTER,
)

# --- cluster: what there is room for -------------------------------------------------------------

FREE_BLOCK = Family(
    "gpu_free_block",
    "Most wholly free GPUs of one resource on one node that takes work, by pool and model.",
    ("pool", "model"),
    Role.CLUSTER,
)
FREE_NODES = Family(
    "gpu_free_nodes",
    "Nodes that take work and have at least so many wholly free GPUs of one resource.",
    ("gpus", _SHARD),
    Role.CLUSTER,
)
CLIQUE_FREE = Family(
    "gpu_clique_free",
    "Wholly free GPUs on the nodes of one NVLink clique that take work.",
    ("clique", _SHARD),
    Role.CLUSTER,
)
ORPHANED = Family(
    "gpu_orphaned_allocated",
    "GPUs requested by live pods that are bound to nodes which do not exist.",
    (_SHARD,),
    Role.CLUSTER,
)
PENDING_REQUESTED = Family(
    "gpu_pending_requested",
    "GPUs asked for by pods that no node has taken, by why not.",
    ("namespace", "reason", _SHARD),
    Role.CLUSTER,
)
PENDING_PODS = Family(
    "gpu_pending_pods",
    "Pods that ask for GPUs and that no node has taken, by why not.",
    ("namespace", "reason", _SHARD),
    Role.CLUSTER,
)

# --- cluster: pods -------------------------------------------------------------------------------

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
PODS = Family("gpu_pods", "Pods that ask for GPUs, by phase.", ("phase", _SHARD), Role.CLUSTER)
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

# --- the exporters themselves --------------------------------------------------------------------

BUILD_INFO = Family(
    "gpu_exporter_build_info",
    "Version and role of the exporter; the value is always 1.",
    ("version", "role"),
    Role.BOTH,
)
DRIVER_UP = Family("gpu_exporter_driver_up", "1 when the GPU driver answers, else 0.", ("node",))
COLLECTOR_SUCCESS = Family(
    "gpu_exporter_collector_success",
    "1 when the collector's last run raised no error on any device that is up, else 0.",
    ("collector",),
)
COLLECTOR_DURATION = Family(
    "gpu_exporter_collector_duration_seconds",
    "Time the collector's last run took over all devices, in seconds.",
    ("collector",),
)
LAST_COLLECTION = Family(
    "gpu_exporter_last_collection_timestamp_seconds",
    "When the last complete collection ended, in Unix time.",
    ("node",),
)
APISERVER_UP = Family(
    "gpu_exporter_apiserver_up",
    "1 while nodes and pods are followed without trouble and heard of recently, else 0.",
    (),
    Role.CLUSTER,
)
OBJECTS = Family(
    "gpu_exporter_objects",
    "Objects held in memory, by resource.",
    ("resource",),
    Role.CLUSTER,
)
LISTS = Family(
    "gpu_exporter_lists_total",
    "Complete lists of a resource asked of the API server, by result.",
    ("resource", "result"),
    Role.CLUSTER,
    Kind.COUNTER,
)
WATCHES = Family(
    "gpu_exporter_watches_total",
    "Watches of a resource opened at the API server, by how they ended.",
    ("resource", "result"),
    Role.CLUSTER,
    Kind.COUNTER,
)
WATCH_EVENTS = Family(
    "gpu_exporter_watch_events_total",
    "Watch events received, by resource and type.",
    ("resource", "type"),
    Role.CLUSTER,
    Kind.COUNTER,
)
MALFORMED_OBJECTS = Family(
    "gpu_exporter_malformed_objects_total",
    "Objects left out because they could not be understood, by resource.",
    ("resource",),
    Role.CLUSTER,
    Kind.COUNTER,
)
LAST_HEARD = Family(
    "gpu_exporter_last_heard_timestamp_seconds",
    "When the API server last sent a list, an event or a bookmark of a resource, in Unix time.",
    ("resource",),
    Role.CLUSTER,
)

LAST_EVENT = Family(
    "gpu_exporter_last_event_timestamp_seconds",
    "When the newest watch event of a resource came, in Unix time.",
    ("resource",),
    Role.CLUSTER,
)
LAST_BOOKMARK = Family(
    "gpu_exporter_last_bookmark_timestamp_seconds",
    "When the newest bookmark of a resource came, in Unix time.",
    ("resource",),
    Role.CLUSTER,
)
RELISTS = Family(
    "gpu_exporter_relists_total",
    "Times a resource had to be listed anew, by why: expired, unproven, failure.",
    ("resource", "reason"),
    Role.CLUSTER,
    Kind.COUNTER,
)
FIRST_SYNC = Family(
    "gpu_exporter_first_sync_seconds",
    "Time from the start of the exporter until the first list of a resource was complete.",
    ("resource",),
    Role.CLUSTER,
)
CREDENTIAL_RELOADS = Family(
    "gpu_exporter_credential_reloads_total",
    "Times the credentials were read again because the API server refused them.",
    (),
    Role.CLUSTER,
    Kind.COUNTER,
)
OWNER_LOOKUPS = Family(
    "gpu_exporter_owner_lookups_total",
    "Owners of pods that are not watched and were asked for one by one, by result.",
    ("result",),
    Role.CLUSTER,
    Kind.COUNTER,
)
LEADER = Family(
    "gpu_exporter_leader",
    "1 while this replica holds the lease and publishes the cluster, 0 while another may; "
    "absent without --leader-elect.",
    (),
    Role.CLUSTER,
)
SHARD_INFO = Family(
    "gpu_exporter_shard_info",
    "Which part of the cluster this exporter publishes; the value is always 1.",
    (_SHARD, "total_shards"),
    Role.CLUSTER,
)

CATALOGUE: tuple[Family, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Family)
)
"""Every family above, in the order of a scrape."""
