"""What is known of a cluster, as plain values; None = nobody measures it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Totals:
    """The recorded totals of a cluster, in GPUs, nodes and tasks.

    `utilization` is a ratio. `scraped_at` is the Unix time of the scrape they were recorded from,
    `known_at` the one until which the exporter knew its cluster.
    """

    capacity: float
    allocated: float
    free: float
    free_nodes: float
    free_block: float
    running_tasks: float
    scraped_at: float
    known_at: float
    utilized: float | None
    utilization: float | None


@dataclass(frozen=True, slots=True)
class Node:
    """One GPU node; amounts in GPUs, `utilization` a ratio."""

    name: str
    ready: bool
    cordoned: bool
    capacity: float | None
    allocated: float | None
    utilization: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """One running GPU pod; `started_at` is Unix time."""

    uid: str
    pod: str
    namespace: str
    node: str
    workload_type: str
    workload_name: str
    owner: str
    allocated: float | None
    started_at: float | None


@dataclass(frozen=True, slots=True)
class Alert:
    """One firing alert; `since` is the Unix time from which its condition holds."""

    id: str
    labels: Mapping[str, str]
    since: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """One happening; `at` is Unix time."""

    id: str
    type: str
    object: str
    message: str
    at: float
