"""Kubernetes objects as their JSON says them: valid, and only as long as what a test is about."""

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]
Amount = int | str | Mapping[str, int | str] | None
"""So many nvidia.com/gpu; or amounts by resource; or nothing at all."""

GPU = "nvidia.com/gpu"
MIDNIGHT = "2026-01-01T00:00:00Z"
EPOCH = 1767225600
"""MIDNIGHT in Unix seconds."""


def amounts(amount: Amount) -> Object:
    """Return a mapping of quantities."""
    if amount is None:
        return {}
    return dict(amount) if isinstance(amount, Mapping) else {GPU: str(amount)}


def metadata(name: str, uid: str = "", **members: Any) -> Object:
    """Return an object's metadata; its UID is `uid-NAME` unless given."""
    return {"name": name, "uid": uid or f"uid-{name}", "creationTimestamp": MIDNIGHT, **members}


def node(
    name: str = "n1",
    gpus: Amount = 8,
    *,
    uid: str = "",
    allocatable: Amount = None,
    ready: str = "True",
    cordoned: bool = False,
    taints: Iterable[Object] = (),
    labels: Mapping[str, str] | None = None,
) -> Object:
    """Return a Node; *allocatable* is the capacity unless given, *ready* its condition's status."""
    capacity = amounts(gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata(name, uid, labels=dict(labels or {})),
        "spec": {"taints": list(taints)} | ({"unschedulable": True} if cordoned else {}),
        "status": {
            "capacity": {"cpu": "96"} | capacity,
            "allocatable": {"cpu": "95"}
            | (capacity if allocatable is None else amounts(allocatable)),
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready},
            ],
        },
    }


def taint(key: str, effect: str = "NoSchedule") -> Object:
    """Return a taint."""
    return {"key": key, "effect": effect}


def container(requests: Amount = None, *, limits: Amount = None, sidecar: bool = False) -> Object:
    """Return a container; its limits are its requests unless given."""
    declared = {"requests": amounts(requests), "limits": amounts(limits or requests)}
    return {"name": "c", "resources": declared} | ({"restartPolicy": "Always"} if sidecar else {})


def pod(
    name: str = "p1",
    gpus: Amount = 1,
    *,
    node: str = "n1",
    phase: str = "Running",
    uid: str = "",
    namespace: str = "ml",
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **members: Any,
) -> Object:
    """Return a Pod of one container; bound to *node* unless that is empty.

    Args:
        name: Its name.
        gpus: What its container asks for.
        node: Where it runs.
        phase: Its phase.
        uid: Its UID.
        namespace: Its namespace.
        spec: Further or other members of `spec`.
        status: Further members of `status`.
        **members: Further members of `metadata`.
    """
    bound = {"nodeName": node} if node else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, uid, namespace=namespace, **members),
        "spec": {"containers": [container(gpus)], **bound, **(spec or {})},
        "status": {"phase": phase, **(status or {})},
    }


def condition(reason: str) -> Object:
    """Return the status of a pod that the scheduler did not place, for this reason."""
    return {"conditions": [{"type": "PodScheduled", "status": "False", "reason": reason}]}


def containers_in(*states: Mapping[str, Any]) -> Object:
    """Return the status of a pod whose containers are in these states."""
    return {"containerStatuses": [{"name": "c", "state": dict(state)} for state in states]}


def reference(kind: str, name: str, *, controller: bool | None = True, uid: str = "") -> Object:
    """Return an owner reference."""
    named = {"apiVersion": "v1", "kind": kind, "name": name, "uid": uid or f"uid-{name}"}
    return named if controller is None else named | {"controller": controller}


def owned(*references: Object) -> Object:
    """Return the metadata of something that has these owners."""
    return {"ownerReferences": list(references)}


def owner(kind: str, name: str, *references: Object) -> Object:
    """Return an object of which only the owners matter, such as a ReplicaSet."""
    group = "batch/v1" if kind == "Job" else "apps/v1"
    members = owned(*references) if references else {}
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": metadata(name, namespace="ml", **members),
    }
