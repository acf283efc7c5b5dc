"""Pod → the workload a person started: the topmost controller of its owner chain.

Only references with `controller: true` count. The chain ends at an owner nobody told us about, at
a cycle, or after eight steps; the last one known is the answer. Where the owners may not be read,
the labels that the controllers put on their pods say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.cluster.pods import Pod
from exporter.cluster.wire import ObjectWire, OwnerReference

_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod's workload; `chain` holds the UIDs of the owners that were followed."""

    kind: str
    name: str
    uid: str
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Hint:
    """A label (or none) by which a controller names the workload its pods belong to."""

    below: str
    label: str
    kind: str


# Consulted when the chain ended at `below`, which is not what a person started.
_HINTS = (
    _Hint("Job", "jobset.sigs.k8s.io/jobset-name", "JobSet"),
    _Hint("StatefulSet", "leaderworkerset.sigs.k8s.io/name", "LeaderWorkerSet"),
    _Hint("Pod", "leaderworkerset.sigs.k8s.io/name", "LeaderWorkerSet"),
)
_TEMPLATE_HASH = "pod-template-hash"
_RAY_CRD = "ray.io/originated-from-crd"
_RAY_NAME = "ray.io/originated-from-cr-name"


def resolve(pod: Pod, owners: Mapping[str, OwnerReference | None]) -> Workload:
    """Return the pod's workload.

    Args:
        pod: The pod.
        owners: Owner UID → that owner's own controller (None: it has none); unknown owners absent.
    """
    if pod.controller is None:
        return Workload("Pod", pod.name, pod.uid)
    top, chain = _top(pod.controller, owners)
    if top.kind == "Node":
        # A mirror object of a static pod: the kubelet's file started it.
        return Workload("StaticPod", pod.name, pod.uid, chain)
    return _from_labels(pod, top, chain) or Workload(top.kind, top.name, top.uid, chain)


def controller_of(owner: ObjectWire) -> OwnerReference | None:
    """Return the controller of an owner; None when it stands at the top."""
    references = owner.metadata.owner_references or ()
    return next((reference for reference in references if reference.controller), None)


def _top(
    first: OwnerReference, owners: Mapping[str, OwnerReference | None]
) -> tuple[OwnerReference, tuple[str, ...]]:
    top, chain = first, [first.uid]
    while len(chain) < _MAX_DEPTH:
        above = owners.get(top.uid)
        if above is None or above.uid in chain:
            break
        top = above
        chain.append(above.uid)
    return top, tuple(chain)


def _from_labels(pod: Pod, top: OwnerReference, chain: tuple[str, ...]) -> Workload | None:
    labels = pod.labels
    if top.kind == "ReplicaSet" and labels.get(_TEMPLATE_HASH):
        name = top.name.removesuffix(f"-{labels[_TEMPLATE_HASH]}")
        return Workload("Deployment", name, top.uid, chain) if name != top.name else None
    if top.kind == "RayCluster" and labels.get(_RAY_CRD) and labels.get(_RAY_NAME):
        return Workload(labels[_RAY_CRD], labels[_RAY_NAME], top.uid, chain)
    for hint in _HINTS:
        if top.kind == hint.below and labels.get(hint.label):
            return Workload(hint.kind, labels[hint.label], top.uid, chain)
    return None
