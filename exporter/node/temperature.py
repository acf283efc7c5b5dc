"""How warm a device is."""

from collections.abc import Iterator

from exporter.catalogue import TEMPERATURE
from exporter.node.driver import Device
from exporter.node.reading import Reading, each


def collect(device: Device) -> Iterator[Reading]:
    """Yield the temperature of every sensor the device has."""
    yield from each(TEMPERATURE, device.temperatures())
