"""The answers of scheduler monitoring, field by field, as its description tells of them."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from queryapi.services.scheduling.model import Stage

Properties = dict[str, str]
# Null where a NativeLink does not tell it; never null of a GPU cluster.
Number = int | None


class Worker(msgspec.Struct, frozen=True, gc=False):
    """One GPU node; times in Unix seconds."""

    id: Annotated[str, Meta(description="The node's name.")]
    platform_properties: Annotated[
        Properties, Meta(description="What it has, as text; what nobody tells is left out.")
    ]
    last_update_timestamp: Annotated[int, Meta(description="When it was last heard of.")]
    is_paused: Annotated[
        bool, Meta(description="Not draining, and not ready, under pressure, or without its GPUs.")
    ]
    is_draining: Annotated[bool, Meta(description="Cordoned, or being emptied or deleted.")]
    can_accept_work: Annotated[bool, Meta(description="Neither paused nor draining.")]
    running_operations: Annotated[
        tuple[str, ...], Meta(description="The operation_id of each unfinished operation on it.")
    ]
    connected_timestamp: Annotated[
        int | None, Meta(description="Since when it is ready, else a node; null if unknown.")
    ]
    actions_completed: Annotated[
        int, Meta(description="Operations that ended on it, as far as they were followed.")
    ]


class Operation(msgspec.Struct, frozen=True, gc=False):
    """One GPU pod; times in Unix seconds."""

    operation_id: Annotated[str, Meta(description="The pod's UID.")]
    client_operation_id: Annotated[str, Meta(description="namespace:pod.")]
    stage: Annotated[Stage, Meta(description="How far it is.")]
    worker_id: Annotated[str | None, Meta(description="The node that has it; null before.")]
    action_digest: Annotated[str, Meta(description="Of both others; empty if unknown.")]
    command_digest: Annotated[str, Meta(description="Of what it runs; empty if unknown.")]
    input_root_digest: Annotated[
        str, Meta(description="Of its images and volumes; empty if unknown.")
    ]
    priority: Annotated[int, Meta(description="Higher is sooner.")]
    timeout: Annotated[int, Meta(description="Seconds that it may run; 0 = no limit.")]
    platform_properties: Annotated[
        Properties, Meta(description="What it asks for, as text; what nobody tells is left out.")
    ]
    load_timestamp: Annotated[int | None, Meta(description="When it was created.")]
    insert_timestamp: Annotated[int | None, Meta(description="When it was created.")]
    is_finished: Annotated[bool, Meta(description="Whether it has ended.")]


class SchedulerStatus(msgspec.Struct, frozen=True, gc=False):
    """How many there are of what, and for how long the service has been running."""

    total_workers: Annotated[Number, Meta(description="active + paused + draining.")]
    active_workers: Annotated[Number, Meta(description="Those that can accept work.")]
    paused_workers: Annotated[Number, Meta(description="Those that are paused.")]
    draining_workers: Annotated[Number, Meta(description="Those that are draining.")]
    total_operations: Annotated[Number, Meta(description="queued + executing + completed.")]
    queued_operations: Annotated[Number, Meta(description="Unfinished ones without a worker.")]
    executing_operations: Annotated[Number, Meta(description="Unfinished ones with a worker.")]
    completed_operations: Annotated[Number, Meta(description="Finished ones.")]
    uptime_seconds: Annotated[int, Meta(description="Since the service was started.")]


class WorkerCounts(msgspec.Struct, frozen=True, gc=False):
    """How many workers there are."""

    total: Annotated[Number, Meta(description="active + paused + draining.")]
    active: Annotated[Number, Meta(description="Those that can accept work.")]
    paused: Annotated[Number, Meta(description="Those that are paused.")]
    draining: Annotated[Number, Meta(description="Those that are draining.")]


class OperationCounts(msgspec.Struct, frozen=True, gc=False):
    """How many operations there are."""

    total: Annotated[Number, Meta(description="queued + executing + completed.")]
    queued: Annotated[Number, Meta(description="Unfinished ones without a worker.")]
    executing: Annotated[Number, Meta(description="Unfinished ones with a worker.")]
    completed: Annotated[Number, Meta(description="Finished ones.")]


class SchedulerMetrics(msgspec.Struct, frozen=True, gc=False):
    """The numbers of the status, by what they count."""

    workers: WorkerCounts
    operations: OperationCounts
    uptime_seconds: Annotated[int, Meta(description="Since the service was started.")]


class Condition(StrEnum):
    """What a client of the cluster's other answers gets: current data, old data, or an error."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class SystemHealth(msgspec.Struct, frozen=True, gc=False):
    """Whether what would be told is good."""

    status: Annotated[
        Condition,
        Meta(description="Current data, old data that is marked as such, or an error is served."),
    ]
    timestamp: Annotated[int, Meta(description="Now, in Unix seconds.")]
    uptime_seconds: Annotated[int, Meta(description="Since the service was started.")]
