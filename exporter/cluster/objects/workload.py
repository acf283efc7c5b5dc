"""Pod → the workload a person started: the topmost controller of its owner chain.

Only references with `controller: true` count. The chain ends at an owner nobody told us about, at
a cycle, or after eight steps; the last one known is the answer. Where the owners may not be read,
what the controllers write on their pods says the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.cluster.objects import hints
from exporter.cluster.objects.hints import group_of
from exporter.cluster.objects.pods import Pod
from exporter.cluster.objects.wire import ObjectWire, OwnerReference

_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod's workload.

    Args:
        kind: What it is: `Job`, `RayJob`, `Pod` for a pod of its own.
        name: Its name, in the pod's namespace.
        uid: Its UID; the last known owner's where it is known by name only.
        group: Its API group; empty for the core group.
        chain: The UIDs of the owners that were followed.
        missing: The owner at which the chain broke off because nobody told of it.
    """

    kind: str
    name: str
    uid: str
    group: str = ""
    chain: tuple[str, ...] = ()
    missing: OwnerReference | None = None


def resolve(pod: Pod, owners: Mapping[str, OwnerReference | None]) -> Workload:
    """Return the pod's workload.

    Args:
        pod: The pod.
        owners: Owner UID → that owner's own controller (None: it has none); unknown owners absent.
            Pods are owners too: workers of a group belong to their leader's pod.
    """
    if pod.controller is None:
        return _said(pod, None, ()) or Workload("Pod", pod.name, pod.uid)
    top, chain = _top(pod.controller, owners)
    if top.kind == "Node" and not group_of(top):
        # A mirror object of a static pod: the kubelet's file started it.
        return Workload("StaticPod", pod.name, pod.uid, "", chain)
    # An owner that is known to have none above it is the answer, whatever the labels say.
    if top.uid in owners:
        return Workload(top.kind, top.name, top.uid, group_of(top), chain)
    return _said(pod, top, chain) or Workload(
        top.kind, top.name, top.uid, group_of(top), chain, top
    )


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


def _said(pod: Pod, top: OwnerReference | None, chain: tuple[str, ...]) -> Workload | None:
    """Return the workload that the pod's own annotation or labels name below *top*."""
    said = pod.claimed or hints.from_labels(pod.labels, top)
    if said is None:
        return None
    uid = said.uid or (pod.uid if top is None else top.uid)
    return Workload(said.kind, said.name, uid, said.group, chain, top)
