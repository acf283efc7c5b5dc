"""What is known of a cluster, as plain values; None = nobody measures it.

Other processes get these values as MessagePack: whoever changes a field changes FORMAT in
`reading.py` too.
"""

import msgspec


class Stamps(msgspec.Struct, frozen=True, gc=False):
    """What an evaluation of the rules saw, in Unix time.

    `scraped_at` is when the scrape was taken, `known_at` until when the exporter knew its cluster.
    """

    scraped_at: float
    known_at: float


class Hardware(msgspec.Struct, frozen=True, gc=False):
    """The recorded totals of a cluster that tell of nobody's work, in GPUs and nodes."""

    capacity: float
    free: float
    free_nodes: float
    free_block: float


class Totals(msgspec.Struct, frozen=True, gc=False):
    """The recorded totals of a cluster, in GPUs, nodes and tasks; `utilization` is a ratio."""

    capacity: float
    allocated: float
    free: float
    free_nodes: float
    free_block: float
    running_tasks: float
    utilized: float | None
    utilization: float | None


class Holdings(msgspec.Struct, frozen=True):
    """What the work of some namespaces holds: in GPUs on Ready nodes and by node, in tasks."""

    allocated: float
    running: float
    by_node: dict[str, float]


class Node(msgspec.Struct, frozen=True, gc=False):
    """One GPU node; amounts in GPUs, `utilization` a ratio."""

    name: str
    ready: bool
    cordoned: bool
    capacity: float | None
    allocated: float | None
    utilization: float | None


class Task(msgspec.Struct, frozen=True, gc=False):
    """One running GPU pod; `started_at` is Unix time."""

    uid: str
    pod: str
    namespace: str
    node: str
    workload_type: str
    workload_name: str
    owner: str
    allocated: float | None = None
    started_at: float | None = None


class Alert(msgspec.Struct, frozen=True):
    """One firing alert; `since` is the Unix time from which its condition holds."""

    id: str
    labels: dict[str, str]
    since: float | None


class Event(msgspec.Struct, frozen=True, gc=False):
    """One happening; `at` is Unix time."""

    id: str
    type: str
    object: str
    message: str
    at: float
