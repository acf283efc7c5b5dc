"""How much power a device draws, and how much it may."""

from collections.abc import Iterator

from exporter.catalogue import POWER, POWER_LIMIT
from exporter.node.driver import Device
from exporter.node.reading import Reading, each, single


def collect(device: Device) -> Iterator[Reading]:
    """Yield the power and the limits."""
    yield from single(POWER, device.power())
    yield from each(POWER_LIMIT, device.power_limits())
