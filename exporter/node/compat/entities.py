"""Devices and their MIG instances, as dcgm-exporter labels them, with their readings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from exporter.catalogue import DEVICE, DEVICE_INFO, DRIVER_INFO
from exporter.catalogue.dcgm import Generation
from exporter.node.compat.finding import FAMILIES, INSTANCE, Labels, Readings, own_labels
from exporter.node.compat.history import History
from exporter.node.holding import Held, Holder
from exporter.node.reading import Reading, Sample
from exporter.node.snapshot import DeviceView, Snapshot

_INSTANCE_INFO = "gpu_instance_info"
_IDENTITY = ("gpu", "UUID", "pci_bus_id", "device", "modelName", "GPU_I_PROFILE", "GPU_I_ID")
_HOLDER = ("container", "namespace", "pod", "pod_uid", "vgpu", "hpc_job")
_CLAIM = ("dra_claim_name", "dra_claim_namespace")
_NOBODY = Holder("", "", "", "")
_ByFamily = dict[str, list[tuple[Labels, float]]]
_INFO = own_labels(DEVICE_INFO)
_MODEL, _BUS = _INFO.index("model"), _INFO.index("pci_bus_id")


def base_labels(generation: Generation, label_rows: Sequence[str]) -> Labels:
    """Return the labels of every metric, in dcgm-exporter's order."""
    host = "Hostname" if generation is Generation.OLD else "hostname"
    return (*_IDENTITY, host, *label_rows, *_HOLDER, *_CLAIM)


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a device that several pods share is told.

    Args:
        each: Every series once per pod, with the label `vgpu`; else once, with one of the pods.
        uid: With the label `pod_uid`.
    """

    each: bool = False
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A device or a MIG instance.

    Args:
        identity: The labels up to the node's name.
        holders: The labels after the label rows, once per series that a metric has.
        readings: What is known of it.
    """

    identity: Labels
    holders: tuple[Labels, ...]
    readings: Readings


def entities(
    snapshot: Snapshot, sharing: Sharing, history: History
) -> Iterator[tuple[Entity, ...]]:
    """Yield each device that has readings, followed by its instances."""
    driver = snapshot.versions
    beside = _beside(snapshot.beside)
    for device in snapshot.devices:
        readings, instances = _sorted((*device.readings, *beside.get(device.uuid, ())))
        readings.update(history.of(device, readings))
        if driver is not None:
            versions = (driver.driver, driver.nvml, driver.cuda)
            readings[DRIVER_INFO.name] = [(versions, 1)]
        if device.readings:
            yield tuple(_entities(device, readings, instances, snapshot, sharing))


def _beside(samples: Iterable[Sample]) -> Mapping[str, Sequence[Reading]]:
    """Return what devices told of by themselves, by their UUIDs.

    Not what they told of instances: those may be gone by now, and DCGM has no such fields.
    """
    found: dict[str, list[Reading]] = {}
    for family, labels, value in samples:
        if family.labels[: len(DEVICE)] == DEVICE and INSTANCE not in family.labels:
            reading = Reading(family, value, tuple(labels[len(DEVICE) :]))
            found.setdefault(labels[0], []).append(reading)
    return found


def _entities(
    device: DeviceView,
    readings: _ByFamily,
    instances: dict[str, _ByFamily],
    snapshot: Snapshot,
    sharing: Sharing,
) -> Iterator[Entity]:
    info = next((labels for labels, _ in readings.get(DEVICE_INFO.name, ())), ("",) * len(_INFO))
    index = str(device.index)
    whole = (index, device.uuid, info[_BUS], f"nvidia{index}", info[_MODEL])
    held = snapshot.held
    yield Entity(
        (*whole, "", "", snapshot.node), _holders(held, device.uuid, None, sharing), readings
    )
    for number, of_instance in instances.items():
        yield Entity(
            (*whole, _profile(of_instance), number, snapshot.node),
            _holders(held, device.uuid, int(number), sharing),
            of_instance,
        )


def _sorted(
    readings: Sequence[Reading],
) -> tuple[_ByFamily, dict[str, _ByFamily]]:
    """Return the readings of the device by family, and those of its instances, by instance."""
    device: _ByFamily = {}
    instances: dict[str, _ByFamily] = {}
    for reading in readings:
        family, labels, into = reading.family, reading.labels, device
        if INSTANCE in family.labels:
            at = family.labels.index(INSTANCE) - len(DEVICE)
            # What can be told of a device or of a part of it names no instance where it is whole.
            into = instances.setdefault(labels[at], {}) if labels[at] else device
            labels = (*labels[:at], *labels[at + 1 :])
        into.setdefault(family.name, []).append((labels, reading.value))
    return device, instances


def _profile(readings: Readings) -> str:
    """Return what MIG calls the instance's size; its compute instances are of one profile."""
    for labels, _ in readings.get(_INSTANCE_INFO, ()):
        return labels[own_labels(FAMILIES[_INSTANCE_INFO]).index("profile")]
    return ""


def _holders(held: Held, uuid: str, instance: int | None, sharing: Sharing) -> tuple[Labels, ...]:
    key = (uuid, instance)
    holders = sorted((held.pods or {}).get(key, ()), key=_order) or [_NOBODY]
    if not sharing.each:
        holders = holders[-1:]
    jobs = held.jobs.get(key, ()) or ("",)
    # A container that holds a device in two ways is one holder all the same.
    found = (_labels(holder, job, sharing) for holder, job in product(holders, jobs))
    return tuple(dict.fromkeys(found))


def _labels(holder: Holder, job: str, sharing: Sharing) -> Labels:
    return (
        holder.container,
        holder.namespace,
        holder.pod,
        holder.uid if sharing.uid else "",
        holder.replica if sharing.each else "",
        job,
        holder.claim,
        holder.namespace if holder.claim else "",
    )


def _order(holder: Holder) -> Labels:
    return (holder.namespace, holder.pod, holder.container, holder.replica)
