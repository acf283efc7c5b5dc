"""Who holds a device: what is asked of the devices for that, and whoever finds it out."""

import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import ClassVar

from exporter.errors import DeviceDown
from exporter.node.asking import Instance
from exporter.node.holding import Held, Part, Place
from tests.support.collecting import INTERVAL, Stand
from tests.support.fake_driver import ANSWERS, FakeDevice, FakeInstance, Hang
from tests.support.nvml import value

MINUTES = 60 / INTERVAL


class _Pods:
    """Nobody holds anything; keeps what was asked about."""

    def __init__(self, *, asks_for_processes: bool = False) -> None:
        self.places: list[Place] = []
        self.error: Exception | None = None
        self.asks_for_processes = asks_for_processes

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def held(self, places: Sequence[Place]) -> Held:
        self.places[:] = places
        if self.error is not None:
            raise self.error
        return Held({}, {place.uuid: False for place in places})


def _used(pid: int) -> Mapping[object, object]:
    """Return the answers of a device that one process uses."""
    listed = [SimpleNamespace(pid=pid, usedGpuMemory=None)]
    return {**ANSWERS, "ComputeRunningProcesses_v3": listed}


class _Cut(FakeDevice):
    """A device with an instance; keeps in which threads it was asked for it."""

    threads: ClassVar[set[str]] = set()
    part: ClassVar[Instance] = FakeInstance("MIG-a", 1, answers=_used(20), gpu_instance=3)

    def instances(self, *, check: bool = False) -> Sequence[Instance]:
        """Return the one, always the same."""
        del check
        self.threads.add(threading.current_thread().name)
        return [self.part]


def test_who_is_asked_for_holders(hang: Hang) -> None:
    """Holders are asked about every device and its instances, down or not, and cannot harm.

    The driver is not called for that: a device may hang.
    """
    pods = _Pods()
    stand = Stand(_Cut("GPU-a"), FakeDevice("GPU-b", 1, hang), holders=pods)
    stand.collect()
    page = stand.collect(2)

    assert [
        Place("GPU-a", 0, None, (Part("MIG-a", 3, 0, 1),)),
        Place("GPU-b", 1),
    ] == pods.places
    assert {"device-0"} == _Cut.threads
    assert 0 == value(page, "gpu_device_allocated", uuid="GPU-b")

    pods.error = ZeroDivisionError()
    page = stand.collect()

    assert 100 == value(page, "gpu_power_watts", uuid="GPU-a")
    assert value(page, "gpu_device_allocated", uuid="GPU-a") is None


def test_which_processes_are_told_of() -> None:
    """Only who asks for them is told who uses a device, until that is three intervals old."""
    quiet, pods, users = _Pods(), _Pods(asks_for_processes=True), frozenset({20})
    failing = FakeDevice("GPU-b", 1, answers=_used(10))
    devices = (_Cut("GPU-a"), failing, FakeDevice("GPU-c", 2))
    Stand(*devices, holders=quiet).collect()
    stand = Stand(*devices, holders=pods)
    stand.collect()

    assert [None] * 3 == [place.pids for place in quiet.places]
    assert [
        Place("GPU-a", 0, None, (Part("MIG-a", 3, 0, 1, users),), users),
        Place("GPU-b", 1, pids=frozenset({10})),
        Place("GPU-c", 2),
    ] == pods.places

    failing.before = _lost
    stand.collect(3)
    assert None is pods.places[1].pids


def test_the_instances_of_a_device_that_is_down() -> None:
    """They are remembered: whoever holds one of them still holds it."""
    pods, device = _Pods(), _Cut("GPU-a")
    stand = Stand(device, holders=pods)
    stand.collect()
    device.before = _lost
    stand.collect()
    stand.driver.devices.clear()
    stand.collect(MINUTES)

    assert [Place("GPU-a", 0, None, (Part("MIG-a", 3, 0, 1),))] == pods.places


def _lost() -> None:
    raise DeviceDown("lost")
