"""How fast a device's own fans turn; one that is cooled by its chassis has none."""

from collections.abc import Iterator

from exporter.catalogue import FAN_RPM, FAN_SPEED
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each
from exporter.node.units import drive, few, within


def collect(device: Device) -> Iterator[Reading]:
    """Yield each fan's speed, as a share and as measured."""
    number = device.ask("NumFans")
    if number is None:
        # Before driver 510 all fans have one figure.
        yield from each(FAN_SPEED, {"0": drive(device.ask("FanSpeed"))})
        return
    asked = Gathering(device)
    fans = range(few(number))
    yield from each(FAN_SPEED, {str(fan): drive(asked.ask("FanSpeed_v2", fan)) for fan in fans})
    yield from each(
        FAN_RPM, {str(fan): within(asked.ask("FanSpeedRPM", fan), 0, 1e5) for fan in fans}
    )
    asked.settle()


COLLECTOR = Collector("fans", "speed of a device's own fans", (Part(Group.MEDIUM, collect),))
