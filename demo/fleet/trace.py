"""The openb trace of a production GPU cluster, as machines, pods and their life cycle.

The data set: Weng et al., "Beware of Fragmentation" (USENIX ATC 2023), cluster-trace-gpu-v2023.
It names no placement; `demo.fleet.placement` says how one is chosen here.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.fleet.objects import Pod
from demo.fleet.placement import Machine, Request

EPOCH = 1672531200
"""The trace's second 0 is taken to be 2023-01-01T00:00:00Z."""

_NODES = "openb_node_list_all_node.csv"
_PODS = "openb_pod_list_default.csv"


@dataclass(frozen=True, slots=True)
class TracedPod:
    """A pod and when, in the trace's seconds, it was created, scheduled (or never) and deleted."""

    pod: Pod
    created: int
    scheduled: int | None
    deleted: int


def machines(directory: Path) -> Iterator[Machine]:
    """Yield the trace's nodes, in file order."""
    for row in _rows(directory / _NODES):
        yield Machine(
            name=row["sn"],
            cpu_milli=int(row["cpu_milli"]),
            memory_mib=int(row["memory_mib"]),
            gpus=int(row["gpu"]),
            model=row["model"],
        )


def pods(directory: Path) -> Iterator[TracedPod]:
    """Yield the trace's pods, in file order, which is the order of their creation."""
    for row in _rows(directory / _PODS):
        created = int(row["creation_time"])
        request = Request(
            cpu_milli=int(row["cpu_milli"]),
            memory_mib=int(row["memory_mib"]),
            gpus=int(row["num_gpu"]),
            gpu_milli=int(row["gpu_milli"]),
        )
        yield TracedPod(
            pod=Pod(
                # The trace has no namespaces; its service classes group the pods instead.
                namespace=row["qos"].lower(),
                name=row["name"],
                request=request,
                created=EPOCH + created,
                labels={"qos": row["qos"]},
            ),
            created=created,
            scheduled=int(row["scheduled_time"]) if row["scheduled_time"] else None,
            deleted=int(row["deletion_time"]),
        )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)
