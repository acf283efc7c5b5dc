"""All collectors, and one run of them over one device."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from exporter.errors import DeviceDown, DeviceError, DriverUnavailable
from exporter.node import clocks, energy, identity, memory, power, temperature, utilization
from exporter.node.driver import Device
from exporter.node.reading import Reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collector:
    """A file of this folder; *name* is also its flag and its value of the label `collector`."""

    name: str
    collect: Callable[[Device], Iterator[Reading]]


COLLECTORS = (
    Collector("identity", identity.collect),
    Collector("utilization", utilization.collect),
    Collector("memory", memory.collect),
    Collector("temperature", temperature.collect),
    Collector("power", power.collect),
    Collector("energy", energy.collect),
    Collector("clocks", clocks.collect),
)
"""In the order of a scrape."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one collector fared on one device: seconds it took, and what it failed with."""

    collector: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one run over a device found.

    Args:
        began: When, by the monotonic clock.
        readings: Every value; none when the device is down.
        outcomes: One per collector that ran.
        down: Why the device refuses to be read; None when it does not.
    """

    began: float
    readings: tuple[Reading, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    down: str | None = None


def run(device: Device, collectors: Iterable[Collector], clock: Callable[[], float]) -> Run:
    """Read one device with every collector; a failing one costs only its own samples.

    Raises:
        DriverUnavailable: When the driver as a whole does not answer.
    """
    began = clock()
    readings: list[Reading] = []
    outcomes: list[Outcome] = []
    for collector in collectors:
        start = clock()
        try:
            error = _collect(device, collector, readings)
        except DeviceDown as down:
            return Run(began, outcomes=tuple(outcomes), down=down.reason)
        outcomes.append(Outcome(collector.name, clock() - start, error))
    return Run(began, tuple(readings), tuple(outcomes))


def _collect(device: Device, collector: Collector, readings: list[Reading]) -> str | None:
    """Append what the collector yields, also when it fails halfway; return what it failed with."""
    try:
        for reading in collector.collect(device):
            readings.append(reading)  # noqa: PERF402 - what came before a failure is kept
    except (DeviceDown, DriverUnavailable):
        raise
    except DeviceError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a collector's defect costs only its own samples
        _log.exception("collector %s failed on %s", collector.name, device.uuid)
        return repr(error)
    return None


def enabled(names: Sequence[str]) -> tuple[Collector, ...]:
    """Return the collectors of these names, in the order of a scrape."""
    return tuple(collector for collector in COLLECTORS if collector.name in names)
