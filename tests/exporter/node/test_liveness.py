"""Promises of the publisher's life: its thread, its end, and when only a restart helps."""

import pytest

from demo.processes import wait_for
from exporter.errors import DriverUnavailable
from exporter.node.collector import Pace
from exporter.node.publisher import NodePublisher, Options
from tests.support.collecting import INTERVAL, Stand
from tests.support.fake_driver import FakeDevice, FakeDriver, Hang, broken

MINUTES = 60 / INTERVAL


def test_runs_by_itself() -> None:
    """Once started it collects until it is stopped, whatever happens, and lets go of the driver."""
    driver, defects = FakeDriver([FakeDevice("GPU-a")]), [ZeroDivisionError()]

    def clock() -> float:
        if defects:
            raise defects.pop()
        return 1.7e9

    publisher = NodePublisher(driver, Options("worker-1", pace=Pace(0.01, 0.01, 0.01)), clock=clock)
    publisher.start()
    wait_for(
        lambda: publisher.not_ready() is None, seconds=60, what="ready after a failed collection"
    )
    publisher.stop()

    assert 1 == driver.closed


def test_stop_leaves_a_hanging_call_behind(hang: Hang) -> None:
    """Stopping does not wait for a call that hangs, nor shut the library down under it."""
    driver = FakeDriver([FakeDevice("GPU-a"), FakeDevice("GPU-b", 1, hang)])
    publisher = NodePublisher(driver, Options("worker-1", pace=Pace(0.01, 0.01, 0.01)))
    publisher.start()
    wait_for(lambda: publisher.not_ready() is None, seconds=60, what="ready")
    publisher.stop()

    assert 0 == driver.closed


def test_what_only_a_restart_cures() -> None:
    """Liveness fails when a driver that worked is refused for minutes, and not sooner."""
    stand = Stand(FakeDevice("GPU-a"))
    stand.collect()
    stand.driver.error = DriverUnavailable("refused", restart=True)
    stand.collect(100)
    stand.collect(4 * MINUTES)

    assert stand.publisher.not_alive() is None

    stand.collect(2 * MINUTES)

    assert "refused" == stand.publisher.not_alive()

    stand.driver.error = None
    stand.collect(2 * MINUTES)

    assert stand.publisher.not_alive() is None


def test_what_no_restart_cures() -> None:
    """A driver that is missing, or that never worked, never fails liveness."""
    missing, refused = Stand(FakeDevice("GPU-a")), Stand()
    missing.collect()
    missing.driver.error = DriverUnavailable("not loaded")
    refused.driver.error = DriverUnavailable("refused", restart=True)
    for _ in range(10):
        missing.collect(2 * MINUTES)
        refused.collect(2 * MINUTES)

    assert missing.publisher.not_alive() is None
    assert refused.publisher.not_alive() is None
    assert "refused" == refused.publisher.not_ready()


def test_a_library_that_cannot_be_unloaded(hang: Hang) -> None:
    """After an upgrade under a hanging call, what is wrong is said; liveness asks for a restart."""
    upgraded = DriverUnavailable("other versions", restart=True)
    stand = Stand(FakeDevice("GPU-a", 0, hang), broken(upgraded))
    stand.collect()
    stand.driver.error = upgraded
    stand.collect(2)
    stand.collect(6 * MINUTES)
    words = (
        "other versions; what is loaded of it stays loaded, because a call into it does not return"
    )

    assert words == stand.publisher.not_ready()
    assert words == stand.publisher.not_alive()
    assert [False, True, True] == stand.driver.opened


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the collection thread dies, liveness says so; not before it began, nor after a stop."""
    devices = [FakeDevice("GPU-a")]
    stopped, dead = Stand(*devices), Stand(*devices)
    before = stopped.publisher.not_alive()
    stopped.publisher.start()
    stopped.publisher.stop()
    monkeypatch.setattr(dead.publisher, "collect", _exit)
    dead.publisher.start()
    dead.publisher._thread.join()

    assert before is None
    assert stopped.publisher.not_alive() is None
    assert "the collection thread has ended" == dead.publisher.not_alive()


def _exit() -> None:
    raise SystemExit
