"""What the demo fleet of `make up` shows, asked as its users ask."""

from contextlib import suppress
from typing import Any

import requests

from demo.processes import ProcessError, wait_for
from demo.stack import ROOT
from tests.support.panels import surprises

SECONDS = 300.0


def hold_pools(url: str) -> None:
    """Check that the demo's pools are registered, and measured in every respect they can be."""

    def told() -> dict[str, Any]:
        return {pool["id"]: pool for pool in requests.get(url, timeout=60).json()["pools"]}

    # A rate of CPU seconds needs two scrapes.
    wait_for(
        lambda: not any("unmeasured" in pool for id_, pool in told().items() if id_ != "data"),
        seconds=SECONDS,
        what="pools that are measured",
        every=1.0,
    )
    pools = told()
    training, data = pools["training"], pools["data"]

    assert {"training", "inference", "research", "dev", "data", "pool-1", "batch"} == set(pools)
    assert "labels" == pools.pop("batch")["source"]
    assert {"registered"} == {pool["source"] for pool in pools.values()}
    assert ("ML Training Cluster", "us-east-1", "AWS", 16, 128) == (
        *(training["name"], training["region"], training["provider"]),
        *(training["nodeCount"], training["gpus"]),
    )
    assert (4, 0, 0) == (data["readyNodes"], data["gpus"], data["gpuUtilization"])
    for field in ("cpuUtilization", "memoryUtilization", "networkUtilization"):
        assert {True} == {0 < pool[field] <= 100 for pool in pools.values()}
    assert 0 < training["gpuUtilization"] <= 100


def hold_jobs(url: str, watched: str) -> None:
    """Check that the demo's jobs are there, and that they run."""

    def told() -> dict[str, Any]:
        return {job["id"]: job for job in requests.get(url, timeout=60).json()["jobs"]}

    wait_for(lambda: watched in told(), seconds=SECONDS, what="jobs", every=1.0)

    assert {"RUNNING"} == {job["status"] for job in told().values()} - {"COMPLETED"}


def hold_parts_of_nodes(jobs: str, tasks: str, prometheus: str) -> None:
    """Check that a job with some of a node's GPUs is measured by those that it holds."""
    pod = _part_of_a_node(tasks, prometheus)
    who = {"workerId": "w", "namespace": pod["namespace"]}
    page = (ROOT / "docs" / "node.md").read_text()
    join = page.partition("    gpu_utilization_ratio\n")[2].partition("\n\n")[0]

    def found(name: str) -> list[tuple[str, float]]:
        """Return node and value of each device that the pod holds, by the page's own question."""
        query = {"query": name + join}
        answer = requests.get(f"{prometheus}/api/v1/query", params=query, timeout=60).json()
        rows = answer["data"]["result"]
        ours = [row for row in rows if row["metric"]["pod"] == pod["pod_name"]]
        return [(row["metric"]["node"], float(row["value"][1])) for row in ours]

    def measured() -> Any:
        # Each report is given what was measured last: at the first one nobody has looked yet.
        requests.post(f"{jobs}/{pod['pod_name']}/progress", json=who, timeout=60).raise_for_status()
        monitor = requests.get(f"{jobs}/{pod['pod_name']}/monitor", timeout=60).json()
        return monitor["metrics"]["latest"]

    wait_for(
        lambda: bool(found("gpu_utilization_ratio") and measured()),
        seconds=SECONDS,
        what="the GPUs of a job",
        every=1.0,
    )
    memory = found("gpu_memory_total_bytes")

    assert [pod["node_name"]] * int(pod["allocated_gpus"]) == [node for node, _ in memory]
    assert sum(size for _, size in memory) / 2**20 == measured()["gpuMemoryTotal"]


def _part_of_a_node(tasks: str, prometheus: str) -> dict[str, Any]:
    """Return a pod with some whole GPUs of a node that has an exporter; the longest yet to run."""
    query = {"query": "count by (node) (gpu_up)"}
    told = requests.get(f"{prometheus}/api/v1/query", params=query, timeout=60).json()["data"]
    sizes = {row["metric"]["node"]: float(row["value"][1]) for row in told["result"]}
    running = requests.get(tasks, timeout=60).json()["data"]["tasks"]
    parts = [
        task for task in running if 1 <= task["allocated_gpus"] < sizes.get(task["node_name"], 0)
    ]
    # A kubelet tells which devices a pod holds, and its exporter joins them.
    found: dict[str, Any] = min(parts, key=lambda task: float(task["running_time_seconds"]))
    return found


def hold_boards(faults: str, prometheus: str) -> None:
    """Check that every panel of the dashboards shows something, once some devices ail."""
    ailing = {
        "uncorrectable_ecc": ("gpu-h100-00", 0),
        "fell_off_the_bus": ("gpu-h100-07", 1),
        "too_hot": ("gpu-h100-00", 2),
    }
    for fault, (node, gpu) in ailing.items():
        told = {"node": node, "gpu": gpu, "fault": fault}
        requests.post(faults, json=told, timeout=60).raise_for_status()
    found = [""]

    def whole() -> bool:
        found[:] = surprises(prometheus)
        return not found

    with suppress(ProcessError):
        wait_for(whole, seconds=SECONDS, what="every panel's data", every=15.0)

    assert [] == found
