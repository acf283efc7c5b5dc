"""Promises about age: what is old is not shown, what is new is asked for in time."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter import catalogue
from exporter.errors import DeviceDown, DriverUnavailable
from exporter.node.collector import Group, Pace
from exporter.node.known import Known
from exporter.node.reading import Reading
from exporter.node.running import Run
from tests.support.collecting import INTERVAL, START, Stand
from tests.support.fake_driver import FakeDevice, FakeInstance, Hang
from tests.support.nvml import value


@dataclass(eq=False)
class _Moody(FakeDevice):
    """Refuses everything while it is *down*; counts what it refused."""

    down: bool = False
    refused: list[str] = field(default_factory=list)

    def ask(self, function: str, *arguments: object) -> Any:
        """Refuse or answer."""
        if self.down:
            self.refused.append(function)
            raise DeviceDown("lost")
        return super().ask(function, *arguments)


def test_a_collection_that_comes_late(hang: Hang) -> None:
    """What was read more than three intervals ago is not shown, though nothing is down yet."""
    device = FakeDevice("GPU-a")
    stand = Stand(device)
    stand.collect()
    device.before = hang
    page = stand.collect(4)

    assert 1 == value(page, "gpu_up")
    assert value(page, "gpu_power_watts") is None
    assert 2e9 == value(page, "gpu_clock_max_hertz", clock="sm")


def test_a_reading_that_takes_long() -> None:
    """Values are dated when their reading began."""
    device = FakeDevice("GPU-a")
    stand = Stand(device)

    def dawdle() -> None:
        stand.clock.now += INTERVAL / 4

    device.before = dawdle
    page = stand.collect()

    assert START + INTERVAL == value(page, "gpu_last_reading_timestamp_seconds", group="fast")


def test_a_collection_that_comes_early() -> None:
    """A collection that begins a little too early reads what is due by then."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.collect()
    page = stand.collect(0.9)
    read = value(page, "gpu_last_reading_timestamp_seconds", group="medium")

    assert pytest.approx(START + 2.9 * INTERVAL, abs=INTERVAL / 100) == read


def test_a_device_that_is_down_is_left_alone() -> None:
    """What refuses one question is asked no other in the same collection."""
    device = _Moody("GPU-a", down=True)
    Stand(device).collect()

    assert 1 == len(device.refused)


@pytest.mark.parametrize("absent", [False, True], ids=["refusing", "absent"])
def test_a_device_that_is_back(*, absent: bool) -> None:
    """What is read rarely is read at once when a device is back."""
    device = _Moody("GPU-a")
    stand = Stand(device, _Moody("GPU-b", 1, down=True))
    stand.collect()
    if absent:
        stand.driver.devices.remove(device)
    else:
        device.down = True
    page = stand.collect(3)
    assert 0 == value(page, "gpu_up", uuid="GPU-a")

    device.down = False
    stand.driver.devices[:1] = [device]
    page = stand.collect(3)

    assert 2e9 == value(page, "gpu_clock_max_hertz", uuid="GPU-a", clock="sm")


def test_an_index_that_changes() -> None:
    """What was read before under another index is shown no more, however rarely it is read."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1), _Moody("GPU-c", 2, down=True))
    stand.collect()
    stand.driver.devices[:2] = [FakeDevice("GPU-b", 0), FakeDevice("GPU-a", 1)]
    page = stand.collect(3)

    assert 'uuid="GPU-a",gpu="0"' not in page
    assert 2e9 == value(page, "gpu_clock_max_hertz", uuid="GPU-a", gpu="1", clock="sm")


def test_another_way_to_the_same_device(hang: Hang) -> None:
    """What was asked by way of an earlier handle is asked at once by way of the new one."""
    stand = Stand(FakeDevice("GPU-a", before=hang), _Moody("GPU-b", 1, down=True))
    stand.collect()
    stand.driver.devices[0] = FakeDevice("GPU-a")
    stand.collect(3)
    hang.release()
    page = stand.collect()

    assert 2e9 == value(page, "gpu_clock_max_hertz", uuid="GPU-a", clock="sm")


def test_each_hang_counts(hang: Hang) -> None:
    """A device that hangs again is given up on again."""
    device = FakeDevice("GPU-a", before=hang)
    stand = Stand(device)
    stand.collect()
    stand.collect(2)
    hang.release()
    device.before = again = Hang()
    stand.publisher.collect()
    stand.collect(2)
    page = stand.collect(2)
    again.release()

    assert 2 == value(page, "gpu_exporter_abandoned_calls_total")


def test_other_instances() -> None:
    """What was read of instances is not kept for those that came in their place."""
    known = Known("GPU-a", 0, "n")
    power, slices = Reading(catalogue.POWER, 1), Reading(catalogue.INSTANCE_SLICES, 1, ("1",))
    known.meet(FakeDevice("GPU-a"))
    known.take(Run(Group.MEDIUM, 0, (power, slices), instances=(FakeInstance("MIG-a"),)), 0)
    known.due[Group.MEDIUM] = 10
    known.take(Run(Group.FAST, 0, instances=(FakeInstance("MIG-b"),)), 0)
    view = known.view(0, Pace(), resting=False)

    assert (power,) == view.readings
    assert not any(catalogue.INSTANCE_SLICES in lines for lines in view.lines)
    assert {} == known.due


def test_a_driver_that_is_gone_for_long() -> None:
    """A driver that is gone is tried once a minute, however long it is gone."""
    stand = Stand()
    stand.driver.error = DriverUnavailable("gone")
    for _ in range(20):
        stand.collect(61 / INTERVAL)

    assert 20 == len(stand.driver.opened)
