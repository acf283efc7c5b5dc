"""Machines and pods as the objects a Kubernetes API server would show."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from demo.fleet.placement import WHOLE, Machine, Placement, Request

Object = dict[str, Any]

GPU = "nvidia.com/gpu"
_SHARE = "alibabacloud.com/gpu-milli"
_COUNT = "alibabacloud.com/gpu-count"
_INDEX = "alibabacloud.com/gpu-index"
_UID_SPACE = uuid.UUID("6f1c2b1e-7d0a-4a43-9a0c-6b0f5f0b8f0e")


@dataclass(frozen=True, slots=True)
class Owner:
    """A controller: API version, kind, name; its UID follows from them."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def uid(self) -> str:
        """The owner's UID."""
        return uid_of(self.kind, self.namespace, self.name)

    def reference(self) -> Object:
        """Return the `ownerReferences` entry that names this controller."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as asked for; times in Unix seconds."""

    namespace: str
    name: str
    request: Request
    created: float
    owner: Owner | None = None
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}"


def uid_of(kind: str, namespace: str, name: str) -> str:
    """Return the UID an object has in every replay of the same fleet."""
    return str(uuid.uuid5(_UID_SPACE, f"{kind}/{namespace}/{name}"))


def node(
    machine: Machine,
    *,
    created: float,
    ready: bool = True,
    cordoned: bool = False,
    labels: dict[str, str] | None = None,
    provider_id: str = "",
) -> Object:
    """Return the Node object of a machine; `provider_id` is left out where it is empty."""
    amounts = {
        "cpu": f"{machine.cpu_milli}m",
        "memory": f"{machine.memory_mib}Mi",
        "pods": "1000",
    }
    found = {"kubernetes.io/hostname": machine.name, "kubernetes.io/os": "linux", **(labels or {})}
    if machine.gpus:
        amounts[GPU] = str(machine.gpus)
        found |= {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": machine.model,
            "nvidia.com/gpu.count": str(machine.gpus),
        }
    spec: Object = {"podCIDR": "10.244.0.0/24"}
    if provider_id:
        spec["providerID"] = provider_id
    if cordoned:
        taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        spec |= {"unschedulable": True, "taints": [taint]}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": machine.name,
            "uid": uid_of("Node", "", machine.name),
            "creationTimestamp": _time(created),
            "labels": found,
        },
        "spec": spec,
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [_condition("Ready", ready, "KubeletReady")],
            "nodeInfo": {
                "kubeletVersion": "v1.34.2",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "kernelVersion": "6.1.0-39-amd64",
                "containerRuntimeVersion": "containerd://2.1.4",
                "architecture": "amd64",
                "operatingSystem": "linux",
            },
        },
    }


def pod(
    pod: Pod, placement: Placement | None, *, phase: str = "Pending", started: float | None = None
) -> Object:
    """Return the Pod object of a pod.

    Args:
        pod: The pod.
        placement: Where it is bound to; None: nowhere yet.
        phase: Kubernetes' phase.
        started: When its containers started; None: they did not.
    """
    metadata: Object = {
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": uid_of("Pod", pod.namespace, pod.name),
        "creationTimestamp": _time(pod.created),
        "labels": pod.labels,
    }
    if pod.owner:
        metadata["ownerReferences"] = [pod.owner.reference()]
    annotations = _annotations(pod.request, placement)
    if annotations:
        metadata["annotations"] = annotations
    spec: Object = {"containers": [_container(pod.request)], "restartPolicy": "Never"}
    if placement:
        spec["nodeName"] = placement.node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": _pod_status(placement, phase, started),
    }


def controller(owner: Owner, *, created: float, above: Owner | None = None) -> Object:
    """Return a controller's object, as far as a reader of owner chains looks."""
    metadata: Object = {
        "name": owner.name,
        "namespace": owner.namespace,
        "uid": owner.uid,
        "creationTimestamp": _time(created),
    }
    if above:
        metadata["ownerReferences"] = [above.reference()]
    return {"apiVersion": owner.api_version, "kind": owner.kind, "metadata": metadata}


def _container(request: Request) -> Object:
    amounts = {"cpu": f"{request.cpu_milli}m", "memory": f"{request.memory_mib}Mi"}
    resources: Object = {"requests": amounts}
    if request.gpus and request.gpu_milli == WHOLE:
        resources = {
            "requests": amounts | {GPU: str(request.gpus)},
            "limits": {GPU: str(request.gpus)},
        }
    return {"name": "main", "image": "example.invalid/workload:1", "resources": resources}


def _annotations(request: Request, placement: Placement | None) -> dict[str, str]:
    annotations: dict[str, str] = {}
    if request.gpus and request.gpu_milli < WHOLE:
        annotations = {_COUNT: str(request.gpus), _SHARE: str(request.gpu_milli)}
    if placement and placement.devices:
        annotations[_INDEX] = "-".join(map(str, placement.devices))
    return annotations


def _pod_status(placement: Placement | None, phase: str, started: float | None) -> Object:
    status: Object = {"phase": phase, "conditions": [_scheduled(placement)]}
    if started is not None:
        status["startTime"] = _time(started)
        ended = phase != "Running"
        state = {"running": {"startedAt": _time(started)}}
        if ended:
            state = {"terminated": {"startedAt": _time(started), "reason": "Completed"}}
        status["containerStatuses"] = [
            {"name": "main", "ready": not ended, "restartCount": 0, "state": state}
        ]
    elif placement:
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        status["containerStatuses"] = [
            {"name": "main", "ready": False, "restartCount": 0, "state": waiting}
        ]
    return status


def _scheduled(placement: Placement | None) -> Object:
    return _condition("PodScheduled", placement is not None, "" if placement else "Unschedulable")


def _condition(kind: str, holds: bool, reason: str) -> Object:  # noqa: FBT001 - the condition itself
    return {"type": kind, "status": "True" if holds else "False", "reason": reason}


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
