"""Who holds which device, as the page needs it; `holders/` finds it out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exporter import catalogue
from exporter.node.reading import Sample
from exporter.tables import Table

DeviceKey = tuple[str, int | None]
"""UUID of a GPU and, where a MIG instance of it is meant, NVML's id of the GPU instance."""


@dataclass(frozen=True, slots=True)
class Part:
    """A MIG instance as the driver names it: what device ids are resolved with.

    Args:
        uuid: Its UUID, or the name that drivers before R470 give it.
        gpu_instance: NVML's id of the GPU instance.
        compute_instance: NVML's id of the compute instance in it.
        index: Its place among the MIG devices of its GPU; None when not known.
        pids: Processes that use it, where somebody looked.
    """

    uuid: str
    gpu_instance: int
    compute_instance: int
    index: int | None = None
    pids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """A GPU as the driver names it: what device ids are resolved with.

    Args:
        uuid: Its UUID.
        index: Its place in the driver's enumeration.
        minor: The number of its device file; None when not known.
        parts: Its MIG instances.
        pids: Processes that use it or a part of it; None when nobody knows.
    """

    uuid: str
    index: int
    minor: int | None = None
    parts: tuple[Part, ...] = ()
    pids: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A container that holds a device; an unknown text is empty.

    Args:
        namespace: Its pod's namespace.
        pod: Its pod.
        container: Its name.
        resource: What it asked for: `nvidia.com/gpu`, or the DRA driver that serves its claim.
        replica: Which share it has of a device that is shared.
        claim: The ResourceClaim by which it holds it.
        source: Who says so: podresources, dra, process.
        uid: Its pod's UID.
    """

    namespace: str = ""
    pod: str = ""
    container: str = ""
    resource: str = ""
    replica: str = ""
    claim: str = ""
    source: str = "podresources"
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known now.

    Args:
        pods: Holders by device; None while nobody can tell.
        allocated: Whether a pod holds the GPU or a part of it, by UUID; one that is left out may
            be held or free.
        jobs: Batch jobs by device.
        own: What is to be published of the search itself.
        tables: What the landing page shows of it.
    """

    pods: Mapping[DeviceKey, tuple[Holder, ...]] | None = None
    allocated: Mapping[str, bool] = field(default_factory=dict)
    jobs: Mapping[DeviceKey, tuple[str, ...]] = field(default_factory=dict)
    own: tuple[Sample, ...] = ()
    tables: tuple[Table, ...] = ()


class Holders(Protocol):
    """Finds out who holds what, in the background."""

    @property
    def asks_for_processes(self) -> bool:
        """Whether it is to be told which processes use the devices."""

    def start(self) -> None:
        """Begin to look."""

    def stop(self) -> None:
        """Look no more."""

    def held(self, places: Sequence[Place]) -> Held:
        """Return what was found last, told in terms of these devices; never waits."""


def samples(held: Held, places: Sequence[Place], node: str) -> Iterator[Sample]:
    """Yield everything there is to publish of who holds what."""
    devices = {place.uuid: (place.uuid, str(place.index), node) for place in places}
    for (uuid, instance), holders in (held.pods or {}).items():
        for holder in holders:
            yield catalogue.DEVICE_POD, (*devices[uuid], _number(instance), *_told(holder)), 1
    for uuid, is_held in held.allocated.items():
        yield catalogue.DEVICE_ALLOCATED, devices[uuid], is_held
    for (uuid, instance), jobs in held.jobs.items():
        for job in jobs:
            yield catalogue.DEVICE_JOB, (*devices[uuid], _number(instance), job), 1
    yield from held.own


def _told(holder: Holder) -> tuple[str, ...]:
    return (
        holder.namespace,
        holder.pod,
        holder.uid,
        holder.container,
        holder.resource,
        holder.replica,
        holder.claim,
        holder.source,
    )


def _number(instance: int | None) -> str:
    return "" if instance is None else str(instance)
