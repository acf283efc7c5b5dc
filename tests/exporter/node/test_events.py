"""Promises of events by way of nvidia-ml-py and the stand-in driver, in a process of its own."""

from pathlib import Path

from demo.nvml.happenings import ALL_EVENTS, Event, EventKind
from demo.nvml.scenario import Ailment, Device, Fault, System
from tests.support.nvml import NodeProcess, value

UUID = "GPU-a"
BURST = 300


def _device(*events: Event, faults: tuple[Fault, ...] = ()) -> Device:
    return Device(UUID, event_types=ALL_EVENTS, events=events, faults=faults, power=100.0)


def _counted(page: str, xid: int) -> float | None:
    return value(page, "gpu_xid_errors_total", uuid=UUID, xid=str(xid))


def _heard(page: str) -> bool:
    return value(page, "gpu_device_events_heard", uuid=UUID) == 1


def test_a_burst_of_xids(tmp_path: Path) -> None:
    """Hundreds of XIDs are counted exactly, also across a driver upgrade and a lost device."""
    burst = _device(Event(EventKind.XID, 48, BURST), Event(EventKind.XID, 31, instance=1))
    with NodeProcess(tmp_path, collectors=("xid",)) as node:
        node.play(_device())
        assert 0 == _counted(node.until(_heard), 48)

        node.play(burst)
        page = node.until(lambda page: _counted(page, 31) == 1)
        assert BURST == _counted(page, 48)
        assert 1 == value(page, "gpu_instance_xid_errors_total", gpu_instance="1", xid="31")
        assert BURST + 1 == value(page, "gpu_device_events_total", event="xid")

        node.play(_device(), system=System("580.1"))
        node.until(lambda page: not _heard(page))
        node.until(_heard)
        node.play(burst, system=System("580.1"))
        page = node.until(lambda page: _counted(page, 31) == 2)
        assert 2 * BURST == _counted(page, 48)

        node.play(
            _device(Event(EventKind.XID, 79), faults=(Fault("*", Ailment.GPU_LOST, since=0.5),)),
            system=System("580.1"),
        )
        page = node.until(lambda page: value(page, "gpu_up", uuid=UUID) == 0)
        assert (1, 2 * BURST) == (_counted(page, 79), _counted(page, 48))


def test_a_wait_that_hangs(tmp_path: Path) -> None:
    """While waiting for events hangs, devices are read, and the process ends when told."""
    fault = Fault("EventSetWait_v2", Ailment.HANG)
    with NodeProcess(tmp_path, collectors=("xid", "power"), alone=True) as node:
        node.play(_device())
        node.until(_heard)
        node.play(Device(UUID, power=200.0), system=System(faults=(fault,)))

        node.until(lambda page: value(page, "gpu_power_watts") == 200)


def test_the_driver_is_unbound(tmp_path: Path) -> None:
    """A driver that is about to be unbound is let go of, without a signal."""
    with NodeProcess(tmp_path, collectors=("xid", "power")) as node:
        node.play(_device())
        node.until(_heard)
        node.play(_device(), system=System(unbind=1))
        page = node.until(lambda page: value(page, "gpu_exporter_driver_released") == 1)

        assert value(page, "gpu_power_watts") is None
        assert "the driver was let go of" in (node.not_ready() or "")


def test_an_older_driver_is_listened_to(tmp_path: Path) -> None:
    """One that does not tell when it is unbound tells of its devices all the same."""
    with NodeProcess(tmp_path, collectors=("xid",)) as node:
        node.play(_device(), system=System(absent=("SystemEventSetCreate",)))
        node.until(_heard)
        node.play(_device(), system=System("580.1", absent=("SystemEventSetWait",)))
        node.until(lambda page: not _heard(page))
        node.until(_heard)
        node.play(_device(Event(EventKind.XID, 48)), system=System("580.1"))
        node.until(lambda page: _counted(page, 48) == 1)


def test_without_the_collector(tmp_path: Path) -> None:
    """Without the collector xid nothing is listened to."""
    with NodeProcess(tmp_path, collectors=("power",)) as node:
        node.play(_device())
        page = node.until(lambda page: value(page, "gpu_power_watts") == 100)

        assert value(page, "gpu_device_events_heard") is None
