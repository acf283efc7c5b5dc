"""A generated fleet of any size whose objects are as large as real ones, and that never rests.

Every change is told to do: nothing happens by itself. Everything follows from a seed, from the
times it is asked at, and from the order of what it is asked.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

from demo.fleet import bulk, objects
from demo.fleet.objects import Object, Owner, Pod
from demo.fleet.placement import Machine, Placement, Request
from demo.fleet.replay import Change, Delete, Put

_SIZES = (1, 2, 1, 4, 1, 2, 1, 4, 1, 8)
"""GPUs of one pod after the other; 2.5 on average."""
_DEVICES = 8
_TEAMS = 50
_TOGETHER = {True: 8, False: 5}
"""How many GPU pods (True) and other pods (False) have one owner."""
_SIDECAR_EVERY = 4
# What one change is: a container that stops or runs again; a pod that gives way to a new one,
# which is then bound and started; a node's regular word.
_STATUS, _REPLACED, _NODE = 50, 17, 33
_CRASHED = "CrashLoopBackOff"


@dataclass(slots=True)
class _Task:
    """One pod: what it asks for, where it is, how far it has come."""

    serial: int
    generation: int
    gpus: int
    node: str
    created: float
    started: float | None = None
    bound: bool = True
    restarts: int = 0

    @property
    def namespace(self) -> str:
        return f"team-{self.serial % _TEAMS}"

    @property
    def owner(self) -> Owner:
        number = self.serial // (_TOGETHER[bool(self.gpus)] * _TEAMS)
        if self.gpus:
            return Owner("batch/v1", "Job", self.namespace, f"training-run-{number}")
        return Owner("apps/v1", "ReplicaSet", self.namespace, f"service-{number}-7f9c6d5b8")

    @property
    def name(self) -> str:
        return f"{self.owner.name}-{self.serial}-{self.generation}"


@dataclass(slots=True)
class LargeFleet:
    """The fleet's state; `begin` once, then `changes` as often as wanted.

    Args:
        random: Decides everything that is decided by chance.
        nodes: How many nodes there are; each has eight GPUs.
        pods: How many pods there are.
        gpu_pods: How many of them ask for GPUs, as long as there are GPUs left.
    """

    random: random.Random
    nodes: int
    pods: int
    gpu_pods: int
    _tasks: list[_Task] = field(default_factory=list)
    _due: deque[Change] = field(default_factory=deque)
    _starting: deque[_Task] = field(default_factory=deque)
    _beats: list[int] = field(default_factory=list)
    _sentinel: Pod | None = None
    _born: float = 0.0

    def begin(self, now: float) -> Iterator[Change]:
        """Yield everything there is, at Unix time *now*."""
        self._born = now - 86_400.0
        self._beats = [0] * self.nodes
        for number in range(self.nodes):
            yield self._node(number)
        places = self._places()
        owners: set[Owner] = set()
        for serial in range(self.pods):
            # The GPU pods are spread over the fleet as they come, not all in front.
            wants = (serial + 1) * self.gpu_pods // self.pods > serial * self.gpu_pods // self.pods
            node, gpus = next(places, ("", 0)) if wants else ("", 0)
            node = node or _name(self.random.randrange(self.nodes))
            task = _Task(serial, 0, gpus, node, self._born, started=self._born + 60)
            self._tasks.append(task)
            if task.owner not in owners:
                owners.add(task.owner)
                yield Put(objects.controller(task.owner, created=self._born))
            yield _put(task)

    def changes(self, count: int, now: float) -> Iterator[Change]:
        """Yield *count* changes, at Unix time *now*."""
        for _ in range(count):
            while not self._due:
                [kind] = self.random.choices(
                    (self._restart, self._replace, self._word), (_STATUS, _REPLACED, _NODE)
                )
                self._due.extend(kind(now))
            yield self._due.popleft()

    def sentinel(self, name: str, now: float) -> Iterator[Change]:
        """Yield the changes after which one GPU pod named *name* waits, and no other so made."""
        if self._sentinel:
            yield Delete("Pod", self._sentinel.namespace, self._sentinel.name)
        self._sentinel = Pod("sentinel", name, Request(1000, 1000, 1), now)
        yield Put(objects.pod(self._sentinel, None))

    def _restart(self, now: float) -> Iterator[Change]:
        task = self.random.choice(self._tasks)
        if task.started is not None:
            task.restarts += 1
            task.started = now if task.restarts % 2 == 0 else task.started
            yield _put(task)

    def _replace(self, now: float) -> Iterator[Change]:
        if self._starting:
            task = self._starting.popleft()
            if not task.bound:
                task.bound = True
                self._starting.append(task)
            else:
                task.started = now
            yield _put(task)
            return
        at = self.random.randrange(len(self._tasks))
        old = self._tasks[at]
        new = _Task(old.serial, old.generation + 1, old.gpus, old.node, now, bound=False)
        self._tasks[at] = new
        self._starting.append(new)
        yield Delete("Pod", old.namespace, old.name)
        yield _put(new)

    def _word(self, _: float) -> Iterator[Change]:
        number = self.random.randrange(self.nodes)
        self._beats[number] += 1
        yield self._node(number)

    def _node(self, number: int) -> Change:
        machine = Machine(_name(number), 192_000, 2_000_000, _DEVICES, "NVIDIA H100 80GB HBM3")
        slim = objects.node(machine, created=self._born)
        return Put(bulk.node(slim, beat=self._beats[number]))

    def _places(self) -> Iterator[tuple[str, int]]:
        """Yield node and GPUs of one pod after the other: the first node that has room."""
        room = [_DEVICES] * self.nodes
        # Rooms only shrink, so what is before `first` has none for that size, and never will.
        first = dict.fromkeys(_SIZES, 0)
        for gpus in cycle(_SIZES):
            while first[gpus] < self.nodes and room[first[gpus]] < gpus:
                first[gpus] += 1
            if first[gpus] < self.nodes:
                room[first[gpus]] -= gpus
                yield _name(first[gpus]), gpus
            elif first[1] >= self.nodes:
                return


def _name(number: int) -> str:
    return f"gpu-node-{number:05d}"


def _put(task: _Task) -> Change:
    request = Request(16_000, 128_000, task.gpus)
    labels = {"app": task.owner.name, "team": task.namespace, "stage": "production"}
    pod = Pod(task.namespace, task.name, request, task.created, task.owner, labels)
    where = Placement(task.node, ()) if task.bound else None
    phase = "Pending" if task.started is None else "Running"
    slim: Object = objects.pod(pod, where, phase=phase, started=task.started)
    waiting = _CRASHED if task.started is not None and task.restarts % 2 else ""
    sidecar = task.serial % _SIDECAR_EVERY == 0
    return Put(bulk.pod(slim, sidecar=sidecar, restarts=task.restarts, waiting=waiting))
