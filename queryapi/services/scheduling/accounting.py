"""What parts come to: workers, operations and their numbers. The numbers count the very lists."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from queryapi.services.scheduling.answers import Operation, Worker
from queryapi.services.scheduling.equipment import needs
from queryapi.services.scheduling.model import (
    Counts,
    Equipment,
    Pod,
    PodNumbers,
    PodTexts,
    Readiness,
    Stage,
)

_NO_EQUIPMENT = Equipment({}, None, None)
_NO_TEXTS = PodTexts("", "", "", "", "", "", "")
_NO_NUMBERS = PodNumbers()


def together(
    live: Iterable[Pod], gone: Iterable[Pod], texts: Mapping[str, PodTexts]
) -> tuple[Pod, ...]:
    """Return all pods, each once: one that is there is not gone.

    Args:
        live: Those that there are.
        gone: Those that there are no more.
        texts: Where they were.
    """
    found = {pod.uid: _placed(pod, texts.get(pod.uid, _NO_TEXTS)) for pod in gone}
    return tuple((found | {pod.uid: pod for pod in live}).values())


def counts(machines: Mapping[str, Readiness], pods: Iterable[Pod]) -> Counts:
    """Return the numbers; a pod that its node is still preparing counts as executing."""
    workers = Counter(machines.values())
    stages = Counter(pod.stage for pod in pods)
    return Counts(
        active=workers[Readiness.ACTIVE],
        paused=workers[Readiness.PAUSED],
        draining=workers[Readiness.DRAINING],
        queued=stages[Stage.QUEUED],
        executing=stages[Stage.EXECUTING] + stages[Stage.CACHE_CHECK],
        completed=stages[Stage.COMPLETED],
    )


def completed_by_node(pods: Iterable[Pod]) -> dict[str, int]:
    """Return how many of the pods ended on each node."""
    return Counter(pod.node for pod in pods if pod.stage is Stage.COMPLETED and pod.node)


def workers(
    machines: Mapping[str, Readiness],
    equipment: Mapping[str, Equipment],
    completed: Mapping[str, int],
    pods: Iterable[Pod],
    known_at: float,
) -> tuple[Worker, ...]:
    """Return the workers in the order of *machines*.

    Args:
        machines: Every node.
        equipment: What is known of them.
        completed: Pods that ended on them.
        pods: Who runs there.
        known_at: When a node without a device exporter was last heard of, in Unix time.
    """
    running: dict[str, list[str]] = defaultdict(list)
    for pod in pods:
        if pod.node and pod.stage is not Stage.COMPLETED:
            running[pod.node].append(pod.uid)
    return tuple(
        _worker(
            node,
            readiness,
            equipment.get(node, _NO_EQUIPMENT),
            tuple(sorted(running.get(node, ()))),
            completed.get(node, 0),
            known_at,
        )
        for node, readiness in machines.items()
    )


def operations(
    pods: Iterable[Pod], texts: Mapping[str, PodTexts], numbers: Mapping[str, PodNumbers]
) -> tuple[Operation, ...]:
    """Return the pods as operations: unfinished first, then the newest, then by id."""
    shared: dict[tuple[object, ...], dict[str, str]] = {}
    found = []
    for pod in pods:
        told, asked = texts.get(pod.uid, _NO_TEXTS), numbers.get(pod.uid, _NO_NUMBERS)
        wants = (asked.cores, asked.memory, asked.gpus, told.gpu_model)
        if wants not in shared:
            shared[wants] = needs(asked, told.gpu_model)
        found.append(_operation(pod, told, asked, shared[wants]))
    return tuple(sorted(found, key=_order))


def _placed(pod: Pod, texts: PodTexts) -> Pod:
    return Pod(pod.uid, pod.stage, texts.node or None)


def _worker(
    node: str,
    readiness: Readiness,
    equipment: Equipment,
    running: tuple[str, ...],
    completed: int,
    known_at: float,
) -> Worker:
    heard_at = known_at if equipment.heard_at is None else equipment.heard_at
    return Worker(
        id=node,
        platform_properties=equipment.properties,
        last_update_timestamp=int(heard_at),
        is_paused=readiness is Readiness.PAUSED,
        is_draining=readiness is Readiness.DRAINING,
        can_accept_work=readiness is Readiness.ACTIVE,
        running_operations=running,
        connected_timestamp=None if equipment.since is None else int(equipment.since),
        actions_completed=completed,
    )


def _operation(
    pod: Pod, texts: PodTexts, numbers: PodNumbers, properties: dict[str, str]
) -> Operation:
    created = None if numbers.created is None else int(numbers.created)
    return Operation(
        operation_id=pod.uid,
        client_operation_id=f"{texts.namespace}:{texts.pod}" if texts.pod else pod.uid,
        stage=pod.stage,
        worker_id=pod.node,
        action_digest=texts.action_digest,
        command_digest=texts.command_digest,
        input_root_digest=texts.input_root_digest,
        # Kubernetes takes none for zero, and the exporter publishes no zeros.
        priority=0 if numbers.priority is None else int(numbers.priority),
        timeout=_seconds(texts.active_deadline),
        platform_properties=properties,
        load_timestamp=created,
        insert_timestamp=created,
        is_finished=pod.stage is Stage.COMPLETED,
    )


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _order(operation: Operation) -> tuple[bool, float, str]:
    since = operation.insert_timestamp
    return operation.is_finished, math.inf if since is None else -since, operation.operation_id
