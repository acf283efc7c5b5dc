"""Both uses of a trace: packed (the first rows all at once) and timeline (its own clock)."""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from demo.fleet import objects, sites
from demo.fleet.objects import Object
from demo.fleet.placement import Machine, Scheduler
from demo.fleet.trace import EPOCH, TracedPod


@dataclass(frozen=True, slots=True)
class Put:
    """An object appeared or changed."""

    content: Object


@dataclass(frozen=True, slots=True)
class Delete:
    """An object went away."""

    kind: str
    namespace: str
    name: str


Change = Put | Delete


def nodes(machines: Iterable[Machine]) -> Iterator[Change]:
    """Yield the machines as ready nodes, in a pool by model each."""
    for machine in machines:
        labels = sites.of_traced(machine).labels(0)
        yield Put(objects.node(machine, created=EPOCH, labels=labels))


def packed(machines: Iterable[Machine], pods: Iterable[TracedPod]) -> Iterator[Change]:
    """Yield nodes and pods as if all pods had arrived in file order and none had left.

    A pod that fits nowhere stays Pending. `scheduled` is ignored: all are tried.
    """
    machines = list(machines)
    yield from nodes(machines)
    scheduler = Scheduler(machines)
    for traced in pods:
        placement = scheduler.place(traced.pod.key, traced.pod.request)
        phase = "Running" if placement else "Pending"
        started = traced.pod.created if placement else None
        yield Put(objects.pod(traced.pod, placement, phase=phase, started=started))


class _Step(IntEnum):
    """What happens first within one second: room is made before it is asked for."""

    DELETED = 0
    CREATED = 1
    SCHEDULED = 2


class Timeline:
    """Replays pods on the trace's clock; it only moves forward.

    A pod exists from its creation until its deletion, and runs from the second it was scheduled at
    in the trace, provided it then fits; one that does not fit stays Pending.
    """

    def __init__(self, machines: Iterable[Machine], pods: Iterable[TracedPod]) -> None:
        self._scheduler = Scheduler(machines)
        self._alive: set[str] = set()
        order = itertools.count()
        self._steps: list[tuple[int, _Step, int, TracedPod]] = []
        for traced in pods:
            if traced.deleted <= traced.created:
                continue  # one row never exists: it is deleted in the second of its creation
            number = next(order)
            self._steps.append((traced.created, _Step.CREATED, number, traced))
            self._steps.append((traced.deleted, _Step.DELETED, number, traced))
            if traced.scheduled is not None:
                self._steps.append((traced.scheduled, _Step.SCHEDULED, number, traced))
        heapq.heapify(self._steps)

    def until(self, second: int) -> Iterator[Change]:
        """Yield what happened up to and including *second*, in order."""
        while self._steps and self._steps[0][0] <= second:
            when, step, _, traced = heapq.heappop(self._steps)
            yield from self._change(when, step, traced)

    def _change(self, when: int, step: _Step, traced: TracedPod) -> Iterator[Change]:
        pod = traced.pod
        if step is _Step.DELETED:
            self._alive.discard(pod.key)
            self._scheduler.release(pod.key)
            yield Delete("Pod", pod.namespace, pod.name)
        elif step is _Step.CREATED:
            self._alive.add(pod.key)
            yield Put(objects.pod(pod, None))
        elif pod.key in self._alive:
            placement = self._scheduler.place(pod.key, pod.request)
            if placement:
                yield Put(objects.pod(pod, placement, phase="Running", started=EPOCH + when))
