"""What the cluster role says of the cluster and its nodes."""

from exporter.catalogue.family import Family, Kind, Role

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
