"""How fast a device runs, and how fast it can."""

from collections.abc import Iterator

from exporter.catalogue import CLOCK, CLOCK_MAX
from exporter.node.driver import Device
from exporter.node.reading import Reading, each


def collect(device: Device) -> Iterator[Reading]:
    """Yield present and highest frequency of every clock domain."""
    yield from each(CLOCK, device.clocks())
    yield from each(CLOCK_MAX, device.clocks_max())
