"""PCIe traffic for drivers that do not count it: a sample, for which the device must be waited for.

Off unless asked for: each direction blocks its device for 20 ms.
"""

from collections.abc import Iterator

from exporter.catalogue import PCIE_THROUGHPUT
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, each
from exporter.node.units import kilobytes

_DIRECTIONS = {"tx": 0, "rx": 1}
"""nvmlPcieUtilCounter_t."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the present rates."""
    yield from each(
        PCIE_THROUGHPUT,
        {
            way: kilobytes(device.ask("PcieThroughput", number))
            for way, number in _DIRECTIONS.items()
        },
    )


COLLECTOR = Collector(
    "pcie_throughput",
    "PCIe traffic by samples of 20 ms, for which the device is waited for",
    (Part(Group.MEDIUM, collect),),
    default=False,
)
