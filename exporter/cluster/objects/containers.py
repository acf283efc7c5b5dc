"""What a pod's container statuses say: what they do, since when, until when, and what is wrong.

Reasons come from the kubelet and from container runtimes, which are free to invent more: those
that are not listed here become `other`, so that a label's values stay few.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import Enum

from exporter.cluster.objects.wire import ContainerStatus, PodStatus, Terminated, epoch

OTHER = "other"

_CRASHLOOP = "CrashLoopBackOff"
_OOM_KILLED = "OOMKilled"

_PREPARING = ("ContainerCreating", "PodInitializing")
_WAITING = frozenset(
    {
        *_PREPARING,
        _CRASHLOOP,
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "ImageInspectError",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "CreateContainerConfigError",
        "CreateContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
        "RunContainerError",
    }
)
_TERMINATED = frozenset(
    {
        _OOM_KILLED,
        "Error",
        "ContainerCannotRun",
        "ContainerStatusUnknown",
        "DeadlineExceeded",
        "StartError",
    }
)
_FAILED = frozenset(
    {
        "DeadlineExceeded",
        "Evicted",
        "NodeAffinity",
        "NodeLost",
        "NodeShutdown",
        "Preempting",
        "Shutdown",
        "Terminated",
        "UnexpectedAdmissionError",
    }
)
_OUT_OF = "OutOf"
"""The kubelet refused the pod for want of a resource, whose name follows: `OutOfcpu`."""
OUT_OF_RESOURCE = "OutOfResource"

_DISRUPTED = frozenset(
    {
        "DeletionByPodGC",
        "DeletionByTaintManager",
        "EvictionByEvictionAPI",
        "PreemptionByScheduler",
        "TerminationByKubelet",
    }
)

REASONS = _WAITING | _TERMINATED | _FAILED | _DISRUPTED | {OTHER, OUT_OF_RESOURCE}
"""Every word there is."""


class Activity(Enum):
    """What the app containers do together."""

    UNTOLD = "untold"
    IDLE = "idle"
    RUNNING = "running"
    CRASHING = "crashing"


def activity(statuses: list[ContainerStatus]) -> Activity:
    """Return what the app containers do; one that crashes outweighs others that run."""
    if not statuses:
        return Activity.UNTOLD
    if _CRASHLOOP in _waiting(statuses):
        return Activity.CRASHING
    if any(status.state and status.state.running for status in statuses):
        return Activity.RUNNING
    return Activity.IDLE


def first_start(statuses: list[ContainerStatus]) -> float | None:
    """Return when the first app container ran first, as far as its status tells, in Unix time."""
    return min(filter(None, map(_known, _starts(statuses))), default=None)


def last_finish(statuses: list[ContainerStatus]) -> float | None:
    """Return when the last app container ended, in Unix time; None when none has."""
    ends = (it.finished_at for it in _terminated(statuses))
    return max(filter(None, map(_known, ends)), default=None)


def bound_reason(status: PodStatus) -> str:
    """Return what keeps a bound pod's containers from running; empty when nothing does."""
    app = status.container_statuses or []
    waiting = [*_waiting(status.init_container_statuses or ()), *_waiting(app)]
    if not waiting:
        return ""
    # Beside a container that fails, others merely wait for their turn.
    first = next((reason for reason in waiting if reason not in _PREPARING), waiting[0])
    if first == _CRASHLOOP and any(it.reason == _OOM_KILLED for it in _before(app)):
        return _OOM_KILLED
    return first if first in _WAITING else OTHER


def failed_reason(status: PodStatus) -> str:
    """Return why a terminal pod failed; empty when it did not, or nobody says."""
    if status.phase != "Failed":
        return ""
    if status.reason:
        if status.reason.startswith(_OUT_OF):
            return OUT_OF_RESOURCE
        return status.reason if status.reason in _FAILED else OTHER
    ended = (status.container_statuses or []) + (status.init_container_statuses or [])
    reasons = [it.reason for it in _terminated(ended) if it.exit_code and it.reason]
    if _OOM_KILLED in reasons:
        return _OOM_KILLED
    if not reasons:
        return disruption(status)
    return reasons[0] if reasons[0] in _TERMINATED else OTHER


def disruption(status: PodStatus) -> str:
    """Return who took the pod away; empty when nobody did."""
    for condition in status.conditions or ():
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return condition.reason if condition.reason in _DISRUPTED else OTHER
    return ""


def _starts(statuses: Iterable[ContainerStatus]) -> Iterator[datetime | None]:
    for status in statuses:
        if status.state and status.state.running:
            yield status.state.running.started_at
    for it in (*_terminated(statuses), *_before(statuses)):
        yield it.started_at


def _known(moment: datetime | None) -> float | None:
    # A container that could not be started "ran" at the beginning of Unix time, or of Go's.
    instant = epoch(moment)
    return instant if instant is not None and instant > 0 else None


def _waiting(statuses: Iterable[ContainerStatus]) -> list[str]:
    return [
        status.state.waiting.reason
        for status in statuses
        if status.state and status.state.waiting and status.state.waiting.reason
    ]


def _terminated(statuses: Iterable[ContainerStatus]) -> Iterator[Terminated]:
    for status in statuses:
        if status.state and status.state.terminated:
            yield status.state.terminated


def _before(statuses: Iterable[ContainerStatus]) -> Iterator[Terminated]:
    for status in statuses:
        if status.last_state and status.last_state.terminated:
            yield status.last_state.terminated
