"""How busy a device is. Devices in MIG mode have no such figure as a whole."""

from collections.abc import Iterator

from exporter.catalogue import MEMORY_COPY_UTILIZATION, UTILIZATION
from exporter.node.driver import Device
from exporter.node.reading import Reading, single


def collect(device: Device) -> Iterator[Reading]:
    """Yield the shares of time in which kernels ran and memory was accessed."""
    utilization = device.utilization()
    yield from single(UTILIZATION, utilization.kernels)
    yield from single(MEMORY_COPY_UTILIZATION, utilization.memory_copies)
