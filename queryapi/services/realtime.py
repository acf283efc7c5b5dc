"""What the real-time API tells of a cluster: its state in numbers, and who is running."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from queryapi.errors import ClusterNotFound
from queryapi.services.model import Alert, Event, Node, Task, Totals
from queryapi.services.parts import ALERTS, EVENTS, NODES, TASKS, TOTALS, Part
from queryapi.services.snapshot import Snapshot, Snapshots

_SEVERITIES = ("critical", "warning", "info")
# Said elsewhere in an alert's item, or the same for every alert.
_NOT_IN_MESSAGE = frozenset({"alertname", "severity", "cluster", "instance", "job"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+")
_ACRONYMS = frozenset({"gpu", "nvml", "ecc", "xid", "api", "cpu", "mig", "pcie"})

Number = int | float


class Extra(StrEnum):
    """What a status holds only when asked for."""

    NODES = "nodes"
    ALERTS = "alerts"
    EVENTS = "events"


_PART_OF: Mapping[Extra, Part[Any]] = {
    Extra.NODES: NODES,
    Extra.ALERTS: ALERTS,
    Extra.EVENTS: EVENTS,
}


class GpuUsage(msgspec.Struct, frozen=True):
    """GPUs of Ready nodes; the rates are percentages; None = nobody measures utilisation."""

    total_gpus: Number
    allocated_gpus: Number
    utilized_gpus: Number | None
    allocation_rate: float
    utilization_rate: float | None


class AvailableResources(msgspec.Struct, frozen=True):
    """What new work could get, on nodes that are Ready and take work."""

    available_gpus: Number
    available_nodes: Number
    max_contiguous_gpu: Number


class AlertItem(msgspec.Struct, frozen=True):
    """One firing alert."""

    id: str
    severity: str
    type: str
    message: str
    timestamp: str | None
    source: str


class NodeItem(msgspec.Struct, frozen=True):
    """One GPU node, whatever its state; `utilization` is a percentage."""

    node_name: str
    status: str
    total_gpus: Number | None
    allocated_gpus: Number | None
    utilization: float | None


class EventItem(msgspec.Struct, frozen=True):
    """One happening."""

    timestamp: str
    type: str
    object: str
    message: str


class Status(msgspec.Struct, frozen=True):
    """The answer of `status`; a list that was not asked for is left out."""

    cluster: str
    timestamp: str
    current_gpu_usage: GpuUsage
    running_tasks: Number
    available_resources: AvailableResources
    alerts: tuple[AlertItem, ...] | msgspec.UnsetType = msgspec.UNSET
    nodes: tuple[NodeItem, ...] | msgspec.UnsetType = msgspec.UNSET
    recent_events: tuple[EventItem, ...] | msgspec.UnsetType = msgspec.UNSET


class TaskItem(msgspec.Struct, frozen=True):
    """One running GPU pod."""

    pod_uid: str
    pod_name: str
    namespace: str
    workload_type: str
    workload_name: str
    node_name: str
    allocated_gpus: Number | None
    running_time_seconds: int | None
    started_at: str | None
    owner: str


class RunningTasks(msgspec.Struct, frozen=True):
    """The answer of `running-tasks`, oldest first."""

    cluster: str
    timestamp: str
    total_tasks: int
    tasks: tuple[TaskItem, ...]


class Realtime:
    """Reads what the two answers need.

    Args:
        clusters: The snapshots of every configured cluster, by name.
    """

    def __init__(self, clusters: Mapping[str, Snapshots]) -> None:
        self._clusters = clusters

    def for_status(self, cluster: str, extras: frozenset[Extra]) -> Snapshot:
        """Return a snapshot from which `status` can be told; raises ClusterNotFound."""
        return self._snapshots(cluster).read(*(_PART_OF[extra] for extra in sorted(extras)))

    def for_running_tasks(self, cluster: str) -> Snapshot:
        """Return a snapshot from which `running_tasks` can be told; raises ClusterNotFound."""
        return self._snapshots(cluster).read(TASKS)

    def _snapshots(self, cluster: str) -> Snapshots:
        if cluster not in self._clusters:
            raise ClusterNotFound("Cluster not found")
        return self._clusters[cluster]


def status(snapshot: Snapshot, extras: frozenset[Extra]) -> Status:
    """Return the state of a cluster, with the lists that *extras* names."""
    totals = snapshot.part(TOTALS)
    lists: dict[str, object] = {}
    if Extra.ALERTS in extras:
        lists["alerts"] = _alerts(snapshot.part(ALERTS))
    if Extra.NODES in extras:
        lists["nodes"] = tuple(_node(node) for node in snapshot.part(NODES))
    if Extra.EVENTS in extras:
        lists["recent_events"] = tuple(_event(event) for event in snapshot.part(EVENTS))
    return msgspec.structs.replace(
        Status(
            cluster=snapshot.cluster,
            timestamp=_second(snapshot.freshness.at),
            current_gpu_usage=_usage(totals),
            running_tasks=_amount(totals.running_tasks),
            available_resources=AvailableResources(
                available_gpus=_amount(totals.free),
                available_nodes=_amount(totals.free_nodes),
                max_contiguous_gpu=_amount(totals.free_block),
            ),
        ),
        **lists,
    )


def running_tasks(snapshot: Snapshot, namespace: str | None) -> RunningTasks:
    """Return the running tasks of a cluster, or of one *namespace* of it."""
    tasks = tuple(
        _task(task, snapshot.freshness.at)
        for task in snapshot.part(TASKS)
        if namespace is None or task.namespace == namespace
    )
    return RunningTasks(
        cluster=snapshot.cluster,
        timestamp=_second(snapshot.freshness.at),
        total_tasks=len(tasks),
        tasks=tasks,
    )


def _usage(totals: Totals) -> GpuUsage:
    share = totals.allocated / totals.capacity if totals.capacity else 0.0
    return GpuUsage(
        total_gpus=_amount(totals.capacity),
        allocated_gpus=_amount(totals.allocated),
        utilized_gpus=None if totals.utilized is None else _amount(totals.utilized),
        allocation_rate=_percent(share),
        utilization_rate=None if totals.utilization is None else _percent(totals.utilization),
    )


def _node(node: Node) -> NodeItem:
    return NodeItem(
        node_name=node.name,
        status=("Ready" if node.ready else "NotReady")
        + (",SchedulingDisabled" if node.cordoned else ""),
        total_gpus=None if node.capacity is None else _amount(node.capacity),
        allocated_gpus=None if node.allocated is None else _amount(node.allocated),
        utilization=None if node.utilization is None else _percent(node.utilization),
    )


def _task(task: Task, now: float) -> TaskItem:
    started = task.started_at
    return TaskItem(
        pod_uid=task.uid,
        pod_name=task.pod,
        namespace=task.namespace,
        workload_type=task.workload_type,
        workload_name=task.workload_name,
        node_name=task.node,
        allocated_gpus=None if task.allocated is None else _amount(task.allocated),
        running_time_seconds=None if started is None else max(0, int(now - started)),
        started_at=None if started is None else _second(started),
        owner=task.owner,
    )


def _alerts(alerts: tuple[Alert, ...]) -> tuple[AlertItem, ...]:
    """Return the items, worst first and then oldest first."""
    items = map(_alert, alerts)
    return tuple(
        sorted(items, key=lambda i: (_SEVERITIES.index(i.severity), i.timestamp or "~", i.id))
    )


def _alert(alert: Alert) -> AlertItem:
    labels = alert.labels
    severity = labels.get("severity", "").lower()
    return AlertItem(
        id=alert.id,
        severity=severity if severity in _SEVERITIES else "info",
        type=labels.get("alertname", ""),
        message=_message(labels),
        timestamp=None if alert.since is None else _second(alert.since),
        source=labels.get("instance") or labels.get("node") or labels.get("job") or "",
    )


def _message(labels: Mapping[str, str]) -> str:
    """Return an alert in words: `GPU too hot: gpu 3, node gpu-node-1`."""
    name = labels.get("alertname", "")
    words = (word.lower() for word in _WORD.findall(name))
    said = " ".join(word.upper() if word in _ACRONYMS else word for word in words) or name
    told = ", ".join(
        f"{label.replace('_', ' ')} {value}"
        for label, value in sorted(labels.items())
        if label not in _NOT_IN_MESSAGE
    )
    return said[:1].upper() + said[1:] + (f": {told}" if told else "")


def _event(event: Event) -> EventItem:
    return EventItem(_second(event.at), event.type, event.object, event.message)


def _amount(value: float) -> Number:
    """Return GPUs, nodes or tasks: whole ones as an integer, shares to three decimals."""
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def _percent(ratio: float) -> float:
    return round(ratio * 100, 1)


def _second(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
