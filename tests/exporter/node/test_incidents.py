"""Promises of listening: what a device tells of by itself is counted, whatever happens between."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from exporter import catalogue
from exporter.catalogue import Family
from exporter.errors import DeviceDown, DriverError, Unsupported
from exporter.node.asking import Device, Event, EventKind, Listener
from exporter.node.incidents import Incidents
from exporter.node.told import CRITICAL_XIDS, Told
from tests.support.fake_driver import FakeDevice, FakeDriver

A, B = FakeDevice("GPU-a", 0), FakeDevice("GPU-b", 1)
KINDS = frozenset({EventKind.XID, EventKind.RECOVERY_ACTION})
_DEADLINE = 20.0


def xid(number: int, uuid: str = "GPU-a", instance: int | None = None) -> Event:
    """Return an XID."""
    return Event(uuid, EventKind.XID, number, instance)


class FakeListener:
    """A listener that tells of what it is given, or raises it; without more it waits a little."""

    def __init__(self, heard: Sequence[str], plan: list[Event | Exception]) -> None:
        self.heard: Mapping[str, frozenset[EventKind]] = dict.fromkeys(heard, KINDS)
        self.closed = False
        self._plan = plan

    def wait(self, seconds: float) -> Event | None:
        """Take the next of the plan."""
        assert not self.closed
        if self._plan:
            step = self._plan.pop(0)
            if isinstance(step, Exception):
                raise step
            return step
        time.sleep(min(seconds, 0.005))
        return None

    def close(self) -> None:
        """Take note."""
        self.closed = True


class Events(FakeDriver):
    """A driver of which events of *heard* can be listened to."""

    def __init__(self, *plan: Event | Exception, heard: Sequence[str] = ("GPU-a", "GPU-b")) -> None:
        super().__init__()
        self.plan = list(plan)
        self.heard = heard
        self.listeners: list[FakeListener] = []
        self.refusals: list[Exception] = []
        self.untold: list[int] = []

    def listen(self, devices: Sequence[Device]) -> Listener:
        """Listen, or refuse."""
        if self.refusals:
            raise self.refusals.pop(0)
        self.untold.append(len(self.plan))
        uuids = [device.uuid for device in devices if device.uuid in self.heard]
        self.listeners.append(FakeListener(uuids, self.plan))
        return self.listeners[-1]


@pytest.fixture
def incidents() -> Iterator[Incidents]:
    """Return incidents whose thread is gone at the end."""
    incidents = Incidents(clock=lambda: 1000.0, first_backoff=0.01)
    yield incidents
    assert incidents.let_go(_DEADLINE)


def until(condition: Callable[[], object]) -> None:
    """Wait for *condition*."""
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def value(incidents: Incidents, family: Family, uuid: str, *labels: str) -> float | None:
    """Return the value of one series."""
    found = [
        value
        for each, (name, _, _, *rest), value in incidents.samples("n")
        if (each, name, tuple(rest)) == (family, uuid, labels)
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_what_is_counted(incidents: Incidents) -> None:
    """Critical XIDs begin at 0; those that come are counted, dated, and blamed on instances."""
    driver = Events(xid(79), xid(13, instance=2), xid(79), Event("GPU-a", EventKind.ECC_STORM, 0))
    incidents.watch(driver, [A])
    until(lambda: not driver.plan)
    until(lambda: value(incidents, catalogue.DEVICE_EVENTS, "GPU-a", "ecc_storm"))
    labels = ("GPU-a", "0", "n")

    assert {
        (catalogue.DEVICE_EVENTS_HEARD, labels, 1),
        (catalogue.DEVICE_EVENTS, (*labels, "xid"), 3),
        (catalogue.DEVICE_EVENTS, (*labels, "recovery_action"), 0),
        (catalogue.DEVICE_EVENTS, (*labels, "ecc_storm"), 1),
        *(
            (catalogue.XID_ERRORS, (*labels, str(number)), 0)
            for number in CRITICAL_XIDS
            if number != 79
        ),
        (catalogue.XID_ERRORS, (*labels, "79"), 2),
        (catalogue.XID_ERRORS, (*labels, "13"), 1),
        (catalogue.XID_LAST, (*labels, "79"), 1000),
        (catalogue.XID_LAST, (*labels, "13"), 1000),
        (catalogue.INSTANCE_XID_ERRORS, (*labels, "2", "13"), 1),
    } == set(incidents.samples("n"))


def test_a_device_that_cannot_be_heard(incidents: Incidents) -> None:
    """A device that refuses has no counts that never move, and nobody waits for it."""
    driver = Events(heard=("GPU-a",))
    incidents.watch(driver, [A, B])
    until(lambda: value(incidents, catalogue.DEVICE_EVENTS_HEARD, "GPU-a"))

    assert {"GPU-a"} == {labels[0] for _, labels, _ in incidents.samples("n")}


def test_counts_survive_the_driver(incidents: Incidents) -> None:
    """When the driver was gone and is back, it is listened to anew and counts go on."""
    first, second = Events(xid(31)), Events(xid(31))
    incidents.watch(first, [A])
    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "31"))
    incidents.watch(first, [])
    assert incidents.let_go(_DEADLINE)
    assert (True, 0) == (
        first.listeners[0].closed,
        value(incidents, catalogue.DEVICE_EVENTS_HEARD, "GPU-a"),
    )
    incidents.watch(second, [A])

    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "31") == 2)


@pytest.mark.parametrize("error", [DeviceDown("lost"), ValueError("defect")])
def test_listening_that_fails(incidents: Incidents, error: Exception) -> None:
    """When listening breaks off it is begun again, with whoever can still be heard."""
    driver = Events(xid(31), error, xid(31, "GPU-b"))
    incidents.watch(driver, [A, B])

    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-b", "31"))
    assert [True, False] == [listener.closed for listener in driver.listeners]


def test_a_driver_without_events(incidents: Incidents, caplog: pytest.LogCaptureFixture) -> None:
    """A driver that refuses is asked again, less and less often, and logged once."""
    driver = Events(xid(31))
    driver.refusals = [Unsupported("no events")] * 3
    incidents.watch(driver, [A])

    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "31"))
    assert ["events cannot be listened to: no events"] == caplog.messages


def test_a_change_of_devices(incidents: Incidents) -> None:
    """A device that comes is heard from then on, and what was told before is not lost."""
    driver = Events()
    incidents.watch(driver, [A])
    until(lambda: driver.listeners)
    driver.plan += [xid(31)] * 200
    incidents.watch(driver, [A, B])

    until(lambda: value(incidents, catalogue.DEVICE_EVENTS_HEARD, "GPU-b"))
    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "31") == 200)
    assert [0, 0] == driver.untold
    assert [True, False] == [listener.closed for listener in driver.listeners]


def test_devices_of_ever_new_names(incidents: Incidents) -> None:
    """Of devices that are long gone nothing is kept; of those that are there, all."""
    driver = Events(xid(31))
    incidents.watch(driver, [A])
    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "31"))
    for number in range(1000):
        incidents.watch(driver, [A, FakeDevice(f"GPU-{number}", 1)])
    uuids = {labels[0] for family, labels, _ in incidents.samples("n")}

    assert 1 == value(incidents, catalogue.XID_ERRORS, "GPU-a", "31")
    assert len(uuids) <= 128


def test_the_same_devices(incidents: Incidents) -> None:
    """As long as devices stay the same, listening is not interrupted."""
    driver = Events(xid(31))
    for _ in range(3):
        incidents.watch(driver, [A, B])
    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "31"))
    incidents.watch(driver, [B, A])

    assert 1 == len(driver.listeners)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (xid(79), True),
        (xid(13), False),
        (Event("GPU-a", EventKind.UNAVAILABLE, 0), True),
        (Event("GPU-a", EventKind.RECOVERY_ACTION, 0), True),
        (Event("GPU-a", EventKind.ECC_CORRECTED, 0), False),
    ],
)
def test_what_asks_for_a_look(incidents: Incidents, event: Event, *, expected: bool) -> None:
    """An event after which devices may be gone asks for a look at them, once."""
    driver = Events(event)
    incidents.watch(driver, [A])
    until(lambda: value(incidents, catalogue.DEVICE_EVENTS, "GPU-a", event.kind))

    assert [expected, False] == [incidents.look_anew(), incidents.look_anew()]


def test_a_look_that_is_asked_for_is_not_forgotten(incidents: Incidents) -> None:
    """What happens after an event that asks for a look at the devices does not take that back."""
    incidents.watch(Events(xid(79), xid(13)), [A])
    until(lambda: value(incidents, catalogue.XID_ERRORS, "GPU-a", "13"))

    assert incidents.look_anew()


class _StuckListener(FakeListener):
    """A listener in which waiting hangs until it is released."""

    released = threading.Event()

    def wait(self, seconds: float) -> Event | None:
        """Hang."""
        assert self.released.wait(_DEADLINE)
        return super().wait(seconds)


class _Stuck(FakeDriver):
    """A driver with such a listener."""

    def listen(self, devices: Sequence[Device]) -> Listener:
        """Listen, to hang."""
        return _StuckListener([device.uuid for device in devices], [])


def test_a_wait_that_hangs() -> None:
    """A wait that hangs costs nobody a wait; after a while it counts as not listening."""
    now = [0.0]
    incidents = Incidents(monotonic=lambda: now[0])
    incidents.watch(_Stuck(), [A])
    until(lambda: value(incidents, catalogue.DEVICE_EVENTS_HEARD, "GPU-a"))
    now[0] = 31.0

    assert 0 == value(incidents, catalogue.DEVICE_EVENTS_HEARD, "GPU-a")
    assert not incidents.let_go(0.01)
    _StuckListener.released.set()
    assert incidents.let_go(_DEADLINE)


def test_many_numbers() -> None:
    """Whatever numbers a driver invents, a device has a bounded number of series."""
    told = Told()
    told.expect(KINDS)
    for number in range(1000):
        told.add(Event("GPU-a", EventKind.XID, number, number % 7), 1.0)
    readings = told.readings(heard=True)
    total = sum(each.value for each in readings if each.family is catalogue.XID_ERRORS)
    blamed = sum(each.value for each in readings if each.family is catalogue.INSTANCE_XID_ERRORS)

    assert (1000, 1000) == (total, blamed)
    assert len(readings) < 210
    assert len(readings) == len({(each.family, each.labels) for each in readings})


def test_driver_error_while_draining(incidents: Incidents) -> None:
    """A driver that is gone when listening ends is no failure."""
    driver = Events()
    incidents.watch(driver, [A])
    until(lambda: driver.listeners)
    driver.plan += [DriverError("gone")]

    assert incidents.let_go(_DEADLINE)
