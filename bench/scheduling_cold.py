"""Scheduler monitoring of a large cluster: answers that must be fetched, and their memory.

    .venv/bin/python bench/scheduling_cold.py [--nodes N] [--pods N] [--rounds N]

Each path is asked when nothing of it is cached.
"""

import argparse
import os
import statistics
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

import api_parts
import promises
from figures import Figure
from machine import machine
from spent import MEGA, cpu_seconds
from stream import listener_of

_TTL = 0.2
_STATUS = "/api/v1/scheduler/status"
_PATHS = (
    _STATUS,
    "/api/v1/workers",
    "/api/v1/workers/gpu-node-00001",
    "/api/v1/operations",
    "/api/v1/operations?limit=1000000",
    f"/api/v1/operations/{api_parts.uid(7)}",
    "/api/v1/system/health",
)


_MIDDLE = Figure("p50", "ms")
_LATE = Figure("p95", "ms")
_CPU = Figure("CPU of the worker for an answer", "ms", beside="of Prometheus for its queries")
_MEMORY = Figure(
    "memory of the worker, at its peak",
    "MB",
    budgets=(promises.API_MEMORY,),
    missed="an answer with all 30,000 operations is 19 MB, which nobody asks for who heeds the "
    "default limit of 1,000: its items, its text and its gzip are there at the same "
    "time. The system gets large blocks back (`server/memory.py`); what the interpreter "
    "keeps is used again.",
)
FIGURES = (_MIDDLE, _LATE, _CPU, _MEMORY)
NOTES = (
    (
        "Of its own the worker takes 60 ms from 60,000 samples to pods, 60 ms to their texts, "
        "110 ms from 120,000 to their numbers and 50 ms to operations; the rest is Prometheus' "
        "time and decoding."
    ),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--pods", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"scheduler monitoring: on {machine()}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        _measure(Path(name), options)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    settings = {
        "monitoring": {"ttl": _TTL},
        "timeouts": {"query": 60, "request": 60},
    }
    nodes, pods = options.nodes, options.pods
    with (
        api_parts.prometheus(folder / "p", nodes=nodes, tasks=pods, more=_more) as prometheus,
        api_parts.service(folder / "a", prometheus, settings) as (process, url),
    ):
        print(f"  {nodes} nodes, {pods} pods", flush=True)
        pids = (api_parts.workers(process)[0], listener_of(os.getpid(), prometheus))
        for path in _PATHS:
            spent = [cpu_seconds(pid) for pid in pids]
            seconds, size = _asked(url, path, options.rounds)
            ours, theirs = (
                1000 * (cpu_seconds(pid) - before) / options.rounds
                for pid, before in zip(pids, spent, strict=True)
            )
            case = f"`{_short(path)}`, {size / 1e6:.2f} MB"
            _MIDDLE.tell(case, 1000 * statistics.median(seconds))
            _LATE.tell(case, api_parts.high(seconds, 95))
            _CPU.tell(case, ours, theirs)
            _MEMORY.tell(case, api_parts.memory(process).peak / MEGA)


def _short(path: str) -> str:
    return path.removeprefix("/api/v1/").replace(api_parts.uid(7), "one")


def _asked(url: str, path: str, rounds: int) -> tuple[list[float], int]:
    """Return what each answer took, and how large the last one was."""
    seconds, size = [], 0
    for _ in range(rounds):
        time.sleep(2 * _TTL)
        began = time.perf_counter()
        status, _, body = api_parts.get(url, path)
        seconds.append(time.perf_counter() - began)
        size = len(body)
        if status != HTTPStatus.OK:
            raise SystemExit(f"{path}: HTTP {status}: {body.decode()}")
    return seconds, size


def _more(nodes: int, pods: int, now: float) -> dict[str, api_parts.Samples]:
    """Return what the exporters tell besides."""
    names = [{"node": f"gpu-node-{n:05d}"} for n in range(nodes)]
    each = {
        "gpu_node_ready": 1,
        "gpu_node_cordoned": 0,
        "gpu_exporter_driver_up": 1,
        "gpu_up": 1,
        "gpu_node_allocatable_cpu_cores": 95.5,
        "gpu_node_allocatable_memory_bytes": 2**40,
        "gpu_node_device_memory_bytes": 80 * 2**30,
        "gpu_node_created_timestamp_seconds": now - 1e6,
        "gpu_node_ready_since_timestamp_seconds": now - 1e5,
        "gpu_exporter_last_collection_timestamp_seconds": now,
    }
    resource = {"resource": "nvidia.com/gpu"}
    info = {"model": "NVIDIA H100 80GB HBM3", "architecture": "amd64", "os": "linux"}
    driver = {"driver_version": "570.86.15", "cuda_version": "12.8"}
    return {
        "gpu_cluster_state_timestamp_seconds": [({}, now)],
        **{name: [(node, value) for node in names] for name, value in each.items()},
        "gpu_node_allocatable": [({**node, **resource}, 8) for node in names],
        "gpu_node_free": [({**node, **resource}, n % 9) for n, node in enumerate(names)],
        "gpu_node_info": [({**node, **info}, 1) for node in names],
        "gpu_driver_info": [({**node, **driver}, 1) for node in names],
        "gpu_node_completed_pods_total": [({**node, "result": "succeeded"}, 42) for node in names],
        **_pods(nodes, pods, now),
    }


def _pods(nodes: int, pods: int, now: float) -> dict[str, api_parts.Samples]:
    who = [
        {
            "namespace": f"team-{n % 50}",
            "pod": f"training-{n // 8}-{n % 8}",
            "uid": api_parts.uid(n),
        }
        for n in range(pods)
    ]
    digest = f"sha256:{'0a' * 28}"
    what = [
        {
            "node": f"gpu-node-{n % nodes:05d}",
            "workload_type": "Job",
            "workload_name": f"training-{n // 8}",
            "owner": api_parts.uid(n // 8),
            "gpu_model": "H100",
            "active_deadline_seconds": "3600",
            # Pods of one workload are equal.
            **{f"{kind}_digest": f"{digest}{n // 8:08d}" for kind in ("action", "command")},
            "input_root_digest": f"{digest}{n // 80:08d}",
        }
        for n in range(pods)
    ]
    phases = ("Running", "Running", "Running", "Pending", "Succeeded")
    return {
        "gpu_pod_info": [({**a, **b}, 1) for a, b in zip(who, what, strict=True)],
        "gpu_pod_state": [
            ({**a, "phase": phases[n % 5], "state": "x"}, 1) for n, a in enumerate(who)
        ],
        "gpu_pod_created_timestamp_seconds": [(a, now - 3600 - n) for n, a in enumerate(who)],
        "gpu_pod_requested": [(a, 1) for a in who],
        "gpu_pod_requested_cpu_cores": [(a, 8) for a in who],
        "gpu_pod_requested_memory_bytes": [(a, 2**36) for a in who],
    }


if __name__ == "__main__":
    main()
