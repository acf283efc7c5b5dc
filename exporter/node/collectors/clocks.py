"""How fast a device runs, and how fast it can."""

from collections.abc import Iterator

from exporter.catalogue import CLOCK, CLOCK_MAX
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each
from exporter.node.units import hertz

_DOMAINS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
"""nvmlClockType_t."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the present frequency of every clock domain."""
    asked = Gathering(device)
    yield from each(
        CLOCK, {name: hertz(asked.ask("ClockInfo", number)) for name, number in _DOMAINS.items()}
    )
    asked.settle()


def highest(device: Device) -> Iterator[Reading]:
    """Yield the highest frequency of every clock domain."""
    asked = Gathering(device)
    yield from each(
        CLOCK_MAX,
        {name: hertz(asked.ask("MaxClockInfo", number)) for name, number in _DOMAINS.items()},
    )
    asked.settle()


COLLECTOR = Collector(
    "clocks", "present and highest clocks", (Part(Group.FAST, collect), Part(Group.SLOW, highest))
)
