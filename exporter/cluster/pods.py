"""A pod as the accounting needs it, and the state a person would name.

The states follow what a scheduler and a kubelet make of a pod; the first that fits is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.cluster import requests, resources
from exporter.cluster.wire import ContainerStatus, OwnerReference, PodWire, epoch

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})
PHASES = ("Pending", "Running", "Unknown")
"""The phases of a pod that can hold a GPU."""

_GATED = "SchedulingGated"
_CRASHLOOP = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True)
class Pod:
    """What is kept of one pod; amounts in `requests` are units by resource name."""

    uid: str
    namespace: str
    name: str
    node: str
    phase: str
    requests: requests.Requests
    placed: frozenset[int]
    created: float | None
    started: float | None
    terminating: bool
    scheduling: str
    waiting: frozenset[str]
    controller: OwnerReference | None
    labels: dict[str, str]

    @property
    def holds_gpus(self) -> bool:
        """True while the scheduler counts the pod's GPUs as taken: from bind to terminal phase."""
        return bool(self.node) and self.phase not in TERMINAL_PHASES


def from_wire(pod: PodWire) -> Pod:
    """Return the record of a pod.

    Raises:
        MalformedObject: When a quantity or placement annotation cannot be understood.
    """
    metadata, status = pod.metadata, pod.status
    statuses = status.container_statuses or []
    return Pod(
        uid=metadata.uid,
        namespace=metadata.namespace,
        name=metadata.name,
        node=pod.spec.node_name or "",
        phase=status.phase or "Pending",
        requests=requests.effective(pod),
        placed=resources.placed_devices(metadata.annotations or {}),
        created=epoch(metadata.creation_timestamp),
        started=min(_container_starts(statuses), default=epoch(status.start_time)),
        terminating=metadata.deletion_timestamp is not None,
        scheduling=_scheduling_reason(pod),
        waiting=frozenset(_waiting_reasons(statuses)),
        controller=_controller(metadata.owner_references or []),
        labels=metadata.labels or {},
    )


def state(pod: Pod, *, node_ready: bool) -> str:
    """Return the pod's state as one bounded word.

    Args:
        pod: The pod.
        node_ready: Whether the node it is bound to is Ready; irrelevant for an unbound one.
    """
    if pod.phase in TERMINAL_PHASES:
        return "terminal"
    if pod.terminating:
        return "terminating"
    if not pod.node:
        return _unbound_state(pod)
    if not node_ready:
        return "node_lost"
    return _bound_state(pod)


def _unbound_state(pod: Pod) -> str:
    if pod.scheduling == _GATED:
        return "gated"
    return "unschedulable" if pod.scheduling == "Unschedulable" else "pending"


def _bound_state(pod: Pod) -> str:
    if pod.phase == "Pending":
        return "starting"
    if pod.phase != "Running":
        return "unknown"
    return "crashloop" if _CRASHLOOP in pod.waiting else "running"


def _container_starts(statuses: list[ContainerStatus]) -> Iterator[float]:
    for status in statuses:
        running = status.state.running if status.state else None
        started = epoch(running.started_at) if running else None
        if started is not None:
            yield started


def _waiting_reasons(statuses: list[ContainerStatus]) -> Iterator[str]:
    for status in statuses:
        waiting = status.state.waiting if status.state else None
        if waiting and waiting.reason:
            yield waiting.reason


def _scheduling_reason(pod: PodWire) -> str:
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.reason or ""
    return ""


def _controller(owners: list[OwnerReference]) -> OwnerReference | None:
    return next((owner for owner in owners if owner.controller), None)
