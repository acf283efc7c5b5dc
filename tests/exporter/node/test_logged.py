"""Promises of what the node role logs: each failure once, and what to do about it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporter.errors import DeviceDown, DeviceError, DriverUnavailable
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.known import REMEDIES
from exporter.node.reading import Reading
from tests.support.collecting import OPTIONS, Stand
from tests.support.fake_driver import ANSWERS, FakeDevice


def _broken(error: Exception) -> FakeDevice:
    def fail() -> None:
        raise error

    return FakeDevice("GPU-b", 1, fail)


def test_what_is_logged_of_devices(caplog: pytest.LogCaptureFixture) -> None:
    """One line tells that a device went, one that it is back, one of the driver for all."""
    lost, found = _broken(DeviceDown("lost")), FakeDevice("GPU-b", 1)
    stand = Stand(FakeDevice("GPU-a"), lost)
    caplog.set_level("INFO")
    stand.collect(10)
    stand.driver.error = DriverUnavailable("not loaded")
    stand.collect(100)
    stand.driver.error = None
    stand.collect(100)
    stand.driver.devices[1] = found
    stand.collect(100)

    assert [
        "driver 570.124.06 answers: 2 devices",
        f"device 1 (GPU-b) is down, lost: {REMEDIES['lost']}",
        "the driver is unavailable: not loaded",
        "driver 570.124.06 answers: 2 devices",
        "device 1 (GPU-b) is back",
    ] == [each for each in caplog.messages if "events" not in each]


def test_one_device(caplog: pytest.LogCaptureFixture) -> None:
    """One is not several."""
    caplog.set_level("INFO")
    Stand(FakeDevice("GPU-a")).collect()

    assert "driver 570.124.06 answers: 1 device" in caplog.messages


def test_persistence_mode_that_is_off(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever runs GPUs without persistence mode is told once what it costs, and how to end it."""
    off = {**ANSWERS, "PersistenceMode": 0}
    stand = Stand(*(FakeDevice(f"GPU-{each}", each, answers=off) for each in range(3)))
    for _ in range(5):
        stand.collect(100)
    said = [each for each in caplog.messages if "persistence" in each]

    assert 1 == len(said)
    assert said[0].startswith("persistence mode is off on GPU 0-2: ")
    assert said[0].endswith("run nvidia-smi -pm 1")


@pytest.mark.parametrize("error", [DeviceError("no time"), ZeroDivisionError("no time")])
def test_a_collector_that_fails(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """It is told once, however often it is read, though its other part works.

    A defect of ours brings its traceback.
    """

    def fails(_: Device) -> Iterator[Reading]:
        raise error

    parts = Part(Group.FAST, fails), Part(Group.FAST, lambda _: iter(()))
    collector = Collector("some", "something", parts)
    stand = Stand(FakeDevice("GPU-a"), options=replace(OPTIONS, collectors=(collector,)))
    for _ in range(5):
        stand.collect()
    (record,) = (each for each in caplog.records if "collector" in each.message)

    assert record.message.startswith("collector some failed on device 0 (GPU-a): ")
    assert "no time" in record.message
    assert isinstance(error, DeviceError) is not bool(record.exc_info)
