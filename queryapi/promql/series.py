"""Every series that an answer is made of: what it is called, who tells it, who can do without it.

`gpuscope-api doctor` looks for these. A test holds the names in queries and parts to this table.
"""

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """Who tells a series."""

    RULES = "the recording rules"
    CLUSTER = "gpuscope-exporter cluster"


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
EVALUATED_AT = "cluster:gpu_evaluation_timestamp_seconds:max"
SCRAPED_AT = "cluster:gpu_snapshot_timestamp_seconds:max"
KNOWN_AT = "cluster:gpu_state_timestamp_seconds:min"

_UNMEASURED = (
    "utilisation is null in answers: scrape gpuscope-exporter node on every GPU node, with the"
    " cluster's label"
)
_NO_NODES = "the cluster has no GPU node"
_NO_TASKS = "no GPU pod runs"

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
)
