"""Who holds the devices: what is asked about them, and what is published of the answer."""

from collections.abc import Iterator, Sequence

from exporter.catalogue import DEVICE, DEVICE_INFO
from exporter.node import holding
from exporter.node.holding import Held, Place
from exporter.node.reading import Sample
from exporter.node.snapshot import DeviceView

_MINOR = DEVICE_INFO.labels.index("minor_number") - len(DEVICE)


def places(devices: Sequence[DeviceView]) -> list[Place]:
    """Return the devices as those who hold them are looked for."""
    return [
        Place(device.uuid, device.index, _minor(device), device.parts, device.pids)
        for device in devices
    ]


def samples(held: Held, devices: Sequence[DeviceView], node: str) -> Iterator[Sample]:
    """Yield who holds what; a device that nobody holds says so where anybody can tell."""
    yield from dict.fromkeys(holding.samples(held, places(devices), node))


def _minor(device: DeviceView) -> int | None:
    for reading in device.readings:
        if reading.family is DEVICE_INFO and reading.labels[_MINOR].isdecimal():
            return int(reading.labels[_MINOR])
    return None
