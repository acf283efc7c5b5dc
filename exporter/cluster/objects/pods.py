"""A pod as the accounting needs it, and the state a person would name.

The states follow what a scheduler and a kubelet make of a pod; the first that fits is taken.

Moments are published as they were told, in Unix time: the clocks of nodes and control plane may
disagree, so a pod may seem to have started before it was created. Whoever subtracts them has to
take a negative result for zero.
"""

import sys
from collections.abc import Mapping

import msgspec

from exporter.cluster.objects import (
    containers,
    digests,
    hints,
    needs,
    pending,
    requests,
    resources,
    selection,
    sharing,
)
from exporter.cluster.objects.containers import Activity
from exporter.cluster.objects.digests import Digests
from exporter.cluster.objects.hints import Claimed
from exporter.cluster.objects.wire import (
    Condition,
    OwnerReference,
    PodSpec,
    PodStatus,
    PodWire,
    epoch,
)
from exporter.errors import MalformedObject

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})
PHASES = ("Pending", "Running", "Unknown")
"""The phases of a pod that can hold a GPU."""

_GATED = "SchedulingGated"
_QUEUE_LABELS = ("kueue.x-k8s.io/queue-name", "kai.scheduler/queue")
_NONE: frozenset[str] = frozenset()


class Pod(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is kept of one pod.

    Of a pod that asks for no GPU only the first members are kept, up to `reservation`: there are
    many of them, and nothing is published of them.

    Args:
        uid: Its UID.
        namespace: Its namespace.
        name: Its name.
        node: The node it is bound to; empty while there is none.
        phase: Kubernetes' phase.
        controller: What controls it; None for a bare pod.
        requests: What it asks for of GPUs; empty when nothing.
        reservation: It only keeps a device for others and is no task.
        placed: The devices that the scheduler wrote down.
        claims: Names of its ResourceClaims, in its namespace.
        backed: Resource names among its requests that a claim stands for.
        created: When it was created, in Unix time, as all moments.
        scheduled: When a node was chosen.
        accepted: When its kubelet took it.
        ran: When a container first ran; None when none did, or nobody knows.
        finished: When its last container ended; only once it is terminal.
        terminating: It is being deleted.
        scheduling: Kubernetes' reason why it is not scheduled; empty once it is.
        activity: What its app containers do.
        reason: One bounded word: why it failed, who takes it away, why no node has taken it, or
            what keeps its containers from running; empty when there is nothing to say.
        priority: Its scheduling priority, higher first.
        priority_class: The class that it comes from.
        active_deadline: Seconds it may run; None when as long as it likes.
        cores: CPU cores it asks for; 0 when it does not say.
        memory: Bytes of main memory it asks for; 0 when it does not say.
        queue: The queue it was submitted to.
        gpu_model: The models it insists on, `|` between them.
        labels: Those of its labels that name its workload.
        claimed: The workload that an annotation names.
        digests: What it runs; None when it asks for no GPU.
    """

    uid: str
    namespace: str
    name: str
    node: str
    phase: str
    controller: OwnerReference | None
    requests: requests.Requests
    reservation: bool = False
    placed: frozenset[str] = _NONE
    claims: frozenset[str] = _NONE
    backed: frozenset[str] = _NONE
    created: float | None = None
    scheduled: float | None = None
    accepted: float | None = None
    ran: float | None = None
    finished: float | None = None
    terminating: bool = False
    scheduling: str = ""
    activity: Activity = Activity.UNTOLD
    reason: str = ""
    priority: int = 0
    priority_class: str = ""
    active_deadline: int | None = None
    cores: float = 0.0
    memory: float = 0.0
    queue: str = ""
    gpu_model: str = ""
    labels: Mapping[str, str] = sharing.NO_LABELS
    claimed: Claimed | None = None
    digests: Digests | None = None

    @property
    def terminal(self) -> bool:
        """True once it has ended."""
        return self.phase in TERMINAL_PHASES

    @property
    def holds_gpus(self) -> bool:
        """True while the scheduler counts the pod's GPUs as taken: from bind to terminal phase."""
        return bool(self.node) and not self.terminal

    @property
    def started(self) -> float | None:
        """When a container first ran; until then, when the kubelet took the pod."""
        return self.accepted if self.ran is None else self.ran

    @property
    def pending(self) -> str:
        """Why no node has taken it, one of `pending.REASONS`; empty when it waits for none."""
        waits = not (self.node or self.terminating or self.terminal)
        return self.reason if waits else ""


def from_wire(pod: PodWire) -> Pod:
    """Return the record of a pod.

    Raises:
        MalformedObject: When a quantity, an annotation or a part of the spec cannot be understood.
    """
    wanted = requests.effective(pod)
    claims = _claims(pod)
    if wanted or claims:
        return _gpu_pod(pod, wanted, claims)
    return Pod(
        uid=pod.metadata.uid,
        namespace=sys.intern(pod.metadata.namespace),
        name=pod.metadata.name,
        node=sys.intern(pod.spec.node_name or ""),
        phase=sys.intern(pod.status.phase or "Pending"),
        controller=sharing.controller(pod.metadata.owner_references),
        requests=wanted,
        reservation=_is_reservation(pod),
    )


def remembering(new: Pod, known: Pod | None) -> Pod:
    """Return *new* with what its status no longer tells: when it first ran, restarts ago.

    Args:
        new: The pod as just told of.
        known: What was known of it before; one of another UID is another pod.
    """
    if known is None or known.uid != new.uid or known.ran is None:
        return new
    if new.ran is not None and new.ran <= known.ran:
        return new
    return msgspec.structs.replace(new, ran=known.ran)


def state(pod: Pod, *, node_ready: bool) -> str:
    """Return the pod's state as one bounded word.

    Args:
        pod: The pod.
        node_ready: Whether the node it is bound to exists and is Ready; irrelevant without one.
    """
    if pod.terminal:
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
    if pod.phase != "Running" or pod.activity is Activity.IDLE:
        return "unknown"
    # Where a kubelet tells of no container at all, its word for the pod stands.
    return "crashloop" if pod.activity is Activity.CRASHING else "running"


def _gpu_pod(pod: PodWire, wanted: requests.Requests, claims: frozenset[str]) -> Pod:
    metadata, spec, status = pod.metadata, pod.spec, pod.status
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    statuses = status.container_statuses or []
    scheduled = _condition(status, "PodScheduled")
    bound = scheduled is not None and scheduled.status == "True"
    cores, memory = needs.cores_and_bytes(spec)
    phase = status.phase or "Pending"
    return Pod(
        uid=metadata.uid,
        namespace=sys.intern(metadata.namespace),
        name=metadata.name,
        node=sys.intern(spec.node_name or ""),
        phase=sys.intern(phase),
        controller=sharing.controller(pod.metadata.owner_references),
        requests=wanted,
        reservation=_is_reservation(pod),
        placed=_placed(annotations, labels),
        claims=claims,
        backed=_backed(status),
        created=epoch(metadata.creation_timestamp),
        scheduled=epoch(scheduled.last_transition_time) if scheduled and bound else None,
        accepted=epoch(status.start_time),
        ran=containers.first_start(statuses),
        finished=containers.last_finish(statuses) if phase in TERMINAL_PHASES else None,
        terminating=metadata.deletion_timestamp is not None,
        scheduling=sys.intern(scheduled.reason or "") if scheduled and not bound else "",
        activity=containers.activity(statuses),
        reason=sys.intern(_reason(pod, phase)),
        priority=spec.priority or 0,
        priority_class=sys.intern(spec.priority_class_name or ""),
        active_deadline=spec.active_deadline_seconds,
        cores=cores,
        memory=memory,
        queue=sys.intern(next((labels[it] for it in _QUEUE_LABELS if labels.get(it)), "")),
        gpu_model=selection.gpu_model(spec),
        labels=sharing.labels(labels),
        claimed=hints.from_annotations(annotations),
        digests=_digests(pod, wanted, cores, memory),
    )


def _reason(pod: PodWire, phase: str) -> str:
    if phase in TERMINAL_PHASES:
        return containers.failed_reason(pod.status)
    if pod.metadata.deletion_timestamp is not None:
        return containers.disruption(pod.status)
    return containers.bound_reason(pod.status) if pod.spec.node_name else pending.reason(pod)


def _digests(pod: PodWire, wanted: requests.Requests, cores: float, memory: float) -> Digests:
    return digests.of_pod(pod, platform={"gpus": wanted, "cpu": cores, "memory": memory})


def _claims(pod: PodWire) -> frozenset[str]:
    spec: PodSpec = pod.spec
    status = pod.status
    extended = status.extended_resource_claim_status
    # Most pods have none of these.
    if not (spec.resource_claims or status.resource_claim_statuses or extended):
        return _NONE
    names = [it.resource_claim_name for it in spec.resource_claims or ()]
    names += [it.resource_claim_name for it in status.resource_claim_statuses or ()]
    if extended:
        names.append(extended.resource_claim_name)
    return frozenset(name for name in names if name)


def _backed(status: PodStatus) -> frozenset[str]:
    extended = status.extended_resource_claim_status
    if extended is None:
        return _NONE
    return frozenset(sys.intern(it.resource_name) for it in extended.request_mappings or ())


def _placed(annotations: Mapping[str, str], labels: Mapping[str, str]) -> frozenset[str]:
    # Anybody may write an annotation: what it says of placement must not cost a pod its account.
    try:
        return resources.placed_devices(annotations, labels)
    except MalformedObject:
        return _NONE


def _is_reservation(pod: PodWire) -> bool:
    return resources.is_reservation(pod.metadata.namespace)


def _condition(status: PodStatus, kind: str) -> Condition | None:
    return next((it for it in status.conditions or () if it.type == kind), None)
