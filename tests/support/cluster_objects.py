"""Nodes and pods for tests: small, valid, and only as long as what the test is about."""

from collections.abc import Mapping
from typing import Any

Content = dict[str, Any]

NODE_INFO = {
    "architecture": "amd64",
    "bootID": "b",
    "containerRuntimeVersion": "containerd://2.1.0",
    "kernelVersion": "6.1.0",
    "kubeProxyVersion": "",
    "kubeletVersion": "v1.34.1",
    "machineID": "m",
    "operatingSystem": "linux",
    "osImage": "Debian GNU/Linux 12",
    "systemUUID": "s",
}
"""Every member the API requires."""


def node(
    name: str, *, gpus: int = 8, ready: bool = True, labels: Mapping[str, str] | None = None
) -> Content:
    """Return a Node that has *gpus* nvidia.com/gpu."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {},
        "status": {
            "capacity": {"cpu": "96", "nvidia.com/gpu": str(gpus)},
            "allocatable": {"cpu": "95", "nvidia.com/gpu": str(gpus)},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": NODE_INFO,
        },
    }


def pod(
    name: str,
    *,
    namespace: str = "default",
    node_name: str = "",
    phase: str = "Running",
    gpus: int = 1,
    labels: Mapping[str, str] | None = None,
) -> Content:
    """Return a Pod of one container that asks for *gpus*; without *node_name* it is not bound."""
    resources = {"nvidia.com/gpu": str(gpus)}
    container = {"name": "main", "resources": {"requests": resources, "limits": resources}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
        "spec": ({"nodeName": node_name} if node_name else {}) | {"containers": [container]},
        "status": {"phase": phase, "podIP": "10.1.0.1"},
    }
