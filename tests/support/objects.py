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

_INVOLVED = {"kind", "namespace", "name", "uid"}

API_VERSIONS = {
    "CronJob": "batch/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
    "PyTorchJob": "kubeflow.org/v1",
    "RayCluster": "ray.io/v1",
    "RayJob": "ray.io/v1",
    "ReplicaSet": "apps/v1",
    "SparkApplication": "sparkoperator.k8s.io/v1beta2",
    "StatefulSet": "apps/v1",
    "TrainJob": "trainer.kubeflow.org/v1alpha1",
    "Workflow": "argoproj.io/v1alpha1",
}
"""The API version that a kind of owner usually has; Pods and Nodes are v1."""


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
    conditions: Iterable[Object] = (),
    status: Mapping[str, Any] | None = None,
    provider_id: str = "",
    **members: Any,
) -> Object:
    """Return a Node.

    Args:
        name: Its name.
        gpus: Its capacity.
        uid: Its UID.
        allocatable: What it offers to pods; its capacity unless given.
        ready: The status of its Ready condition.
        cordoned: Whether it is marked unschedulable.
        taints: Its taints.
        labels: Its labels.
        conditions: Further conditions; the last of a type counts.
        status: Further or other members of `status`.
        provider_id: What its cloud calls it.
        **members: Further members of `metadata`.
    """
    capacity = amounts(gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata(name, uid, labels=dict(labels or {}), **members),
        "spec": {"taints": list(taints)}
        | ({"unschedulable": True} if cordoned else {})
        | ({"providerID": provider_id} if provider_id else {}),
        "status": {
            "capacity": {"cpu": "96"} | capacity,
            "allocatable": {"cpu": "95"}
            | (capacity if allocatable is None else amounts(allocatable)),
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready},
                *conditions,
            ],
            **(status or {}),
        },
    }


def node_condition(kind: str, status: str = "True", *, since: str = MIDNIGHT) -> Object:
    """Return a condition of a node."""
    return {"type": kind, "status": status, "lastTransitionTime": since}


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


def condition(reason: str, message: str = "") -> Object:
    """Return the status of a pod that the scheduler did not place, for this reason."""
    said = {"type": "PodScheduled", "status": "False", "reason": reason}
    return {"conditions": [said | ({"message": message} if message else {})]}


def scheduled(when: str = MIDNIGHT) -> Object:
    """Return the status of a pod that was given a node at this time."""
    return {"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": when}]}


def containers_in(*states: Mapping[str, Any]) -> Object:
    """Return the status of a pod whose containers are in these states."""
    return {"containerStatuses": [{"name": "c", "state": dict(state)} for state in states]}


def restarted(state: Mapping[str, Any], before: Mapping[str, Any], restarts: int = 1) -> Object:
    """Return the status of a pod whose only container ran before, and how that run ended."""
    told = {"state": dict(state), "lastState": {"terminated": dict(before)}}
    return {"containerStatuses": [{"name": "c", "restartCount": restarts, **told}]}


def warning(
    reason: str, about: Object, *, uid: str = "", count: int = 1, message: str = "it is so"
) -> Object:
    """Return a Warning event about an object, a minute after MIDNIGHT."""
    involved = {"kind": about["kind"], **about["metadata"]}
    if about["kind"] == "Node":
        # The kubelet knows its node by name only.
        involved["uid"] = about["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata(uid or f"{reason}-{about['metadata']['name']}", namespace="ml"),
        "involvedObject": {it: involved[it] for it in involved.keys() & _INVOLVED},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": at(1),
    }


def at(minutes: int) -> str:
    """Return the time so many minutes, less than a day's, after MIDNIGHT."""
    return f"2026-01-01T{minutes // 60:02}:{minutes % 60:02}:00Z"


def reference(
    kind: str,
    name: str,
    *,
    controller: bool | None = True,
    uid: str = "",
    version: str = "",
) -> Object:
    """Return an owner reference; its API version is the kind's usual one unless given."""
    group = version or API_VERSIONS.get(kind, "v1")
    named = {"apiVersion": group, "kind": kind, "name": name, "uid": uid or f"uid-{name}"}
    return named if controller is None else named | {"controller": controller}


def owned(*references: Object) -> Object:
    """Return the metadata of something that has these owners."""
    return {"ownerReferences": list(references)}


def owner(kind: str, name: str, *references: Object) -> Object:
    """Return an object of which only the owners matter, such as a ReplicaSet."""
    members = owned(*references) if references else {}
    return {
        "apiVersion": API_VERSIONS.get(kind, "v1"),
        "kind": kind,
        "metadata": metadata(name, namespace="ml", **members),
    }
