"""What the trace says, computed straight from its rows and from nothing of the product's or demo's.

Plain lists and loops on purpose. The one rule that the trace lacks is the documented placement:
first machine in file order with CPU, memory and devices left, lowest devices first.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

WHOLE = 1000


@dataclass(frozen=True)
class Truth:
    """The totals of one moment; GPUs are exact fractions."""

    total_gpus: int
    allocated_gpus: Fraction
    running_gpu_pods: int
    free_gpus: int
    nodes_with_free_gpus: int
    largest_free_block: int
    queued: int
    by_namespace: dict[str, Fraction]


class Cluster:
    """Nodes and what is left of them, row by row."""

    def __init__(self, directory: Path) -> None:
        with (directory / "openb_node_list_all_node.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.cpu = [int(row["cpu_milli"]) for row in rows]
        self.memory = [int(row["memory_mib"]) for row in rows]
        self.left = [[WHOLE] * int(row["gpu"]) for row in rows]
        self.running: dict[str, tuple[dict[str, str], int, list[int]]] = {}
        self.waiting: set[str] = set()

    def arrive(self, row: dict[str, str]) -> None:
        """Take in a pod that has no place yet; only those that want GPUs are counted."""
        if int(row["num_gpu"]):
            self.waiting.add(row["name"])

    def start(self, row: dict[str, str]) -> None:
        """Place one pod, if it fits anywhere."""
        cpu, memory = int(row["cpu_milli"]), int(row["memory_mib"])
        count, milli = int(row["num_gpu"]), int(row["gpu_milli"])
        for node, devices in enumerate(self.left):
            if self.cpu[node] < cpu or self.memory[node] < memory:
                continue
            held = [device for device, left in enumerate(devices) if left >= milli][:count]
            if len(held) < count:
                continue
            self.cpu[node] -= cpu
            self.memory[node] -= memory
            for device in held:
                devices[device] -= milli
            self.running[row["name"]] = (row, node, held)
            self.waiting.discard(row["name"])
            return

    def end(self, row: dict[str, str]) -> None:
        """Give back what one pod holds."""
        self.waiting.discard(row["name"])
        if row["name"] not in self.running:
            return
        _, node, held = self.running.pop(row["name"])
        self.cpu[node] += int(row["cpu_milli"])
        self.memory[node] += int(row["memory_mib"])
        for device in held:
            self.left[node][device] += int(row["gpu_milli"])

    def truth(self) -> Truth:
        """Add everything up."""
        by_namespace: Counter[str] = Counter()
        for row, _, held in self.running.values():
            if held:
                by_namespace[row["qos"].lower()] += len(held) * int(row["gpu_milli"])
        free = [sum(left == WHOLE for left in devices) for devices in self.left]
        return Truth(
            total_gpus=sum(map(len, self.left)),
            allocated_gpus=Fraction(by_namespace.total(), WHOLE),
            running_gpu_pods=sum(bool(held) for _, _, held in self.running.values()),
            free_gpus=sum(free),
            nodes_with_free_gpus=sum(count > 0 for count in free),
            largest_free_block=max(free),
            queued=len(self.waiting),
            by_namespace={name: Fraction(milli, WHOLE) for name, milli in by_namespace.items()},
        )


def pod_rows(directory: Path) -> list[dict[str, str]]:
    """Return the pods, in file order."""
    with (directory / "openb_pod_list_default.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def packed(directory: Path, pods: int) -> Truth:
    """Return the truth with the first *pods* rows present at once."""
    cluster = Cluster(directory)
    for row in pod_rows(directory)[:pods]:
        cluster.arrive(row)
        cluster.start(row)
    return cluster.truth()


def at(directory: Path, second: int) -> Truth:
    """Return the truth at one second of the trace's clock."""
    story = Story(directory)
    for _ in story.until(second):
        pass
    return story.cluster.truth()


class Story:
    """What happens in the trace, one step after another; it only goes forward."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory)
        # Within one second room is made first, and pods are there before they have a place.
        self._do = (self.cluster.end, self.cluster.arrive, self.cluster.start)
        moments = []
        for number, row in enumerate(pod_rows(directory)):
            created, deleted = int(row["creation_time"]), int(row["deletion_time"])
            if created >= deleted:
                continue
            moments.append((deleted, 0, number, row))
            moments.append((created, 1, number, row))
            if row["scheduled_time"] and int(row["scheduled_time"]) < deleted:
                moments.append((int(row["scheduled_time"]), 2, number, row))
        self._left = sorted(moments, key=lambda moment: moment[:3], reverse=True)

    def until(self, second: int) -> Iterator[None]:
        """Do what happens up to and including a second; stops after each step."""
        while self._left and self._left[-1][0] <= second:
            _, what, _, row = self._left.pop()
            self._do[what](row)
            yield
