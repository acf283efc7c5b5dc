"""How the units of a device were used since the reading before, by its performance monitors.

Hopper and later. What it costs is two samples that the driver keeps; nothing waits for them.
"""

from collections.abc import Iterator, Mapping

from exporter.catalogue import (
    DRAM_ACTIVE,
    FP16_ACTIVE,
    FP32_ACTIVE,
    FP64_ACTIVE,
    GRAPHICS_ACTIVE,
    INSTANCE_DRAM_ACTIVE,
    INSTANCE_FP16_ACTIVE,
    INSTANCE_FP32_ACTIVE,
    INSTANCE_FP64_ACTIVE,
    INSTANCE_GRAPHICS_ACTIVE,
    INSTANCE_INTEGER_ACTIVE,
    INSTANCE_SM_ACTIVE,
    INSTANCE_SM_OCCUPANCY,
    INSTANCE_TENSOR_ACTIVE,
    INSTANCE_TENSOR_PIPE_ACTIVE,
    INTEGER_ACTIVE,
    PROFILED_NVLINK,
    PROFILED_PCIE,
    SM_ACTIVE,
    SM_OCCUPANCY,
    TENSOR_ACTIVE,
    TENSOR_PIPE_ACTIVE,
    Family,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.gathering import Gathering
from exporter.node.instances import Members, apart
from exporter.node.reading import Reading, each, single
from exporter.node.units import rate, share

_RATIOS = {
    1: (GRAPHICS_ACTIVE, INSTANCE_GRAPHICS_ACTIVE),
    2: (SM_ACTIVE, INSTANCE_SM_ACTIVE),
    3: (SM_OCCUPANCY, INSTANCE_SM_OCCUPANCY),
    4: (INTEGER_ACTIVE, INSTANCE_INTEGER_ACTIVE),
    5: (TENSOR_ACTIVE, INSTANCE_TENSOR_ACTIVE),
    10: (DRAM_ACTIVE, INSTANCE_DRAM_ACTIVE),
    11: (FP64_ACTIVE, INSTANCE_FP64_ACTIVE),
    12: (FP32_ACTIVE, INSTANCE_FP32_ACTIVE),
    13: (FP16_ACTIVE, INSTANCE_FP16_ACTIVE),
}
"""By nvmlGpmMetricId_t: the family of the device and that of a GPU instance."""

_PIPES = {"dfma": 6, "hmma": 7, "dmma": 8, "imma": 9}
_RATES = {PROFILED_PCIE: {"tx": 20, "rx": 21}, PROFILED_NVLINK: {"rx": 60, "tx": 61}}
_OF_INSTANCES = (*_RATIOS, *_PIPES.values())
_OF_DEVICES = (*_OF_INSTANCES, *(id_ for ids in _RATES.values() for id_ in ids.values()))


def collect(device: Device) -> Iterator[Reading]:
    """Yield averages since the reading before, of the device and of each GPU instance."""
    asked = Gathering(device)
    found = asked.attempt(lambda: device.profile(_OF_DEVICES)) or {}
    families = {metric: whole for metric, (whole, _) in _RATIOS.items()}
    yield from _shares(found, families, TENSOR_PIPE_ACTIVE)
    for family, ids in _RATES.items():
        yield from each(family, {word: rate(found.get(id_)) for word, id_ in ids.items()})
    # They can tell of themselves where the whole cannot, as with MIG on.
    yield from apart(device.instances(), _of_instance)
    asked.settle()


def _of_instance(label: str, members: Members) -> Iterator[Reading]:
    families = {metric: part for metric, (_, part) in _RATIOS.items()}
    # Its compute instances share one stream of samples: whichever asks speaks for all.
    found = members[0].profile(_OF_INSTANCES)
    yield from _shares(found, families, INSTANCE_TENSOR_PIPE_ACTIVE, label)


def _shares(
    found: Mapping[int, float], families: Mapping[int, Family], pipes: Family, *labels: str
) -> Iterator[Reading]:
    for metric, family in families.items():
        yield from single(family, share(found.get(metric)), *labels)
    yield from each(pipes, {word: share(found.get(id_)) for word, id_ in _PIPES.items()}, *labels)


COLLECTOR = Collector(
    "profiling", "activity of SMs, tensor cores, memory, links (GPM)", (Part(Group.FAST, collect),)
)
