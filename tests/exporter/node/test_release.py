"""Promises of letting go of the driver, so that it can be unloaded and devices be reset."""

from collections.abc import Sequence

from demo.processes import wait_for
from exporter.catalogue import DEVICES
from exporter.errors import DriverUnavailable
from exporter.node.asking import Device, Driver
from exporter.node.collector import Pace
from exporter.node.publisher import NodePublisher, Options
from exporter.node.reading import Sample
from tests.support.collecting import INTERVAL, OPTIONS, Stand
from tests.support.fake_driver import FakeDevice, FakeDriver, Hang
from tests.support.nvml import names, value


def test_nothing_is_held() -> None:
    """Once told, the role closes the driver, and shows who the devices are and not one value."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.publisher.release(42)
    page = stand.collect()

    assert 1 == stand.driver.closed
    assert {"gpu_info"} == {name for name in names(page) if not name.startswith("gpu_exporter_")}
    assert 1 == value(page, "gpu_exporter_driver_released")
    assert 0 == value(page, "gpu_exporter_driver_up")
    assert (
        f"the driver was let go of; it is taken back in {42 - INTERVAL:.0f} s, or at SIGUSR2"
        == stand.publisher.not_ready()
    )


def test_nothing_is_asked_meanwhile() -> None:
    """While the driver is let go of it is asked for nothing, and closed but once."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.publisher.release(100 * INTERVAL)
    for _ in range(9):
        stand.collect(10)

    assert (1, 1, 1) == (
        len(stand.driver.opened),
        len(stand.driver.enumerated),
        stand.driver.closed,
    )
    assert stand.publisher.not_alive() is None


def test_it_comes_back() -> None:
    """When the time is over, or sooner when told, devices are read as before."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.publisher.release(100 * INTERVAL)
    stand.collect()
    page = stand.collect(100)

    assert 100 == value(page, "gpu_power_watts")
    assert 0 == value(page, "gpu_exporter_driver_released")
    assert stand.publisher.not_ready() is None

    stand.publisher.release()
    stand.collect()
    stand.publisher.resume()
    page = stand.collect()

    assert 100 == value(page, "gpu_power_watts")
    assert 1 == value(page, "gpu_up")


def test_never_under_a_call(hang: Hang) -> None:
    """The driver is not closed under a call that has not returned; readiness says what is so."""
    stand = Stand(FakeDevice("GPU-a", before=hang))
    stand.collect()
    stand.publisher.release(1000)
    page = stand.collect()

    assert 0 == stand.driver.closed
    assert 0 == value(page, "gpu_exporter_driver_released")
    assert (
        "letting go of the driver: a call into it has not returned" == stand.publisher.not_ready()
    )

    hang.release()
    wait_for(
        lambda: value(stand.collect(0.1), "gpu_exporter_driver_released") == 1,
        seconds=60,
        what="the driver is let go of",
    )

    assert 1 == stand.driver.closed


def test_taken_back_before_it_is_gone(hang: Hang) -> None:
    """Taken back while a call kept the driver from being closed, the others are read at once."""
    stand = Stand(FakeDevice("GPU-a", before=hang), FakeDevice("GPU-b", 1))
    stand.collect()
    stand.publisher.release(1000)
    stand.collect()
    stand.publisher.resume()
    page = stand.collect()

    assert 0 == stand.driver.closed
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-b")


def test_at_once() -> None:
    """Whoever asks need not wait for the next collection, however rarely it collects."""
    driver = FakeDriver([FakeDevice("GPU-a")])
    publisher = NodePublisher(driver, Options("n", pace=Pace(1000, 1000, 1000)))
    publisher.start()
    wait_for(lambda: publisher.not_ready() is None, seconds=60, what="ready")
    publisher.release()
    wait_for(lambda: driver.closed == 1, seconds=60, what="closed")
    publisher.resume()
    wait_for(lambda: publisher.not_ready() is None, seconds=60, what="ready again")
    publisher.stop()


class _Watcher:
    """Hears what the test tells it; lets go when *quiet*."""

    def __init__(self) -> None:
        self.watched: list[Sequence[str]] = []
        self.anew = False
        self.leave = False
        self.quiet = True

    def watch(self, driver: Driver, devices: Sequence[Device]) -> None:
        del driver
        self.watched.append([device.uuid for device in devices])

    def look_anew(self) -> bool:
        anew, self.anew = self.anew, False
        return anew

    def asked_to_leave(self) -> bool:
        leave, self.leave = self.leave, False
        return leave

    def samples(self, node: str) -> Sequence[Sample]:
        return [(DEVICES, (f"heard by {node}",), 3)]

    def let_go(self, seconds: float) -> bool:
        del seconds
        return self.quiet


def test_the_driver_asks_to_be_looked_at() -> None:
    """When the driver tells that a device comes or goes, devices are looked for at once."""
    watcher = _Watcher()
    stand = Stand(FakeDevice("GPU-a"), watcher=watcher)
    stand.collect()
    stand.driver.devices[:] = [FakeDevice("GPU-b")]
    watcher.anew = True
    page = stand.collect()

    assert [["GPU-a"], ["GPU-b"]] == watcher.watched
    assert 100 == value(page, "gpu_power_watts", uuid="GPU-b")
    assert 3 == value(page, "gpu_devices", node="heard by n")


def test_the_driver_asks_to_be_let_go_of() -> None:
    """When the driver is about to be unbound it is closed, and taken back after a while."""
    watcher = _Watcher()
    stand = Stand(FakeDevice("GPU-a"), watcher=watcher)
    stand.collect()
    watcher.leave = True
    page = stand.collect()
    after = stand.collect(OPTIONS.release_seconds / INTERVAL)

    assert 1 == stand.driver.closed
    assert 1 == value(page, "gpu_exporter_driver_released")
    assert value(page, "gpu_power_watts") is None
    assert 100 == value(after, "gpu_power_watts")


def test_listening_ends_first() -> None:
    """The driver is not closed while somebody still listens to it."""
    watcher = _Watcher()
    stand = Stand(FakeDevice("GPU-a"), watcher=watcher)
    stand.collect()
    watcher.quiet = False
    stand.publisher.release()
    stand.collect()

    assert 0 == stand.driver.closed

    watcher.quiet = True
    stand.collect()

    assert 1 == stand.driver.closed


def test_a_library_that_is_listened_to() -> None:
    """A driver that is opened anew is not unloaded under somebody who still listens to it."""
    watcher = _Watcher()
    stand = Stand(FakeDevice("GPU-a"), watcher=watcher)
    stand.driver.error = DriverUnavailable("gone")
    stand.collect()
    watcher.quiet = False
    stand.collect()

    assert [False, True] == stand.driver.opened
