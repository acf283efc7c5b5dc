"""How hot a device is, and how hot it may become."""

from collections.abc import Iterator

from exporter.catalogue import (
    TEMPERATURE,
    TEMPERATURE_MARGIN,
    TEMPERATURE_MARGIN_THRESHOLD,
    TEMPERATURE_THRESHOLD,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import celsius, margin, warm

_GPU_SENSOR = 0
_THRESHOLDS = {"shutdown": 0, "slowdown": 1, "memory_max": 2, "gpu_max": 3, "target": 5}
"""nvmlTemperatureThresholds_t: temperatures."""

_MARGINS = {
    "shutdown": Fi.TEMPERATURE_SHUTDOWN_TLIMIT,
    "slowdown": Fi.TEMPERATURE_SLOWDOWN_TLIMIT,
    "memory_max": Fi.TEMPERATURE_MEM_MAX_TLIMIT,
    "gpu_max": Fi.TEMPERATURE_GPU_MAX_TLIMIT,
}
"""T.Limit, Ada and later: no temperatures, but what the margin is compared with."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the temperatures of the chip and, where it has a sensor, of its memory."""
    asked = Gathering(device)
    chip = asked.first(("TemperatureV", _GPU_SENSOR), ("Temperature", _GPU_SENSOR))
    memory = asked.field(Fi.MEMORY_TEMP)
    yield from each(TEMPERATURE, {"gpu": celsius(chip), "memory": warm(memory)})
    yield from single(TEMPERATURE_MARGIN, margin(asked.ask("MarginTemperature")))
    asked.settle()


def thresholds(device: Device) -> Iterator[Reading]:
    """Yield at which temperatures, or at which margins, something happens."""
    asked = Gathering(device)
    yield from each(
        TEMPERATURE_THRESHOLD,
        {
            name: warm(asked.ask("TemperatureThreshold", number))
            for name, number in _THRESHOLDS.items()
        },
    )
    yield from each(
        TEMPERATURE_MARGIN_THRESHOLD,
        {name: margin(asked.field(field)) for name, field in _MARGINS.items()},
    )
    asked.settle()


COLLECTOR = Collector(
    "temperature",
    "temperatures of chip and memory, and their thresholds",
    (
        Part(Group.FAST, collect, keys(Fi.MEMORY_TEMP)),
        Part(Group.SLOW, thresholds, keys(*_MARGINS.values())),
    ),
)
