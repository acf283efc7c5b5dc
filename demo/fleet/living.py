"""A generated fleet that lives: workloads arrive, wait, start, end; at times a node is cordoned.

Everything follows from a seed and from the times it is asked at.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from demo.fleet import objects, sites
from demo.fleet.hosts import Work
from demo.fleet.kubelets import Hold
from demo.fleet.objects import Owner, Pod
from demo.fleet.placement import WHOLE, Machine, Placement, Request, Scheduler
from demo.fleet.replay import Change, Delete, Put
from demo.fleet.residents import RESIDENTS, Resident

_H100 = "NVIDIA H100 80GB HBM3"
_CUT = {"gpu-h100-16": 3}
"""Devices that are cut by MIG, the first so many of a node."""
_FULL = 0.92
"""Share of all GPUs that is asked for: high enough that some pods wait for large blocks."""
_CORDONED_SECONDS = (60.0, 240.0)
_CORDON_CHANCE = 1 / 120  # a second
_STARTUP_SECONDS = (2.0, 8.0)
_REMAINS_SECONDS = 20.0
_SERVED = frozenset({"Job", "ReplicaSet", "StatefulSet"})
"""Owners that the API server shows; an operator's own kinds are only referred to."""


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of workload: who owns it, how many pods of which size, for how long, how busy."""

    namespace: str
    api_version: str
    kind: str
    name: str
    pods: tuple[int, int]
    request: Request
    seconds: tuple[float, float]
    busy: float
    weight: int


TEMPLATES = (
    Template(
        "ml-team", "batch/v1", "Job", "training-job", (1, 4),
        Request(64_000, 512_000, 8), (300, 1500), 0.9, 3,
    ),
    Template(
        "research", "kubeflow.org/v1", "PyTorchJob", "finetune", (2, 4),
        Request(32_000, 256_000, 4), (240, 900), 0.8, 3,
    ),
    Template(
        "inference", "apps/v1", "Deployment", "llm-server", (2, 6),
        Request(8_000, 64_000, 1), (600, 3000), 0.45, 4,
    ),
    Template(
        "batch", "batch/v1", "Job", "embed", (1, 3),
        Request(16_000, 64_000, 2), (60, 300), 0.7, 4,
    ),
    Template(
        "notebooks", "apps/v1", "StatefulSet", "notebook", (1, 1),
        Request(4_000, 32_000, 1, WHOLE // 2), (300, 2400), 0.05, 3,
    ),
    Template(
        "data", "batch/v1", "Job", "features", (1, 2),
        Request(12_000, 48_000), (120, 600), 0.6, 2,
    ),
)  # fmt: skip


def machines() -> list[Machine]:
    """Return the fleet's 40 nodes with 300 GPUs, and 4 without any.

    Those come first: work that needs no GPU takes them before it takes a GPU node. Then comes the
    node with devices that are cut by MIG: what asks for half a GPU goes there while there is room.
    """
    return [
        *(Machine(f"cpu-{index:02d}", 64_000, 256_000, 0, "") for index in range(4)),
        *(_machine("h100", index, 8, _H100) for index in (16, *range(16), *range(17, 20))),
        *(_machine("a100", index, 8, "NVIDIA A100-SXM4-80GB") for index in range(15)),
        *(_machine("t4", index, 4, "Tesla T4") for index in range(5)),
    ]


def _machine(kind: str, index: int, gpus: int, model: str) -> Machine:
    name = f"gpu-{kind}-{index:02d}"
    return Machine(name, 192_000, 2_000_000, gpus, model, _CUT.get(name, 0))


@dataclass(slots=True)
class _Life:
    """One pod on its way; `until` is when the present stage ends (infinite while it waits)."""

    pod: Pod
    busy: float
    seconds: float
    stage: str = "Pending"
    until: float = float("inf")
    placement: Placement | None = None
    started: float | None = None


@dataclass(slots=True)
class LivingFleet:
    """The fleet's state; `begin` once, then `tick` as often as wanted.

    Args:
        random: Decides everything that is decided by chance.
    """

    random: random.Random
    machines: list[Machine] = field(default_factory=machines)
    _scheduler: Scheduler = field(init=False)
    _lives: dict[str, _Life] = field(default_factory=dict)
    _cordoned: dict[str, float] = field(default_factory=dict)
    _born: float = 0.0
    _serial: int = 0
    _now: float = 0.0

    def __post_init__(self) -> None:
        self._scheduler = Scheduler(self.machines)

    def begin(self, now: float) -> Iterator[Change]:
        """Yield the nodes, and workloads that are already under way, at Unix time *now*."""
        self._born, self._now = now - 86_400.0, now
        for machine in self.machines:
            yield self._node(machine)
        yield from self._arrivals(now)
        for life in self._lives.values():
            started = now - self.random.uniform(0, 0.9) * life.seconds
            life.pod = replace(life.pod, created=started - _STARTUP_SECONDS[1])
            yield from self._place(life, now)
            if life.placement:
                yield self._run(life, started)
        for resident in RESIDENTS:
            yield from self._reside(resident, now)

    def tick(self, now: float) -> Iterator[Change]:
        """Yield what happened since the last call, at Unix time *now*."""
        elapsed, self._now = now - self._now, now
        yield from self._incidents(now, elapsed)
        for life in list(self._lives.values()):
            yield from self._advance(life, now)
        yield from self._arrivals(now)

    def cordon(self, node: str, *, cordoned: bool) -> None:
        """Take notice that a node is cordoned or not; by hand it stays so until it is undone."""
        if cordoned and node not in self._cordoned:
            self._cordoned[node] = float("inf")
            self._scheduler.close(node)
        elif not cordoned and node in self._cordoned:
            del self._cordoned[node]
            self._scheduler.open(node)

    def busy_devices(self) -> dict[str, list[float]]:
        """Return how busy each device of each node is kept, from 0 to 1."""
        loads = {machine.name: [0.0] * machine.gpus for machine in self.machines}
        for life in self._lives.values():
            if life.stage == "Running" and life.placement:
                for device in life.placement.devices:
                    loads[life.placement.node][device] = max(
                        loads[life.placement.node][device], life.busy
                    )
        return loads

    def work(self) -> Iterator[Work]:
        """Yield the pods that run now."""
        for life in self._lives.values():
            if life.stage == "Running" and life.placement:
                yield Work(life.placement.node, life.pod.request, life.busy)

    def device_of(self, pod: str) -> tuple[str, int] | None:
        """Return node and index of the first device that a pod, `NAMESPACE/NAME`, has got."""
        life = self._lives.get(pod)
        if life and life.placement and life.placement.devices:
            return life.placement.node, life.placement.devices[0]
        return None

    def held(self) -> Iterator[Hold]:
        """Yield the pods that hold devices now: from when a node was chosen until they end."""
        for life in self._lives.values():
            if life.stage != "Succeeded" and life.placement and life.placement.devices:
                pod = life.pod
                yield Hold(pod.namespace, pod.name, life.placement, pod.request.gpu_milli)

    # --- pods ---

    def _arrivals(self, now: float) -> Iterator[Change]:
        wanted = _FULL * sum(machine.gpus for machine in self.machines)
        while self._demand() < wanted:
            [template] = self.random.choices(TEMPLATES, [each.weight for each in TEMPLATES])
            yield from self._submit(template, now)

    def _demand(self) -> float:
        return sum(
            life.pod.request.gpus * life.pod.request.gpu_milli / WHOLE
            for life in self._lives.values()
            if life.stage != "Succeeded"
        )

    def _submit(self, template: Template, now: float) -> Iterator[Change]:
        self._serial += 1
        name = f"{template.name}-{self._serial}"
        above = Owner(template.api_version, template.kind, template.namespace, name)
        owner, labels = above, {"app": template.name}
        if template.kind == "Deployment":
            digest = f"{self.random.getrandbits(32):08x}"
            owner = Owner("apps/v1", "ReplicaSet", template.namespace, f"{name}-{digest}")
            labels["pod-template-hash"] = digest
        if owner.kind in _SERVED:
            yield Put(
                objects.controller(owner, created=now, above=None if owner is above else above)
            )
        seconds = self.random.uniform(*template.seconds)
        for index in range(self.random.randint(*template.pods)):
            pod = Pod(
                template.namespace, f"{owner.name}-{index}", template.request, now, owner, labels
            )
            life = _Life(pod, template.busy, seconds * self.random.uniform(0.9, 1.1))
            self._lives[pod.key] = life
            yield Put(objects.pod(pod, None))

    def _reside(self, resident: Resident, now: float) -> Iterator[Change]:
        pod = resident.pod(created=now - resident.age)
        yield Put(objects.controller(resident.owner, created=pod.created))
        life = self._lives[pod.key] = _Life(pod, resident.busy, float("inf"))
        yield Put(objects.pod(pod, None))
        yield from self._place(life, now)
        if life.placement:
            yield self._run(life, pod.created + _STARTUP_SECONDS[1])

    def _advance(self, life: _Life, now: float) -> Iterator[Change]:
        if life.placement is None and life.stage == "Pending":
            yield from self._place(life, now)
        elif now >= life.until:
            yield from self._next_stage(life, now)

    def _place(self, life: _Life, now: float) -> Iterator[Change]:
        life.placement = self._scheduler.place(life.pod.key, life.pod.request)
        if life.placement:
            life.until = now + self.random.uniform(*_STARTUP_SECONDS)
            yield Put(objects.pod(life.pod, life.placement))

    def _next_stage(self, life: _Life, now: float) -> Iterator[Change]:
        if life.stage == "Pending":
            yield self._run(life, now)
        elif life.stage == "Running":
            life.stage, life.until = "Succeeded", now + _REMAINS_SECONDS
            self._scheduler.release(life.pod.key)
            yield Put(
                objects.pod(life.pod, life.placement, phase="Succeeded", started=life.started)
            )
        else:
            yield from self._remove(life)

    def _run(self, life: _Life, started: float) -> Change:
        life.stage, life.started, life.until = "Running", started, started + life.seconds
        return Put(objects.pod(life.pod, life.placement, phase="Running", started=started))

    def _remove(self, life: _Life) -> Iterator[Change]:
        pod = life.pod
        del self._lives[pod.key]
        yield Delete("Pod", pod.namespace, pod.name)
        siblings = (other.pod.owner for other in self._lives.values())
        if pod.owner and pod.owner.kind in _SERVED and pod.owner not in siblings:
            yield Delete(pod.owner.kind, pod.namespace, pod.owner.name)

    # --- nodes ---

    def _incidents(self, now: float, elapsed: float) -> Iterator[Change]:
        by_name = {machine.name: machine for machine in self.machines}
        for name in [name for name, until in self._cordoned.items() if now >= until]:
            del self._cordoned[name]
            self._scheduler.open(name)
            yield self._node(by_name[name])
        if self.random.random() < elapsed * _CORDON_CHANCE:
            name = self.random.choice(list(by_name))
            if name in self._cordoned:
                return
            self._cordoned[name] = now + self.random.uniform(*_CORDONED_SECONDS)
            self._scheduler.close(name)
            yield self._node(by_name[name])

    def _node(self, machine: Machine) -> Change:
        site, number = sites.of_living(machine)
        return Put(
            objects.node(
                machine,
                created=self._born,
                cordoned=machine.name in self._cordoned,
                labels=site.labels(number),
                provider_id=site.provider_id(machine.name, number),
            )
        )
