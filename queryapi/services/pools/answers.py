"""The answers about compute pools, field by field, as their description tells of them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queryapi.services.wording import TIME_SCHEMA, Number
from queryapi.storage.records import Status

Percent = Annotated[
    Number,
    Meta(
        description="In percent, one decimal; 0 where nobody tells.",
        extra_json_schema={"minimum": 0, "maximum": 100},
    ),
]

Share = Annotated[
    Annotated[float, Meta(ge=0, le=100)] | None,
    Meta(
        description="In percent, one decimal; null where nobody measured it, and for a limited"
        " caller: nobody measures it by namespace."
    ),
]


class NodeTypeItem(msgspec.Struct, frozen=True):
    """So many nodes of one type."""

    type: Annotated[str, Meta(description="Instance type, such as p4d.24xlarge.")]
    count: Annotated[int, Meta(description="How many are wanted; of a found pool, how many are.")]


class PoolItem(msgspec.Struct, frozen=True, rename="camel"):
    """One pool: what is wanted of it, and what is seen of it."""

    id: Annotated[str, Meta(description="Its name in paths; never given to another pool.")]
    name: Annotated[str, Meta(description="For people.")]
    description: Annotated[str, Meta(description="What it is for.")]
    status: Annotated[Status, Meta(description="Where it is in its life.")]
    region: Annotated[str, Meta(description="Where it is.")]
    provider: Annotated[str, Meta(description="Whose machines it has.")]
    node_count: Annotated[int, Meta(description="The sum of nodeTypes.")]
    cpu_utilization: Percent
    memory_utilization: Percent
    gpu_utilization: Percent
    network_utilization: Percent
    node_types: Annotated[tuple[NodeTypeItem, ...], Meta(description="What it should have.")]
    tags: Annotated[tuple[str, ...], Meta(description="Words.")]
    created_at: Annotated[
        str, Meta(description="The day of its creation.", extra_json_schema={"format": "date"})
    ]
    cluster: Annotated[str, Meta(description="The cluster whose nodes it has.")]
    source: Annotated[
        str,
        Meta(description="registered, or labels: found by its nodes' labels, read-only."),
    ]
    selector: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Which nodes belong to it: a fact, and the values it may have."),
    ]
    maintenance: Annotated[bool, Meta(description="Whether somebody says it is worked on.")]
    ready_nodes: Annotated[Number, Meta(description="Nodes that are there and Ready.")]
    gpus: Annotated[Number, Meta(description="GPUs that its nodes offer.")]
    allocated_gpus: Annotated[
        Number, Meta(description="GPUs that pods hold: of a limited caller, theirs only.")
    ]
    status_reason: Annotated[str, Meta(description="Why it has this status, in a sentence.")]
    unmeasured: Annotated[
        tuple[str, ...] | UnsetType,
        Meta(description="Fields that are 0 because nobody measures them; else left out."),
    ] = UNSET
    stale: Annotated[
        bool | UnsetType,
        Meta(description="true when its numbers are old, or none could be read; else left out."),
    ] = UNSET


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """All pools that the caller sees, together."""

    total_pools: Annotated[int, Meta(description="How many there are.")]
    active_pools: Annotated[int, Meta(description="Those whose status is active.")]
    total_nodes: Annotated[int, Meta(description="The sum of nodeCount.")]
    total_capacity: Annotated[Number, Meta(description="The sum of gpus.")]


class PoolList(msgspec.Struct, frozen=True):
    """All pools that the caller sees: registered ones by age, then found ones by id."""

    summary: Summary
    pools: tuple[PoolItem, ...]
    stale: Annotated[
        bool | UnsetType,
        Meta(
            description="true when the nodes of a cluster could not be read, or when what is told"
            " of them is old: found pools may be missing; else left out."
        ),
    ] = UNSET


class Deleted(msgspec.Struct, frozen=True):
    """A pool is gone."""

    success: bool = True
    message: str = "Pool deleted successfully"


class ChangeItem(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """One field that was changed, its values as text."""

    field: Annotated[str, Meta(description="The field.")]
    before: Annotated[str, Meta(description="What it was.")]
    after: Annotated[str, Meta(description="What it is.")]


class ActivityItem(msgspec.Struct, frozen=True, rename="camel"):
    """One thing that happened to a pool."""

    id: Annotated[str, Meta(description="Its place in the log; what `before` takes.")]
    pool_id: Annotated[str, Meta(description="The pool.")]
    pool_name: Annotated[str, Meta(description="What it was called then.")]
    action: Annotated[str, Meta(description="Such as node-added or configuration-changed.")]
    details: Annotated[str, Meta(description="What happened, in words.")]
    timestamp: Annotated[str, Meta(description="When.", extra_json_schema=TIME_SCHEMA)]
    user: Annotated[str, Meta(description="Who; system when the service saw it.")]
    changes: Annotated[
        tuple[ChangeItem, ...] | UnsetType,
        Meta(description="What was changed, where something was."),
    ] = UNSET
    nodes: Annotated[
        tuple[str, ...] | UnsetType, Meta(description="Some of the nodes it is about.")
    ] = UNSET


class Activities(msgspec.Struct, frozen=True):
    """What happened, newest first."""

    activities: tuple[ActivityItem, ...]


class Capacity(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a pod would find room in a pool now."""

    pool_id: Annotated[str, Meta(description="The pool.")]
    timestamp: Annotated[
        str, Meta(description="The moment described.", extra_json_schema=TIME_SCHEMA)
    ]
    gpus: Annotated[int, Meta(description="GPUs that the pod asks for.")]
    fits: Annotated[bool, Meta(description="Whether a node has so many free GPUs of one kind.")]
    nodes_that_fit: Annotated[int, Meta(description="Nodes that do.")]
    pods_that_fit: Annotated[int, Meta(description="Such pods that would find room together.")]
    largest_block: Annotated[int, Meta(description="The most free GPUs of one kind on a node.")]
    free_gpus: Annotated[Number, Meta(description="Free GPUs of all nodes together.")]
    pending_pods: Annotated[
        int,
        Meta(
            description="Pods that wait unbound for GPUs of a model that this pool has, or of any:"
            " Kubernetes may place them elsewhere. Of a limited caller, theirs only."
        ),
    ]
    pending_gpus: Annotated[Number, Meta(description="GPUs that these ask for.")]
    stale: Annotated[
        bool | UnsetType,
        Meta(description="true when this is up to a minute old for want of newer; else left out."),
    ] = UNSET


class HistoryPoint(msgspec.Struct, frozen=True, rename="camel"):
    """A pool at one moment; null = nobody tells."""

    timestamp: Annotated[str, Meta(description="When.", extra_json_schema=TIME_SCHEMA)]
    ready_nodes: Annotated[Number | None, Meta(description="Nodes that were there and Ready.")]
    gpus: Annotated[Number | None, Meta(description="GPUs that its nodes offered.")]
    allocated_gpus: Annotated[
        Number | None, Meta(description="Those that pods held; null for a limited caller.")
    ]
    cpu_utilization: Share
    memory_utilization: Share
    gpu_utilization: Share
    network_utilization: Share


class History(msgspec.Struct, frozen=True, rename="camel"):
    """A pool in the past, oldest first; its nodes are those that its selector chose then."""

    pool_id: Annotated[str, Meta(description="The pool.")]
    start: Annotated[str, Meta(description="The first moment.", extra_json_schema=TIME_SCHEMA)]
    end: Annotated[str, Meta(description="The last moment.", extra_json_schema=TIME_SCHEMA)]
    step_seconds: Annotated[int, Meta(description="Seconds between two points.")]
    points: tuple[HistoryPoint, ...]
    stale: Annotated[
        bool | UnsetType,
        Meta(description="true when this is up to a minute old for want of newer; else left out."),
    ] = UNSET
