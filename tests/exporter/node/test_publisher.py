"""Promises of the node role about time, threads and failures, on a driver written in Python."""

from collections.abc import Callable

import pytest

from demo.processes import wait_for
from exporter.errors import DeviceDown, DriverUnavailable
from exporter.node.collector import Pace
from exporter.node.publisher import NodePublisher, Options
from tests.support.fake_driver import FakeDevice, FakeDriver, Hang, ManualClock, broken
from tests.support.nvml import names, value

# A power of two, so that sums of intervals are exact.
INTERVAL = 1.0


@pytest.fixture
def monotonic() -> ManualClock:
    """Return the clock ages are measured by."""
    return ManualClock()


@pytest.fixture
def driver() -> FakeDriver:
    """Return a driver with two devices."""
    return FakeDriver([FakeDevice("GPU-a", 0), FakeDevice("GPU-b", 1)])


@pytest.fixture
def publisher(driver: FakeDriver, monotonic: ManualClock) -> NodePublisher:
    """Return a publisher that collects when told."""
    options = Options("worker-1", pace=Pace(INTERVAL, INTERVAL, 100 * INTERVAL))
    return NodePublisher(driver, options, clock=lambda: 1.7e9, monotonic=monotonic)


def _page(publisher: NodePublisher) -> str:
    return publisher.page().body.decode()


def _collect(publisher: NodePublisher, monotonic: ManualClock, intervals: float = 1) -> str:
    monotonic.now += intervals * INTERVAL
    publisher.collect()
    return _page(publisher)


def _eventually(condition: Callable[[], bool], what: str) -> None:
    wait_for(condition, seconds=60, what=what)


def test_before_the_first_collection(publisher: NodePublisher) -> None:
    """From the start there is a page, and it is not ready."""
    page = _page(publisher)

    assert all(name.startswith("gpu_exporter_") for name in names(page))
    assert 0 == value(page, "gpu_exporter_driver_up")
    assert "the driver has not answered yet" == publisher.not_ready()


def test_after_a_collection(publisher: NodePublisher) -> None:
    """One collection makes it ready; a scrape gets what it found, and when that was."""
    publisher.collect()
    page = _page(publisher)

    assert publisher.not_ready() is None
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-a", gpu="0", node="worker-1")
    assert 1.7e9 == value(page, "gpu_exporter_last_collection_timestamp_seconds")


def test_before_a_device_was_read(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """It is not ready while nothing can be said of a device; that one is stuck can be."""
    driver.devices[1] = FakeDevice("GPU-b", 1, hang)
    _collect(publisher, monotonic)
    first = publisher.not_ready()
    _collect(publisher, monotonic)
    _collect(publisher, monotonic)

    assert "not read yet: GPU 1" == first
    assert publisher.not_ready() is None
    assert 0 == value(_page(publisher), "gpu_up", uuid="GPU-b")


def test_a_scrape_never_asks_the_driver(publisher: NodePublisher, driver: FakeDriver) -> None:
    """However often it is scraped, the same page is served until the next collection."""
    publisher.collect()
    driver.error = AssertionError("asked by a scrape")

    assert publisher.page() is publisher.page()


def test_one_call_per_device(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """A device in which a call hangs is never called again; it is down, its values vanish."""
    publisher.collect()
    driver.devices[1] = FakeDevice("GPU-b", 1, hang)
    _collect(publisher, monotonic, 100)
    page = _collect(publisher, monotonic)

    assert 1 == value(page, "gpu_up", uuid="GPU-b")

    page = _collect(publisher, monotonic)

    assert 0 == value(page, "gpu_up", uuid="GPU-b")
    assert 1 == value(page, "gpu_up", uuid="GPU-a")
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-a")
    for _ in range(4):
        page = _collect(publisher, monotonic)

    assert 1 == hang.calls
    assert value(page, "gpu_power_watts", uuid="GPU-b") is None
    assert 1 == value(page, "gpu_info", uuid="GPU-b")


def test_values_outlive_a_slow_call(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """Values stay while a call is only slow, and go when it is given up on."""
    device = FakeDevice("GPU-c")
    driver.devices[:] = [device]
    publisher.collect()
    device.before = hang
    ages = [_collect(publisher, monotonic) for _ in range(4)]
    watts = [value(page, "gpu_power_watts") for page in ages]

    assert [100, 100, None, None] == watts


def test_a_hanging_device_comes_back(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """When the call returns after all, the device is read and up again."""
    driver.devices[:] = [FakeDevice("GPU-b", 0, hang)]
    publisher.collect()
    _collect(publisher, monotonic, 2)
    hang.release()

    _eventually(
        lambda: value(_collect(publisher, monotonic, 0.1), "gpu_power_watts") == 100,
        "the device is read again",
    )
    assert 1 == value(_page(publisher), "gpu_up")


def test_a_hanging_device_is_not_enumerated(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """Enumerating leaves alone the device in which a call hangs."""
    device = FakeDevice("GPU-b", 1, hang)
    driver.devices[1] = device
    publisher.collect()
    _collect(publisher, monotonic, 100)

    assert [{}, {1: device}] == driver.enumerated


def test_overdue(publisher: NodePublisher, monotonic: ManualClock) -> None:
    """When collecting stalls, old values are withdrawn and readiness says for how long."""
    publisher.collect()
    monotonic.now += 3.5 * INTERVAL
    page = _page(publisher)

    assert all(name.startswith("gpu_exporter_") for name in names(page))
    assert 0 == value(page, "gpu_exporter_driver_up")
    assert 1.7e9 == value(page, "gpu_exporter_last_collection_timestamp_seconds")
    assert "no collection for 4 s" == publisher.not_ready()


def test_back_off(publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock) -> None:
    """A driver that is not there is tried again, after 1, 2, 4, … intervals."""
    driver.error = DriverUnavailable("gone")
    tried = []
    for step in range(20):
        before = len(driver.opened)
        _collect(publisher, monotonic, 1.01)
        tried += [step] * (len(driver.opened) - before)

    assert [0, 1, 3, 7, 15] == tried
    assert "gone" == publisher.not_ready()

    driver.error = None
    _collect(publisher, monotonic, 1000)

    assert publisher.not_ready() is None


def test_driver_lost_while_reading(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock
) -> None:
    """When one device's call says that the driver is gone, it is opened anew."""
    error: list[Exception] = [DriverUnavailable("reloaded")]

    def fail_once() -> None:
        if error:
            raise error.pop()

    driver.devices[1] = FakeDevice("GPU-b", 1, fail_once)
    publisher.collect()

    assert "reloaded" == publisher.not_ready()
    assert 0 == value(_page(publisher), "gpu_up", uuid="GPU-a")
    assert 1 == value(_collect(publisher, monotonic, 2), "gpu_up", uuid="GPU-a")
    assert [False, False] == driver.opened


def test_the_library_stays_while_in_use(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """The library is not unloaded under a hanging call, whose late answer counts for nothing."""
    driver.devices[:] = [FakeDevice("GPU-a", 0, hang), broken(DriverUnavailable("reloaded"))]
    publisher.collect()
    driver.devices[:] = [FakeDevice("GPU-a", 0), FakeDevice("GPU-b", 1)]
    page = _collect(publisher, monotonic, 2)

    assert [False, True] == driver.opened
    assert 1 == value(page, "gpu_up", uuid="GPU-b")
    assert 0 == value(page, "gpu_up", uuid="GPU-a")

    hang.release(DriverUnavailable("said by way of an old handle"))
    _eventually(
        lambda: value(_collect(publisher, monotonic, 0.1), "gpu_up", uuid="GPU-a") == 1,
        "the device is read by way of its new handle",
    )

    assert [False, True] == driver.opened


def test_a_lost_device_is_looked_for(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock
) -> None:
    """While a device is down, the driver is asked for its devices every three intervals."""
    driver.devices[1] = broken(DeviceDown("lost"))
    publisher.collect()
    for _ in range(7):
        _collect(publisher, monotonic, 1.01)

    assert 3 == len(driver.enumerated)

    driver.devices[1] = FakeDevice("GPU-b", 1)
    _collect(publisher, monotonic, 3)

    assert 1 == value(_page(publisher), "gpu_up", uuid="GPU-b")


def test_an_unknown_failure_of_the_driver(
    publisher: NodePublisher, driver: FakeDriver, monotonic: ManualClock
) -> None:
    """Whatever the driver's binding raises, the exporter goes on and tries again."""
    driver.error = ValueError("no text")
    publisher.collect()

    assert "ValueError('no text')" == publisher.not_ready()

    driver.error = None
    _collect(publisher, monotonic, 2)

    assert publisher.not_ready() is None


def test_a_defect_in_a_collector(publisher: NodePublisher, driver: FakeDriver) -> None:
    """A collector that raises what it should not costs its own samples only."""
    driver.devices[1] = broken(ZeroDivisionError())
    publisher.collect()
    page = _page(publisher)

    assert 0 == value(page, "gpu_exporter_collector_success", collector="power")
    assert 1 == value(page, "gpu_exporter_collector_success", collector="clocks")
    assert value(page, "gpu_power_watts", uuid="GPU-b") is None
    assert 0.5 == value(page, "gpu_utilization_ratio", uuid="GPU-b")
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-a")


def test_a_driver_that_hangs_in_enumeration(
    driver: FakeDriver, monotonic: ManualClock, hang: Hang
) -> None:
    """While the driver is busy enumerating, known devices are still read, and it is not closed."""
    publisher = NodePublisher(
        driver, Options("worker-1", pace=Pace(INTERVAL, INTERVAL, INTERVAL)), monotonic=monotonic
    )
    publisher.collect()
    driver.before = hang
    monotonic.now += 60
    page = _collect(publisher, monotonic)

    assert 1 == value(page, "gpu_up", uuid="GPU-a")
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-a")

    publisher.stop()

    assert (1, 0) == (hang.calls, driver.closed)
