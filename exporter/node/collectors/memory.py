"""How a device's memory is used."""

from collections.abc import Iterator

from exporter.catalogue import MEMORY_FREE, MEMORY_RESERVED, MEMORY_TOTAL, MEMORY_USED
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, single
from exporter.node.units import size


def collect(device: Device) -> Iterator[Reading]:
    """Yield total memory and its parts; total = used + free + reserved.

    Drivers before 510 count what is reserved as used.
    """
    info = device.ask("MemoryInfo_v2")
    if info is None:
        info = device.ask("MemoryInfo")
    if info is not None:
        yield from single(MEMORY_TOTAL, size(info.total))
        yield from single(MEMORY_USED, size(info.used))
        yield from single(MEMORY_FREE, size(info.free))
        yield from single(MEMORY_RESERVED, size(getattr(info, "reserved", None)))


COLLECTOR = Collector("memory", "how memory is used", (Part(Group.FAST, collect),))
