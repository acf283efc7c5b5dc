"""How a device's memory is used."""

from collections.abc import Iterator

from exporter.catalogue import MEMORY_FREE, MEMORY_RESERVED, MEMORY_TOTAL, MEMORY_USED
from exporter.node.driver import Device
from exporter.node.reading import Reading, single


def collect(device: Device) -> Iterator[Reading]:
    """Yield total memory and its parts; total = used + free + reserved."""
    memory = device.memory()
    yield from single(MEMORY_TOTAL, memory.total)
    yield from single(MEMORY_USED, memory.used)
    yield from single(MEMORY_FREE, memory.free)
    yield from single(MEMORY_RESERVED, memory.reserved)
