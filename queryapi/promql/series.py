"""Every series that an answer is made of: what it is called, who tells it, who can do without it.

`gpuscope-api doctor` looks for these. A test holds the names in queries and parts to this table.
"""

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """Who tells a series."""

    RULES = "the recording rules"
    CLUSTER = "gpuscope-exporter cluster"
    NODE = "gpuscope-exporter node"
    NATIVELINK = "NativeLink"


@dataclass(frozen=True, slots=True)
class Series:
    """One name.

    Args:
        name: Metric name.
        source: Who tells it.
        needed: Whether no answer can be made without it.
        with_any: A recorded number; where that is not zero this series must be there too.
        otherwise: What its absence means when it is neither needed nor implied.
    """

    name: str
    source: Source
    needed: bool = False
    with_any: str = ""
    otherwise: str = ""


CAPACITY = "cluster:gpu_capacity:sum"
RUNNING_TASKS = "cluster:gpu_running_tasks:count"
POOL_NODES = "cluster:pool_nodes:count"
EVALUATED_AT = "cluster:gpu_evaluation_timestamp_seconds:max"
SCRAPED_AT = "cluster:gpu_snapshot_timestamp_seconds:max"
KNOWN_AT = "cluster:gpu_state_timestamp_seconds:min"

_UNMEASURED = (
    "utilisation is null in answers: scrape gpuscope-exporter node on every GPU node, with the"
    " cluster's label"
)
_NO_DEVICES = (
    "scheduler monitoring says nothing of devices and drivers, and pauses no worker for them:"
    " scrape gpuscope-exporter node on every GPU node, with the cluster's label"
)
_UNPOOLED = "compute pools answer without live numbers (stale): load the rules of this version"
_UNSEEN = (
    "of compute pools this number is 0, and named as unmeasured: scrape node_exporter on every"
    " node, with the cluster's label and the label node (docs/prometheus.md)"
)
_NO_CPU_NODES = "no node without GPUs has a pool's label"
_WHOLE = "one cluster exporter tells of the whole cluster, not several of a part each"
_DISPENSABLE = "scheduler monitoring does without it"
_NO_NODES = "the cluster has no GPU node"
_NO_TASKS = "no GPU pod runs"
_NONE_CORDONED = "no node is cordoned"

SERIES: tuple[Series, ...] = (
    Series(EVALUATED_AT, Source.RULES, needed=True),
    Series(SCRAPED_AT, Source.RULES, needed=True),
    Series(CAPACITY, Source.RULES, needed=True),
    Series("cluster:gpu_allocated:sum", Source.RULES, needed=True),
    Series("cluster:gpu_free:sum", Source.RULES, needed=True),
    Series("cluster:gpu_free_nodes:count", Source.RULES, needed=True),
    Series("cluster:gpu_free_block:max", Source.RULES, needed=True),
    Series(RUNNING_TASKS, Source.RULES, needed=True),
    Series(
        KNOWN_AT,
        Source.RULES,
        otherwise="an API server that the cluster exporter has lost is not noticed: load the rules"
        " of this version",
    ),
    Series("cluster:gpu_utilized:count", Source.RULES, otherwise=_UNMEASURED),
    Series("cluster:gpu_utilization_ratio:avg", Source.RULES, otherwise=_UNMEASURED),
    Series("node:gpu_ready:min", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("node:gpu_cordoned:max", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("node:gpu_capacity:sum", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("node:gpu_allocated:sum", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("node:gpu_utilization_ratio:avg", Source.RULES, otherwise=_UNMEASURED),
    Series(POOL_NODES, Source.RULES, with_any=CAPACITY, otherwise=_UNPOOLED),
    Series("pool:nodes:count", Source.RULES, with_any=POOL_NODES, otherwise=_NO_NODES),
    Series("pool:nodes_ready:sum", Source.RULES, with_any=POOL_NODES, otherwise=_NO_NODES),
    Series("pool:nodes_cordoned:sum", Source.RULES, otherwise=_NONE_CORDONED),
    Series("pool:gpu_allocatable:sum", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("pool:gpu_allocated:sum", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("pool:gpu_free:sum", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("pool:gpu_utilization_ratio:sum", Source.RULES, otherwise=_UNMEASURED),
    Series("pool:gpu_utilization_ratio:count", Source.RULES, otherwise=_UNMEASURED),
    Series("pool:cpu_utilization_ratio:sum", Source.RULES, otherwise=_UNSEEN),
    Series("pool:cpu_utilization_ratio:count", Source.RULES, otherwise=_UNSEEN),
    Series("pool:memory_utilization_ratio:sum", Source.RULES, otherwise=_UNSEEN),
    Series("pool:memory_utilization_ratio:count", Source.RULES, otherwise=_UNSEEN),
    Series("pool:network_utilization_ratio:sum", Source.RULES, otherwise=_UNSEEN),
    Series("pool:network_utilization_ratio:count", Source.RULES, otherwise=_UNSEEN),
    Series(
        "node:pool_identity_timestamp_seconds:max",
        Source.RULES,
        with_any=POOL_NODES,
        otherwise=_NO_NODES,
    ),
    Series("node:gpu_free_block:max", Source.RULES, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_pods", Source.CLUSTER, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_exporter_shard_info", Source.CLUSTER, otherwise=_WHOLE),
    Series("gpu_node_ready", Source.CLUSTER, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_pod_info", Source.CLUSTER, with_any=RUNNING_TASKS, otherwise=_NO_TASKS),
    Series("gpu_pod_state", Source.CLUSTER, with_any=RUNNING_TASKS, otherwise=_NO_TASKS),
    Series("gpu_pod_allocated", Source.CLUSTER, with_any=RUNNING_TASKS, otherwise=_NO_TASKS),
    Series(
        "gpu_pod_start_timestamp_seconds",
        Source.CLUSTER,
        with_any=RUNNING_TASKS,
        otherwise=_NO_TASKS,
    ),
    Series("gpu_event_timestamp_seconds", Source.CLUSTER, otherwise="nothing happened of late"),
    Series(
        "gpu_cluster_state_timestamp_seconds",
        Source.CLUSTER,
        with_any=CAPACITY,
        otherwise="scheduler monitoring answers 503: scrape gpuscope-exporter cluster",
    ),
    Series(
        "gpu_exporter_apiserver_up",
        Source.CLUSTER,
        with_any=CAPACITY,
        otherwise="real-time metrics do not notice that the API server is lost",
    ),
    Series("gpu_node_info", Source.CLUSTER, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_node_cordoned", Source.CLUSTER, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_node_allocatable", Source.CLUSTER, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_node_free", Source.CLUSTER, with_any=CAPACITY, otherwise=_NO_NODES),
    Series("gpu_pool_node_ready", Source.CLUSTER, otherwise=_NO_CPU_NODES),
    Series("gpu_pool_node_cordoned", Source.CLUSTER, otherwise=_NO_CPU_NODES),
    Series("gpu_node_problem", Source.CLUSTER, otherwise="no GPU node has a problem"),
    Series("gpu_node_created_timestamp_seconds", Source.CLUSTER, otherwise=_DISPENSABLE),
    Series(
        "gpu_node_ready_since_timestamp_seconds", Source.CLUSTER, otherwise="no GPU node is ready"
    ),
    Series("gpu_node_allocatable_cpu_cores", Source.CLUSTER, otherwise=_DISPENSABLE),
    Series("gpu_node_allocatable_memory_bytes", Source.CLUSTER, otherwise=_DISPENSABLE),
    Series(
        "gpu_node_device_memory_bytes", Source.CLUSTER, otherwise="no label of a GPU node tells it"
    ),
    Series(
        "gpu_node_capacity",
        Source.CLUSTER,
        otherwise="what is written on a node cannot be shared out among the jobs there",
    ),
    Series(
        "gpu_node_hourly_price",
        Source.CLUSTER,
        otherwise="jobs cost what the settings say: no GPU node has a label with a price",
    ),
    Series("gpu_node_completed_pods_total", Source.CLUSTER, otherwise="no GPU pod has ended yet"),
    Series(
        "gpu_pod_created_timestamp_seconds",
        Source.CLUSTER,
        with_any=RUNNING_TASKS,
        otherwise=_NO_TASKS,
    ),
    Series("gpu_pod_requested", Source.CLUSTER, with_any=RUNNING_TASKS, otherwise=_NO_TASKS),
    Series("gpu_pod_priority", Source.CLUSTER, otherwise="every GPU pod has priority 0"),
    Series("gpu_pod_requested_cpu_cores", Source.CLUSTER, otherwise="no GPU pod asks for cores"),
    Series(
        "gpu_pod_requested_memory_bytes", Source.CLUSTER, otherwise="no GPU pod asks for memory"
    ),
    Series("gpu_up", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_utilization_ratio", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_memory_used_bytes", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_memory_total_bytes", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_temperature_celsius", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_power_watts", Source.NODE, otherwise=_NO_DEVICES),
    Series(
        "gpu_device_pod_info",
        Source.NODE,
        otherwise="a job that has some GPUs of a node is not measured unless dcgm-exporter does it:"
        " mount the kubelet's pod-resources folder into gpuscope-exporter node",
    ),
    Series("gpu_driver_info", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_exporter_driver_up", Source.NODE, otherwise=_NO_DEVICES),
    Series("gpu_exporter_last_collection_timestamp_seconds", Source.NODE, otherwise=_NO_DEVICES),
)

CONNECTED = "worker_connected_count"
STATES = "worker_state_count"
ACTIONS = "execution_active_count"

_NO_STATES = "no worker was paused or draining since NativeLink was started"

NATIVELINK: tuple[Series, ...] = (
    Series(
        CONNECTED,
        Source.NATIVELINK,
        otherwise="numbers of workers are null: NativeLink tells them from 1.6.5 on, once one has"
        " connected",
    ),
    Series(STATES, Source.NATIVELINK, otherwise=_NO_STATES),
    Series(
        ACTIONS,
        Source.NATIVELINK,
        otherwise="numbers of operations are null: NativeLink tells them from 0.7.9 on, once there"
        " was one",
    ),
)
"""What a cluster is told by whose source is a NativeLink; each under one of two names."""


def variants(instrument: str) -> tuple[str, str]:
    """Return the names under which NativeLink's *instrument* may be known; the first counts."""
    return f"nativelink_{instrument}", instrument
