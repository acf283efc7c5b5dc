"""What scheduler monitoring must tell, straight from an API server's lists and nothing of ours.

Plain loops on purpose. The rules are those of docs/api.md: a worker is a node with GPUs, an
operation a pod that asks for GPUs.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import requests

GPU = "nvidia.com/gpu"
COUNT, SHARE = "alibabacloud.com/gpu-count", "alibabacloud.com/gpu-milli"
STAGES = ("Queued", "Executing", "CacheCheck", "Completed")


@dataclass(frozen=True)
class Operation:
    """One pod."""

    client_id: str
    stage: str
    worker: str | None
    gpus: str


@dataclass(frozen=True)
class Worker:
    """One node."""

    paused: bool
    draining: bool
    gpus: str
    running: frozenset[str]


@dataclass(frozen=True)
class Truth:
    """Everything at one version of the API server, by id."""

    version: str
    workers: dict[str, Worker]
    operations: dict[str, Operation]

    def status(self) -> dict[str, int]:
        """Count everything, as `/scheduler/status` does."""
        stages = Counter(each.stage for each in self.operations.values())
        paused = sum(each.paused for each in self.workers.values())
        draining = sum(each.draining for each in self.workers.values())
        return {
            "total_workers": len(self.workers),
            "active_workers": len(self.workers) - paused - draining,
            "paused_workers": paused,
            "draining_workers": draining,
            "total_operations": len(self.operations),
            "queued_operations": stages["Queued"],
            "executing_operations": stages["Executing"] + stages["CacheCheck"],
            "completed_operations": stages["Completed"],
        }


def truth(api_server: str) -> Truth:
    """Return the truth of one version: nodes and pods are listed until nothing came between."""
    while True:
        before = _list(api_server, "nodes")
        pods = _list(api_server, "pods")
        nodes = _list(api_server, "nodes")
        versions = {each["metadata"]["resourceVersion"] for each in (before, pods, nodes)}
        if len(versions) == 1:
            return _truth(versions.pop(), nodes["items"], pods["items"])


def _list(api_server: str, plural: str) -> dict[str, Any]:
    answer = requests.get(f"{api_server}/api/v1/{plural}", timeout=20)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return content


def _truth(version: str, nodes: list[dict[str, Any]], pods: list[dict[str, Any]]) -> Truth:
    operations = {}
    for pod in pods:
        gpus = _gpus(pod)
        if gpus:
            operations[pod["metadata"]["uid"]] = Operation(
                f"{pod['metadata']['namespace']}:{pod['metadata']['name']}",
                _stage(pod),
                pod["spec"].get("nodeName"),
                gpus,
            )
    workers = {}
    for node in nodes:
        gpus = node["status"]["allocatable"].get(GPU)
        if gpus:
            name = node["metadata"]["name"]
            draining = bool(node["spec"].get("unschedulable"))
            workers[name] = Worker(
                paused=not draining and not _ready(node),
                draining=draining,
                gpus=gpus,
                running=frozenset(
                    uid
                    for uid, each in operations.items()
                    if each.worker == name and each.stage in {"Executing", "CacheCheck"}
                ),
            )
    return Truth(version, workers, operations)


def _gpus(pod: dict[str, Any]) -> str | None:
    """Return how many GPUs are asked for, as a text; None = none at all."""
    whole: str | None = pod["spec"]["containers"][0]["resources"]["requests"].get(GPU)
    shared = pod["metadata"].get("annotations", {})
    if COUNT in shared:
        return f"{int(shared[COUNT]) * int(shared[SHARE]) / 1000:g}"
    return whole


def _stage(pod: dict[str, Any]) -> str:
    phase, node = pod["status"]["phase"], pod["spec"].get("nodeName")
    if phase in {"Succeeded", "Failed"}:
        return "Completed"
    if not node:
        return "Queued"
    return "CacheCheck" if phase == "Pending" else "Executing"


def _ready(node: dict[str, Any]) -> bool:
    return any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in node["status"]["conditions"]
    )


def told(workers: list[dict[str, Any]], operations: list[dict[str, Any]]) -> Truth:
    """Return the same of what the lists of an answer say."""
    return Truth(
        "",
        {
            each["id"]: Worker(
                each["is_paused"],
                each["is_draining"],
                each["platform_properties"]["gpu_count"],
                frozenset(each["running_operations"]),
            )
            for each in workers
        },
        {
            each["operation_id"]: Operation(
                each["client_operation_id"],
                each["stage"],
                each["worker_id"],
                each["platform_properties"]["gpu_count"],
            )
            for each in operations
        },
    )
