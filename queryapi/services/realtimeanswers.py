"""The answers of the real-time API, field by field, as its description tells of them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from queryapi.services.alerts import AlertItem
from queryapi.services.wording import TIME_SCHEMA, Number


class GpuUsage(msgspec.Struct, frozen=True):
    """GPUs of Ready nodes; the rates are percentages; null = nobody measures utilisation."""

    total_gpus: Annotated[Number, Meta(description="GPUs of Ready nodes, cordoned ones too.")]
    allocated_gpus: Annotated[Number, Meta(description="Those that bound, unfinished pods hold.")]
    utilized_gpus: Annotated[
        Number | None, Meta(description="Those over 50 % busy; null where nobody measures it.")
    ]
    allocation_rate: Annotated[float, Meta(description="allocated_gpus in percent of total_gpus.")]
    utilization_rate: Annotated[
        float | None,
        Meta(description="Mean of all GPUs, idle ones too, in percent; null as utilized_gpus."),
    ]


class AvailableResources(msgspec.Struct, frozen=True):
    """What new work could get, on nodes that are Ready and take work."""

    available_gpus: Annotated[Number, Meta(description="GPUs that nobody holds.")]
    available_nodes: Annotated[Number, Meta(description="Nodes that have one or more of them.")]
    max_contiguous_gpu: Annotated[Number, Meta(description="The most that one node has of them.")]


class NodeItem(msgspec.Struct, frozen=True, gc=False):
    """One GPU node, whatever its state; `utilization` is a percentage."""

    node_name: Annotated[str, Meta(description="Name in Kubernetes.")]
    status: Annotated[
        str, Meta(description="Ready or NotReady, with `,SchedulingDisabled` where cordoned.")
    ]
    total_gpus: Annotated[Number | None, Meta(description="GPUs of the node; null if unknown.")]
    allocated_gpus: Annotated[Number | None, Meta(description="Those held; null if unknown.")]
    utilization: Annotated[
        float | None, Meta(description="Mean of its GPUs in percent; null if nobody measures it.")
    ]


class EventItem(msgspec.Struct, frozen=True):
    """One happening."""

    timestamp: Annotated[str, Meta(description="When it happened.", extra_json_schema=TIME_SCHEMA)]
    type: Annotated[str, Meta(description="Such as PodCreated, PodDeleted or NodeAdded.")]
    object: Annotated[str, Meta(description="The node, or namespace/pod.")]
    message: Annotated[str, Meta(description="What happened, in words.")]


class Status(msgspec.Struct, frozen=True):
    """The answer of `status`; a list that was not asked for is left out."""

    cluster: Annotated[str, Meta(description="The cluster that was asked for.")]
    timestamp: Annotated[
        str, Meta(description="The moment described.", extra_json_schema=TIME_SCHEMA)
    ]
    current_gpu_usage: GpuUsage
    running_tasks: Annotated[Number, Meta(description="Running GPU pods.")]
    available_resources: AvailableResources
    alerts: Annotated[
        tuple[AlertItem, ...] | msgspec.UnsetType,
        Meta(description="With include=alerts: what fires, worst first."),
    ] = msgspec.UNSET
    nodes: Annotated[
        tuple[NodeItem, ...] | msgspec.UnsetType,
        Meta(description="With include=nodes: every GPU node by name."),
    ] = msgspec.UNSET
    recent_events: Annotated[
        tuple[EventItem, ...] | msgspec.UnsetType,
        Meta(description="With include=events: the ten newest happenings, newest first."),
    ] = msgspec.UNSET


class TaskItem(msgspec.Struct, frozen=True, gc=False):
    """One running GPU pod."""

    pod_uid: Annotated[str, Meta(description="The pod's UID.")]
    pod_name: Annotated[str, Meta(description="The pod's name.")]
    namespace: Annotated[str, Meta(description="The pod's namespace.")]
    workload_type: Annotated[str, Meta(description="Kind of the topmost controller, or Pod.")]
    workload_name: Annotated[str, Meta(description="Its name, or the pod's.")]
    node_name: Annotated[str, Meta(description="Where it runs.")]
    allocated_gpus: Annotated[Number | None, Meta(description="GPUs it holds; null if unknown.")]
    running_time_seconds: Annotated[
        int | None, Meta(description="From its start to `timestamp`; null if unknown.")
    ]
    started_at: Annotated[
        str | None,
        Meta(description="When it started; null if unknown.", extra_json_schema=TIME_SCHEMA),
    ]
    owner: Annotated[str, Meta(description="UID of the controller, or empty.")]


class RunningTasks(msgspec.Struct, frozen=True):
    """The answer of `running-tasks`, oldest first."""

    cluster: Annotated[str, Meta(description="The cluster that was asked for.")]
    timestamp: Annotated[
        str, Meta(description="The moment described.", extra_json_schema=TIME_SCHEMA)
    ]
    total_tasks: Annotated[int, Meta(description="How many tasks there are below.")]
    tasks: Annotated[tuple[TaskItem, ...], Meta(description="Oldest first.")]
