"""How the window into a device's memory is used: peers and the CPU reach it through BAR1."""

from collections.abc import Iterator

from exporter.catalogue import BAR1_FREE, BAR1_TOTAL, BAR1_USED
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, single
from exporter.node.units import size


def collect(device: Device) -> Iterator[Reading]:
    """Yield the window and its parts; total = used + free."""
    info = device.ask("BAR1MemoryInfo")
    if info is not None:
        yield from single(BAR1_TOTAL, size(info.bar1Total))
        yield from single(BAR1_USED, size(info.bar1Used))
        yield from single(BAR1_FREE, size(info.bar1Free))


COLLECTOR = Collector("bar1", "the window into device memory", (Part(Group.MEDIUM, collect),))
