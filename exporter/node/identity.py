"""Who a device is: the join partner of all its other series."""

from collections.abc import Iterator
from dataclasses import astuple

from exporter.catalogue import DEVICE_INFO
from exporter.node.driver import Device
from exporter.node.reading import Reading


def collect(device: Device) -> Iterator[Reading]:
    """Yield the device's identity; its fields stand in the order of the family's labels."""
    yield Reading(DEVICE_INFO, 1, astuple(device.identity()))
