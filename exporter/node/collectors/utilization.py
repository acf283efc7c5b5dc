"""How busy a device is. Devices in MIG mode have no such figure as a whole."""

from collections.abc import Iterator

from exporter.catalogue import MEMORY_COPY_UTILIZATION, UTILIZATION
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, single
from exporter.node.units import ratio


def collect(device: Device) -> Iterator[Reading]:
    """Yield the shares of time in which kernels ran and memory was accessed."""
    rates = device.ask("UtilizationRates")
    if rates is not None:
        yield from single(UTILIZATION, ratio(rates.gpu))
        yield from single(MEMORY_COPY_UTILIZATION, ratio(rates.memory))


COLLECTOR = Collector("utilization", "how busy chip and memory are", (Part(Group.FAST, collect),))
