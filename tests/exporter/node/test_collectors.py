"""Promises of the collectors: from a device to readings, without driver, thread or clock."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporter import catalogue
from exporter.errors import DeviceDown, DeviceError, DriverUnavailable
from exporter.node import collectors
from exporter.node.asking import Device, Instance
from exporter.node.collector import Collector, Group, Part
from exporter.node.collectors import COLLECTORS, enabled
from exporter.node.reading import Reading
from exporter.node.running import Outcome, run
from exporter.node.snapshot import merged
from tests.support.fake_driver import FakeDevice, FakeInstance

DEVICE = FakeDevice("GPU-a")

WITHOUT = (
    *("xid", "recovery", "ecc", "sram_ecc", "remapped_rows", "retired_pages", "fabric"),
    *("nvlink", "nvlink_fec", "c2c", "p2p", "vgpu"),
)
"""What the old device has nothing of."""

EXPECTED = {
    "mig": [],
    "profiling": [],
    "processes": [],
    "process_details": [],
    "accounting": [],
    "identity": [Reading(catalogue.DEVICE_INFO, 1, ("Fake", "", "", "", "", "", ""))],
    "utilization": [Reading(catalogue.UTILIZATION, 0.5)],
    "memory": [
        Reading(catalogue.MEMORY_TOTAL, 100),
        Reading(catalogue.MEMORY_USED, 60),
        Reading(catalogue.MEMORY_FREE, 40),
    ],
    "temperature": [Reading(catalogue.TEMPERATURE, 40, ("gpu",))],
    "power": [
        Reading(catalogue.POWER, 100),
        Reading(catalogue.POWER_LIMIT, 50, ("min",)),
        Reading(catalogue.POWER_LIMIT, 150, ("max",)),
    ],
    "clocks": [
        Reading(catalogue.CLOCK, 1e9, ("sm",)),
        Reading(catalogue.CLOCK_MAX, 2e9, ("sm",)),
    ],
}


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: str(collector.name))
def test_each_collector(collector: Collector) -> None:
    """Each collector yields what an old device has, and nothing for what it has not."""
    assert EXPECTED.get(collector.name, []) == [
        reading for part in collector.parts for reading in part.collect(DEVICE)
    ]


def test_a_collector_is_found_by_its_name() -> None:
    """A collector's name is the name of the file that holds it."""
    folder = Path(collectors.__path__[0])

    assert all((folder / f"{collector.name}.py").exists() for collector in COLLECTORS)


def test_enabled() -> None:
    """Enabled collectors run in the order of a scrape, however they were named."""
    assert ["memory", "power"] == [found.name for found in enabled(["power", "memory"])]


def _failing(error: Exception) -> Collector:
    def collect(_: Device) -> Iterator[Reading]:
        yield Reading(catalogue.POWER, 1)
        raise error

    return Collector("failing", "fails", (Part(Group.FAST, collect),))


def _ticking() -> float:
    return 5.0


@pytest.mark.parametrize("error", [DeviceError("busy"), ValueError("defect")])
def test_a_failing_collector(error: Exception) -> None:
    """What was read before a failure is kept, and what comes after is read."""
    result = run(DEVICE, (_failing(error), *enabled(["utilization"])), Group.FAST, _ticking)

    assert (Reading(catalogue.POWER, 1), *EXPECTED["utilization"]) == result.readings
    assert [True, False] == [outcome.error is not None for outcome in result.outcomes]


def test_a_device_that_is_down() -> None:
    """A device that turns out to be down while it is read shows nothing of that reading."""
    result = run(DEVICE, (*enabled(["memory"]), _failing(DeviceDown("lost"))), Group.FAST, _ticking)

    assert ((), "lost") == (result.readings, result.down)


class _MadeAnew(FakeDevice):
    """A device whose instances are others once they are looked at again."""

    def instances(self, *, check: bool = False) -> Sequence[Instance]:
        return [FakeInstance("MIG-b")] if check else self.found


def test_instances_that_are_made_anew() -> None:
    """When instances change while they are read, only what is said of the device is kept."""
    power, slices = Reading(catalogue.POWER, 1), Reading(catalogue.INSTANCE_SLICES, 1, ("1",))
    collector = Collector("c", "h", (Part(Group.FAST, lambda _: iter([power, slices])),))
    steady, changed = (
        run(kind("GPU-a", found=[FakeInstance("MIG-a")]), [collector], Group.FAST, _ticking)
        for kind in (FakeDevice, _MadeAnew)
    )

    assert (power, slices) == steady.readings
    assert (power,) == changed.readings


def test_a_driver_that_is_gone() -> None:
    """That the whole driver is gone is not one device's business."""
    with pytest.raises(DriverUnavailable):
        run(DEVICE, [_failing(DriverUnavailable("gone"))], Group.FAST, _ticking)


def test_merged() -> None:
    """Over all devices a collector takes the sum of the times and fails when it fails on one."""
    outcomes = [Outcome("power", 1.0), Outcome("memory", 0.5), Outcome("power", 2.0, "busy")]

    assert (Outcome("power", 3.0, "busy"), Outcome("memory", 0.5)) == merged(outcomes)
