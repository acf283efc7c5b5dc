"""Which MIG instances a device is cut into, and how their memory is used."""

import math
from collections.abc import Iterator
from typing import Any

from exporter.catalogue import (
    INSTANCE_INFO,
    INSTANCE_MEMORY_FREE,
    INSTANCE_MEMORY_TOTAL,
    INSTANCE_MEMORY_USED,
    INSTANCE_MULTIPROCESSORS,
    INSTANCE_SLICES,
    MIG_MODE,
    MIG_MODE_PENDING,
)
from exporter.node.asking import Asker, Device, Instance
from exporter.node.collector import Collector, Group, Part
from exporter.node.instances import Members, apart
from exporter.node.reading import Reading, single
from exporter.node.units import count, flag, size

_GIB = 2**30
_EIGHTHS = 8
"""A device's memory is cut into so many parts."""


def find(device: Device) -> Iterator[Reading]:
    """Yield the mode, and look which instances there are, for all collectors."""
    mode = device.ask("MigMode")
    if mode is not None:
        yield from single(MIG_MODE, flag(mode[0]))
        yield from single(MIG_MODE_PENDING, flag(mode[1]))
    device.find_instances()


def collect(device: Device) -> Iterator[Reading]:
    """Yield who the instances are, each time: who is gone must not keep its name for a minute."""

    def of_one(label: str, members: Members) -> Iterator[Reading]:
        yield from _identity(device, label, members)
        # Its compute instances share its memory.
        info = _memory_info(members[0])
        if info is not None:
            yield from single(INSTANCE_MEMORY_TOTAL, size(info.total), label)
            yield from single(INSTANCE_MEMORY_USED, size(info.used), label)
            yield from single(INSTANCE_MEMORY_FREE, size(info.free), label)

    yield from apart(device.instances(), of_one)


def _identity(device: Device, label: str, members: Members) -> Iterator[Reading]:
    told = []
    for each in members:
        attributes = each.ask("Attributes_v2")
        named = _named(each) or _sized(device, attributes)
        yield Reading(INSTANCE_INFO, 1, (label, str(each.compute_instance), each.uuid, named))
        if attributes is not None:
            told.append(attributes)
    if told and len(told) == len(members):
        yield from single(INSTANCE_SLICES, count(told[0].gpuInstanceSliceCount), label)
        multiprocessors = sum(each.multiprocessorCount for each in told)
        yield from single(INSTANCE_MULTIPROCESSORS, count(multiprocessors), label)


def _named(instance: Instance) -> str:
    """Return what the driver calls it: NVIDIA H100 80GB HBM3 MIG 1g.10gb."""
    return str(instance.ask("Name") or "").partition(" MIG ")[2]


def _sized(device: Device, attributes: Any) -> str:
    info = None if attributes is None else _memory_info(device)
    whole = None if info is None else size(info.total)
    return profile(attributes, whole) if whole else ""


def profile(attributes: Any, whole: float) -> str:
    """Return the profile by its sizes: 1g.10gb, or 1c.3g.40gb for a part of a GPU instance.

    Args:
        attributes: An nvmlDeviceAttributes_t.
        whole: The device's memory, in bytes.
    """
    slices = attributes.gpuInstanceSliceCount
    computing = attributes.computeInstanceSliceCount
    share = attributes.memorySizeMB * 2**20 / whole
    eighths = math.ceil(share * _EIGHTHS) / _EIGHTHS
    gigabytes = math.floor(eighths * math.ceil(whole / _GIB) + 0.5)
    part = f"{computing}c." if computing != slices else ""
    return f"{part}{slices}g.{gigabytes}gb"


def _memory_info(asker: Asker) -> Any:
    info = asker.ask("MemoryInfo_v2")
    return info if info is not None else asker.ask("MemoryInfo")


COLLECTOR = Collector(
    "mig",
    "MIG mode and instances; without it, no collector tells of instances",
    (Part(Group.SLOW, find), Part(Group.FAST, collect)),
)
