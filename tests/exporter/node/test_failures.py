"""Promises about what fails: what it costs, how it is told, and what is never done."""

import time
from datetime import UTC, datetime

import pytest

from exporter.errors import DeviceDown, DriverUnavailable
from exporter.node.collector import Pace
from exporter.node.collectors import DEFAULT
from exporter.node.fields import Fi
from exporter.node.roster import Roster
from tests.support.collecting import INTERVAL, START, Stand
from tests.support.fake_driver import ANSWERS, FakeDevice, Hang, broken
from tests.support.nvml import value


def _of(page: str, uuid: str) -> set[str]:
    """Return the names of a device's series."""
    return {text.partition("{")[0] for text in page.splitlines() if f'"{uuid}"' in text}


@pytest.mark.parametrize("reason", ["lost", "reset_required", "not_found", "unknown"])
def test_a_device_that_is_down(reason: str) -> None:
    """A device that is down shows who it is and why it is down, and not one value."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1))
    stand.collect()
    stand.driver.devices[1] = broken(DeviceDown(reason))
    page = stand.collect(100)

    assert {"gpu_up", "gpu_down_info", "gpu_info"} == _of(page, "GPU-b")
    assert 0 == value(page, "gpu_up", uuid="GPU-b")
    assert 1 == value(page, "gpu_down_info", uuid="GPU-b", reason=reason)
    assert value(page, "gpu_down_info", uuid="GPU-a") is None
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-a")


def test_a_device_that_is_not_there() -> None:
    """A device that the driver enumerates no more is down because it is absent, until it is."""
    second = FakeDevice("GPU-b", 1)
    stand = Stand(FakeDevice("GPU-a"), second)
    stand.collect()
    stand.driver.devices.pop()
    page = stand.collect(100)

    assert {"gpu_up", "gpu_down_info", "gpu_info"} == _of(page, "GPU-b")
    assert 1 == value(page, "gpu_down_info", uuid="GPU-b", reason="absent")

    stand.driver.devices.append(second)
    page = stand.collect(3)

    assert value(page, "gpu_down_info") is None
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-b")


def test_a_device_that_cannot_be_opened_any_more() -> None:
    """One that is lost stays lost, and does not become absent when devices are enumerated."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1))
    stand.collect()
    stand.driver.devices.pop()
    stand.driver.refused["GPU-b"] = "lost"
    page = stand.collect(100)

    assert 1 == value(page, "gpu_down_info", uuid="GPU-b", reason="lost")
    assert 2 == value(page, "gpu_devices")


def test_a_driver_that_is_not_there() -> None:
    """Without the driver every device is down for that reason, and remembered."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.driver.error = DriverUnavailable("gone")
    page = stand.collect(100)

    assert {"gpu_up", "gpu_down_info", "gpu_info"} == _of(page, "GPU-a")
    assert 1 == value(page, "gpu_down_info", reason="driver")
    assert value(page, "gpu_devices") is None


def test_a_hanging_call_is_counted(hang: Hang) -> None:
    """A call that does not return is given up on once, and each reading it prevents is counted."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1, hang))
    pages = [stand.collect() for _ in range(4)]
    page = pages[-1]

    assert 1 == value(page, "gpu_down_info", uuid="GPU-b", reason="stuck")
    assert 1 == value(page, "gpu_exporter_stuck_calls")
    assert 1 == value(page, "gpu_exporter_abandoned_calls_total")
    assert 3 == value(page, "gpu_exporter_readings_skipped_total")
    assert 1 == hang.calls
    assert [0, 0, 1, 1] == [value(each, "gpu_exporter_stuck_calls") for each in pages]


def test_a_hang_costs_the_others_nothing(hang: Hang) -> None:
    """While a device hangs in what is read rarely, the others are read as often as ever."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1))
    stand.collect()
    stuck = stand.driver.devices[1]
    assert isinstance(stuck, FakeDevice)
    stuck.answers = _HangingName(hang)
    stand.collect(100)
    pages = [stand.collect() for _ in range(3)]

    assert 1 == hang.calls
    assert 1 == value(pages[-1], "gpu_down_info", uuid="GPU-b", reason="stuck")
    assert [START + stand.passed() - back * INTERVAL for back in (2, 1, 0)] == [
        value(page, "gpu_last_reading_timestamp_seconds", uuid="GPU-a", group="fast")
        for page in pages
    ]


class _HangingName(dict[object, object]):
    """Answers as ever, but for the name, which is asked for by the slow group alone."""

    def __init__(self, hang: Hang) -> None:
        super().__init__(ANSWERS)
        self._hang = hang

    def __getitem__(self, question: object) -> object:
        if question == "Name":
            self._hang()
        return super().__getitem__(question)


def test_a_defect_costs_the_others_nothing() -> None:
    """A device that fails in a way nobody thought of is read again at once, as the others are."""

    class Odd(FakeDevice):
        odd = True

        def instances(self, *, check: bool = False) -> tuple[()]:
            if self.odd:
                raise ValueError("nobody thought of it")
            return ()

    odd = Odd("GPU-a")
    stand = Stand(odd, FakeDevice("GPU-b", 1))

    assert 100 == value(stand.collect(), "gpu_power_watts", uuid="GPU-b")

    odd.odd = False
    page = stand.collect()

    assert 2e9 == value(page, "gpu_clock_max_hertz", uuid="GPU-a", clock="sm")


def test_many_say_that_the_driver_is_gone() -> None:
    """What all devices say of the driver at once is told once, and not again when it is back."""
    roster = Roster(DEFAULT, pace=Pace(), node="n", clock=time.time, monotonic=time.monotonic)
    devices = [broken(DriverUnavailable("gone")) for _ in range(4)]
    for number, device in enumerate(devices):
        device.uuid = f"GPU-{number}"
    roster.adopt(devices)
    with pytest.raises(DriverUnavailable):
        roster.read(20)
    for device in devices:
        device.before = lambda: None
    roster.adopt(())
    roster.adopt(devices)
    roster.read(20)

    assert [True] * 4 == [view.up for view in roster.views()]


def test_when_each_group_was_read() -> None:
    """Each group of values says when it was read: nothing old is told as new."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.collect()
    page = stand.collect()
    now = START + stand.passed()

    assert {"slow": now - 2 * INTERVAL, "medium": now, "fast": now} == {
        group: value(page, "gpu_last_reading_timestamp_seconds", group=group)
        for group in ("slow", "medium", "fast")
    }


def test_hotplug() -> None:
    """A device that is added is found when devices are next looked for, and the count with it."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.driver.devices.append(FakeDevice("GPU-b", 1))

    assert 1 == value(stand.collect(), "gpu_devices")

    page = stand.collect(100)

    assert 2 == value(page, "gpu_devices")
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-b")


def test_devices_of_ever_new_names() -> None:
    """Of devices that are gone the last 64 are told of: what a node takes does not grow."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    for number in range(70):
        stand.driver.devices[1:] = [FakeDevice(f"GPU-{number}", 1)]
        stand.collect(100)
    page = stand.collect()
    uuids = [text.split('"')[1] for text in page.splitlines() if text.startswith("gpu_up{")]

    assert ["GPU-a", *sorted(f"GPU-{number}" for number in range(5, 70))] == uuids


def test_indices_that_change() -> None:
    """When indices change, so do the labels: no series of an old index is left."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1))
    stand.collect()
    stand.driver.devices[:] = [FakeDevice("GPU-b", 0)]
    page = stand.collect(100)
    measured = [text for text in page.splitlines() if text.startswith("gpu_power_watts")]

    assert ['gpu_power_watts{uuid="GPU-b",gpu="0",node="n"} 100'] == measured


def test_what_the_driver_is_asked() -> None:
    """Calls into the driver, what they took and what they failed with are counted by function."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    page = stand.collect()

    # The stand-in says so for each group it is read for: three, then one.
    assert 4 == value(page, "gpu_exporter_driver_calls_total", function="PowerUsage")
    assert 1 == value(page, "gpu_exporter_driver_seconds_total", function="PowerUsage")
    assert 4 == value(page, "gpu_exporter_driver_errors_total", error="timeout")
    assert 2 == value(page, "gpu_exporter_collections_total")


def test_what_is_not_supported() -> None:
    """How many questions a collector asks in vain is told, and which in the tables."""
    stand = Stand(FakeDevice("GPU-a"), FakeDevice("GPU-b", 1))
    page = stand.collect()
    devices, collectors, unsupported = stand.publisher.tables()

    assert 1 == value(page, "gpu_exporter_unsupported", collector="energy")
    assert ("energy", "TotalEnergyConsumption", "", "0-1") in unsupported.rows
    assert ("0", "GPU-a", "Fake", "up") == devices.rows[0][:4]
    assert ("0 s ago", "0 s ago", "0 s ago", "") == devices.rows[0][5:]
    assert ("energy", "energy used", "yes") in [row[:3] for row in collectors.rows]


def test_what_is_down_in_the_tables() -> None:
    """The landing page says which device is down, since when, why, and what to do."""
    stand = Stand(FakeDevice("GPU-a"), broken(DeviceDown("lost")))
    stand.collect()
    stand.collect(10)
    row = stand.publisher.tables()[0].rows[1]
    since = datetime.fromtimestamp(START + INTERVAL, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    assert ("1", "GPU-b", "Fake", "down: lost", since, "", "", "") == row[:-1]
    assert row[-1].startswith("look for its XID in the kernel's log")


def test_field_latencies() -> None:
    """How long the driver took for a field is told for the slowest device."""
    stand = Stand(FakeDevice("GPU-a", fields={(Fi.MEMORY_TEMP, 0): 40.0}))

    assert 0.001 == value(
        stand.collect(), "gpu_exporter_field_latency_seconds", field="memory_temp"
    )
