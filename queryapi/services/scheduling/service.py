"""Answers scheduler monitoring, whatever tells of a cluster's scheduler."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from queryapi.access.principal import Scope
from queryapi.cache.prepared import prepare
from queryapi.errors import ResourceNotFound
from queryapi.services.fleet import Fleet
from queryapi.services.part import Part
from queryapi.services.scheduling.answers import (
    Operation,
    OperationCounts,
    SchedulerMetrics,
    SchedulerStatus,
    Worker,
    WorkerCounts,
)
from queryapi.services.scheduling.model import Counts
from queryapi.services.scheduling.questions import (
    AllWorkers,
    Metrics,
    OneOperation,
    OneWorker,
    Question,
    SomeOperations,
    Status,
)
from queryapi.services.scheduling.scheduler import Scheduler, Topic
from queryapi.services.snapshot import Answer, Snapshot

_ECHOED = 256
# No operation is on a worker of this name.
_NO_WORKER = ""

_TOPICS: dict[type[Question], Topic] = {
    AllWorkers: Topic.WORKERS,
    OneWorker: Topic.WORKERS,
    SomeOperations: Topic.OPERATIONS,
    OneOperation: Topic.OPERATIONS,
    Status: Topic.COUNTS,
    Metrics: Topic.COUNTS,
}


class Scheduling:
    """Reads what answers need, as far as a caller may see it.

    Args:
        fleet: The snapshots of every cluster whose scheduler is told of.
        schedulers: What tells of each, by name.
        uptime: Seconds since the service was started.
    """

    def __init__(
        self, fleet: Fleet, schedulers: Mapping[str, Scheduler], uptime: Callable[[], int]
    ) -> None:
        self._fleet = fleet
        self._schedulers = schedulers
        self._uptime = uptime

    def answer(self, question: Question, scope: Scope) -> Answer:
        """Return the answer.

        Raises:
            ClusterNotFound: When there is no such cluster, or *scope* does not show it.
            ResourceNotFound: When there is no such worker or operation.
            UpstreamError: When nothing can be told.
        """
        snapshots = self._fleet.snapshots(question.cluster, scope)
        return self._made(question, snapshots.read(*self._parts(question, scope)), scope)

    def ready(self, question: Question, scope: Scope) -> Answer | None:
        """Return what `answer` would, if that needs no waiting."""
        snapshots = self._fleet.known(question.cluster, scope)
        found = snapshots and snapshots.at_hand(*self._parts(question, scope))
        return self._made(question, found, scope) if found else None

    def _parts(self, question: Question, scope: Scope) -> tuple[Part[Any], ...]:
        scheduler, topic = self._schedulers[question.cluster], _TOPICS[type(question)]
        return scheduler.parts(topic, limited=scope.namespaces is not None)

    def _made(self, question: Question, snapshot: Snapshot, scope: Scope) -> Answer:
        views = _Views(
            self._schedulers[question.cluster], snapshot, limited=scope.namespaces is not None
        )
        match question:
            case AllWorkers():
                return snapshot.answer(question, lambda _: msgspec.json.encode(views.workers))
            case SomeOperations():
                return _some_operations(question, views)
            case OneWorker():
                return _small(snapshot, views.worker(question.id))
            case OneOperation():
                return _small(snapshot, views.operation(question.id))
            case Status():
                return _small(snapshot, _status(views.counts, self._uptime()))
            case _:
                return _small(snapshot, _metrics(views.counts, self._uptime()))


class _Views:
    """What one snapshot shows as its scheduler sees it; worked out once for all who ask."""

    def __init__(self, scheduler: Scheduler, snapshot: Snapshot, *, limited: bool) -> None:
        self.snapshot = snapshot
        self._scheduler = scheduler
        self._limited = limited

    @property
    def counts(self) -> Counts:
        return self.snapshot.derived("counts", lambda: self._scheduler.counts(self.snapshot))

    @property
    def workers(self) -> tuple[Worker, ...]:
        return self.snapshot.derived(
            "workers", lambda: self._scheduler.workers(self.snapshot, limited=self._limited)
        )

    @property
    def operations(self) -> tuple[Operation, ...]:
        return self.snapshot.derived(
            "operations", lambda: self._scheduler.operations(self.snapshot)
        )

    def worker(self, id_: str) -> Worker:
        by_id = self.snapshot.derived(
            "workers by id", lambda: {worker.id: worker for worker in self.workers}
        )
        if id_ not in by_id:
            raise ResourceNotFound(f"Worker {_shown(id_)} not found")
        return by_id[id_]

    def operation(self, id_: str) -> Operation:
        by_uid = self.snapshot.derived("operations by uid", lambda: _by_uid(self.operations))
        # A UID cannot look like a name; if one did, the UID would be meant.
        found = by_uid.get(id_)
        if found is None:
            by_name = self.snapshot.derived("operations by name", lambda: _by_name(self.operations))
            found = by_name.get(id_)
        if found is None:
            raise ResourceNotFound(f"Operation {_shown(id_)} not found")
        return found

    def busy(self) -> frozenset[str | None]:
        """Return the workers that any operation is on."""
        return self.snapshot.derived(
            "busy", lambda: frozenset(operation.worker_id for operation in self.operations)
        )


def _some_operations(question: SomeOperations, views: _Views) -> Answer:
    if question.worker_id is not None and question.worker_id not in views.busy():
        # One answer for all names without operations: made-up ones push no other answer out.
        question = msgspec.structs.replace(question, worker_id=_NO_WORKER)
    # Nor do limits beyond what there is.
    limit = min(question.limit, len(views.operations))
    question = msgspec.structs.replace(question, limit=limit)
    return views.snapshot.answer(
        question, lambda _: msgspec.json.encode(_selected(question, views.operations))
    )


def _selected(question: SomeOperations, operations: Iterable[Operation]) -> list[Operation]:
    stage, worker = question.stage, question.worker_id
    found = [
        operation
        for operation in operations
        if (stage is None or operation.stage is stage)
        and (worker is None or operation.worker_id == worker)
    ]
    return found[: question.limit]


def _by_uid(operations: Iterable[Operation]) -> dict[str, Operation]:
    return {operation.operation_id: operation for operation in operations}


def _by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    """Return the operations by name; of several pods that had one, the newest."""
    newest_last = sorted(operations, key=lambda found: found.insert_timestamp or 0)
    return {operation.client_operation_id: operation for operation in newest_last}


def _small(snapshot: Snapshot, body: msgspec.Struct) -> Answer:
    """Return an answer that is made sooner than it would be found."""
    return Answer(prepare(msgspec.json.encode(body)), snapshot.freshness)


def _status(counts: Counts, uptime: int) -> SchedulerStatus:
    return SchedulerStatus(
        total_workers=counts.workers,
        active_workers=counts.active,
        paused_workers=counts.paused,
        draining_workers=counts.draining,
        total_operations=counts.operations,
        queued_operations=counts.queued,
        executing_operations=counts.executing,
        completed_operations=counts.completed,
        uptime_seconds=uptime,
    )


def _metrics(counts: Counts, uptime: int) -> SchedulerMetrics:
    return SchedulerMetrics(
        WorkerCounts(counts.workers, counts.active, counts.paused, counts.draining),
        OperationCounts(counts.operations, counts.queued, counts.executing, counts.completed),
        uptime,
    )


def _shown(id_: str) -> str:
    return id_ if len(id_) <= _ECHOED else f"{id_[:_ECHOED]}…"
