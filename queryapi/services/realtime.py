"""What the real-time API tells of a cluster: its state in numbers, and who is running."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec

from queryapi.access.principal import EVERYTHING, Scope
from queryapi.services.alerts import told_alerts
from queryapi.services.fleet import Fleet
from queryapi.services.model import Event, Node, Task, Totals
from queryapi.services.part import Part
from queryapi.services.parts import (
    ALERTS,
    EVENTS,
    HARDWARE,
    HOLDINGS,
    MACHINES,
    NODES,
    TASKS,
    TOTALS,
)
from queryapi.services.realtimeanswers import (
    AvailableResources,
    EventItem,
    GpuUsage,
    NodeItem,
    RunningTasks,
    Status,
    TaskItem,
)
from queryapi.services.snapshot import Answer, Snapshot
from queryapi.services.wording import amount, percent, second

# No namespace is called this.
_NO_NAMESPACE = ""
_OK = {"code": 2000, "message": "OK"}


class Extra(StrEnum):
    """What a status holds only when asked for."""

    NODES = "nodes"
    ALERTS = "alerts"
    EVENTS = "events"


class StatusQuestion(msgspec.Struct, frozen=True):
    """What `status` is asked."""

    cluster: str
    extras: frozenset[Extra]


class TasksQuestion(msgspec.Struct, frozen=True):
    """What `running-tasks` is asked; `namespace` None = all that may be seen."""

    cluster: str
    namespace: str | None


class Realtime:
    """Reads what the two answers need, as far as a caller may see it.

    Args:
        fleet: The snapshots of every configured cluster.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def status(self, question: StatusQuestion, scope: Scope) -> Answer:
        """Return a cluster's state; raises ClusterNotFound and UpstreamError."""
        snapshots = self._fleet.snapshots(question.cluster, scope)
        snapshot = snapshots.read(*_status_parts(question.extras, scope))
        return snapshot.answer(question, lambda s: _success(status(s, question.extras, scope)))

    def ready_status(self, question: StatusQuestion, scope: Scope) -> Answer | None:
        """Return what `status` would, if that needs no waiting; raises ClusterNotFound."""
        snapshots = self._fleet.known(question.cluster, scope)
        if snapshots is None:
            return None
        return snapshots.ready(question, *_status_parts(question.extras, scope))

    def running_tasks(self, question: TasksQuestion, scope: Scope) -> Answer:
        """Return who is running; raises ClusterNotFound and UpstreamError."""
        snapshot = self._fleet.snapshots(question.cluster, scope).read(TASKS)
        if question.namespace is not None and not _has_work(snapshot, question.namespace):
            # One answer for all names without work: made-up ones push no other answer out.
            question = TasksQuestion(question.cluster, _NO_NAMESPACE)
        return snapshot.answer(question, lambda s: _success(running_tasks(s, question.namespace)))

    def ready_running_tasks(self, question: TasksQuestion, scope: Scope) -> Answer | None:
        """Return what `running_tasks` would, if that needs no waiting; raises ClusterNotFound."""
        snapshots = self._fleet.known(question.cluster, scope)
        return None if snapshots is None else snapshots.ready(question, TASKS)


@cache
def _parts(extras: frozenset[Extra], *, limited: bool) -> tuple[Part[Any], ...]:
    return (
        *((HARDWARE, HOLDINGS) if limited else (TOTALS,)),
        *((ALERTS,) if Extra.ALERTS in extras else ()),
        *((MACHINES if limited else NODES,) if Extra.NODES in extras else ()),
        *((EVENTS,) if Extra.EVENTS in extras else ()),
    )


def _status_parts(extras: frozenset[Extra], scope: Scope) -> tuple[Part[Any], ...]:
    return _parts(extras, limited=scope.namespaces is not None)


def status(snapshot: Snapshot, extras: frozenset[Extra], scope: Scope = EVERYTHING) -> Status:
    """Return the state of a cluster as *scope* shows it, with the lists that *extras* names."""
    totals, nodes = _everybodys, _all_nodes
    if scope.namespaces is not None:
        totals, nodes = _limited_totals, _limited_nodes
    lists: dict[str, object] = {}
    if Extra.ALERTS in extras:
        lists["alerts"] = told_alerts(snapshot.part(ALERTS))
    if Extra.NODES in extras:
        lists["nodes"] = tuple(map(_node, nodes(snapshot)))
    if Extra.EVENTS in extras:
        lists["recent_events"] = tuple(_event(event) for event in snapshot.part(EVENTS))
    told = totals(snapshot)
    return msgspec.structs.replace(
        Status(
            cluster=snapshot.cluster,
            timestamp=second(snapshot.freshness.at),
            current_gpu_usage=_usage(told),
            running_tasks=amount(told.running_tasks),
            available_resources=AvailableResources(
                available_gpus=amount(told.free),
                available_nodes=amount(told.free_nodes),
                max_contiguous_gpu=amount(told.free_block),
            ),
        ),
        **lists,
    )


def _everybodys(snapshot: Snapshot) -> Totals:
    return snapshot.part(TOTALS)


def _all_nodes(snapshot: Snapshot) -> Iterable[Node]:
    return snapshot.part(NODES)


def _limited_totals(snapshot: Snapshot) -> Totals:
    """Return the cluster's hardware and the work that is shown of it."""
    hardware, holdings = snapshot.part(HARDWARE), snapshot.part(HOLDINGS)
    return Totals(
        capacity=hardware.capacity,
        allocated=holdings.allocated,
        free=hardware.free,
        free_nodes=hardware.free_nodes,
        free_block=hardware.free_block,
        running_tasks=holdings.running,
        utilized=None,
        utilization=None,
    )


def _limited_nodes(snapshot: Snapshot) -> Iterable[Node]:
    held = snapshot.part(HOLDINGS).by_node
    for node in snapshot.part(MACHINES):
        yield msgspec.structs.replace(node, allocated=held.get(node.name, 0.0))


def running_tasks(snapshot: Snapshot, namespace: str | None) -> RunningTasks:
    """Return the running tasks of a cluster, or of one *namespace* of it."""
    tasks = tuple(
        _task(task, snapshot.freshness.at)
        for task in snapshot.part(TASKS)
        if namespace is None or task.namespace == namespace
    )
    return RunningTasks(
        cluster=snapshot.cluster,
        timestamp=second(snapshot.freshness.at),
        total_tasks=len(tasks),
        tasks=tasks,
    )


def _has_work(snapshot: Snapshot, namespace: str) -> bool:
    return any(task.namespace == namespace for task in snapshot.part(TASKS))


def _usage(totals: Totals) -> GpuUsage:
    share = totals.allocated / totals.capacity if totals.capacity else 0.0
    return GpuUsage(
        total_gpus=amount(totals.capacity),
        allocated_gpus=amount(totals.allocated),
        utilized_gpus=None if totals.utilized is None else amount(totals.utilized),
        allocation_rate=percent(share),
        utilization_rate=None if totals.utilization is None else percent(totals.utilization),
    )


def _node(node: Node) -> NodeItem:
    return NodeItem(
        node_name=node.name,
        status=("Ready" if node.ready else "NotReady")
        + (",SchedulingDisabled" if node.cordoned else ""),
        total_gpus=None if node.capacity is None else amount(node.capacity),
        allocated_gpus=None if node.allocated is None else amount(node.allocated),
        utilization=None if node.utilization is None else percent(node.utilization),
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
        allocated_gpus=None if task.allocated is None else amount(task.allocated),
        running_time_seconds=None if started is None else max(0, int(now - started)),
        started_at=None if started is None else second(started),
        owner=task.owner,
    )


def _event(event: Event) -> EventItem:
    return EventItem(second(event.at), event.type, event.object, event.message)


def _success(data: msgspec.Struct) -> bytes:
    return msgspec.json.encode({"meta": _OK, "data": data})
