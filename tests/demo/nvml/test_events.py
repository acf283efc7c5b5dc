"""Promises of the shared library's events, asked through nvidia-ml-py."""

import pynvml
import pytest

from demo.nvml.happenings import ALL_EVENTS, Event, EventKind
from demo.nvml.scenario import Device
from tests.demo.nvml.conftest import Play

XID = pynvml.nvmlEventTypeXidCriticalError


def _registered(bits: int = XID) -> object:
    pynvml.nvmlInit()
    events = pynvml.nvmlEventSetCreate()
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        pynvml.nvmlDeviceRegisterEvents(handle, bits, events)
    return events


def _told(events: object) -> list[tuple[str, int, int, int]]:
    told = []
    try:
        while True:
            event = pynvml.nvmlEventSetWait_v2(events, 20)
            uuid = pynvml.nvmlDeviceGetUUID(event.device)
            told.append((uuid, event.eventType, event.eventData, event.gpuInstanceId))
    except pynvml.NVMLError_Timeout:
        return told
    finally:
        pynvml.nvmlEventSetFree(events)


def test_events(play: Play) -> None:
    """An event is told as often as it happens, of its kind alone, to who listened before."""
    devices = Device("GPU-a", event_types=ALL_EVENTS), Device("GPU-b", event_types=ALL_EVENTS)
    play(*devices)
    events, other = _registered(), _registered(pynvml.nvmlEventTypeGpuRecoveryAction)
    happening = (
        Event(EventKind.XID, 79, count=2),
        Event(EventKind.XID, 13, instance=3, since=0.01),
        Event(EventKind.XID, 48, since=3600),
        Event(EventKind.RECOVERY_ACTION),
    )
    play(devices[0], Device("GPU-b", event_types=ALL_EVENTS, events=happening))
    none = 0xFFFFFFFF

    assert [
        ("GPU-b", XID, 79, none),
        ("GPU-b", XID, 79, none),
        ("GPU-b", XID, 13, 3),
    ] == _told(events)
    assert [("GPU-b", pynvml.nvmlEventTypeGpuRecoveryAction, 0, none)] == _told(other)
    assert [] == _told(_registered())


def test_a_device_without_events(play: Play) -> None:
    """A device registers for what it says it tells of, and for nothing else."""
    play(Device("GPU-a", event_types=XID), Device("GPU-b"))
    pynvml.nvmlInit()
    first, second = map(pynvml.nvmlDeviceGetHandleByIndex, (0, 1))
    events = pynvml.nvmlEventSetCreate()

    assert XID == pynvml.nvmlDeviceGetSupportedEventTypes(first)
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceRegisterEvents(first, ALL_EVENTS, events)
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetSupportedEventTypes(second)
