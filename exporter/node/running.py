"""One run of collectors over one device."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.errors import DeviceDown, DeviceError, DriverUnavailable
from exporter.node.asking import Device, Instance, Tally
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi
from exporter.node.processes import pids
from exporter.node.reading import Reading

_log = logging.getLogger(__name__)

_INSTANCE = "gpu_instance"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one collector fared on one device.

    Args:
        collector: Its name.
        seconds: Time it took.
        error: What it failed with.
        unsupported: What the device or its driver does not have, in NVML's words.
        defect: What it raised that no collector should, for its traceback.
    """

    collector: str
    seconds: float
    error: str | None = None
    unsupported: tuple[str, ...] = ()
    defect: Exception | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one run over a device found.

    Args:
        group: What was read.
        began: When, by the monotonic clock.
        readings: Every value; none when the device is down.
        outcomes: One per collector that ran.
        down: Why the device refuses to be read; None when it does not.
        calls: What was called in the driver, by function.
        latencies: How long the driver took for each field, in seconds.
        instances: The device's MIG instances; None when it did not tell.
        pids: Processes by GPU instance, None where there is none; empty unless they were asked for.
    """

    group: Group
    began: float
    readings: tuple[Reading, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    down: str | None = None
    calls: Mapping[str, Tally] = field(default_factory=dict)
    latencies: Mapping[Fi, float] = field(default_factory=dict)
    instances: tuple[Instance, ...] | None = None
    pids: Mapping[int | None, frozenset[int]] = field(default_factory=dict)

    def of_the_whole(self) -> "Run":
        """Return what is said of the device, without what is said of its instances."""
        whole = (each for each in self.readings if _INSTANCE not in each.family.labels)
        return replace(self, readings=tuple(whole), pids={})


def run(
    device: Device,
    collectors: Sequence[Collector],
    group: Group,
    clock: Callable[[], float],
    *,
    processes: bool = False,
) -> Run:
    """Read one group of one device; a failing collector costs only its own samples.

    Args:
        device: What is read.
        collectors: What reads.
        group: Which of their parts.
        clock: The monotonic clock.
        processes: Whether to ask, with the group MEDIUM, which processes use the device.

    Raises:
        DriverUnavailable: When the driver as a whole does not answer.
    """
    before = _instances(device)
    found = _run(device, collectors, group, clock)
    # What follows is taken along here, where nobody else uses the device.
    if found.down is None and processes and group is Group.MEDIUM:
        found = _with_users(found, device)
    instances = None if found.down else _instances(device, check=True)
    if instances is None or instances != before:
        # Made anew meanwhile, an instance may have answered in the name of the one before.
        found = found.of_the_whole()
    return replace(
        found,
        instances=instances,
        calls=device.tallies(),
        latencies=dict(device.latencies()),
    )


def _run(
    device: Device, collectors: Sequence[Collector], group: Group, clock: Callable[[], float]
) -> Run:
    began = clock()
    readings: list[Reading] = []
    outcomes: list[Outcome] = []
    parts = [(each, part) for each in collectors for part in each.parts if part.group is group]
    try:
        _fetch(device, [part for _, part in parts])
        for collector, part in parts:
            start = clock()
            error, defect = _collect(device, part, readings)
            missed = tuple(device.missed())
            outcomes.append(Outcome(collector.name, clock() - start, error, missed, defect))
    except DeviceDown as down:
        return Run(group, began, outcomes=tuple(outcomes), down=down.reason)
    return Run(group, began, tuple(readings), tuple(outcomes))


def _instances(device: Device, *, check: bool = False) -> tuple[Instance, ...] | None:
    """Return the device's MIG instances, None when it does not tell."""
    try:
        return tuple(device.instances(check=check))
    except DeviceError as error:
        _log.debug("instances of %s: %s", device.uuid, error)
        return None
    finally:
        # No collector has asked for these.
        device.missed()


def _with_users(found: Run, device: Device) -> Run:
    """Return the same with the processes of the device."""
    try:
        return replace(found, pids=pids(device))
    except DeviceError as error:
        _log.debug("processes of %s: %s", device.uuid, error)
        return found
    finally:
        # No collector has asked for these.
        device.missed()


def _fetch(device: Device, parts: Sequence[Part]) -> None:
    """Bring the fields of all parts in one call; each asks for its own where that fails."""
    fields = dict.fromkeys(key for part in parts for key in part.fields)
    if fields:
        try:
            device.fetch(fields)
        except (DeviceDown, DriverUnavailable):
            raise
        except DeviceError as error:
            _log.debug("fields of %s: %s", device.uuid, error)


def _collect(
    device: Device, part: Part, readings: list[Reading]
) -> tuple[str | None, Exception | None]:
    """Append what is collected, also when it fails halfway; return what it failed with."""
    try:
        for reading in part.collect(device):
            readings.append(reading)  # noqa: PERF402 - what came before a failure is kept
    except (DeviceDown, DriverUnavailable):
        raise
    except DeviceError as error:
        return str(error), None
    except Exception as error:  # noqa: BLE001 - a collector's defect costs only its own samples
        return repr(error), error
    return None, None
