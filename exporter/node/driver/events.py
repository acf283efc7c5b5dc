"""Events of NVML's: what the driver tells of by itself, from when a device is registered."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from ctypes import c_void_p, cast
from typing import Any

from exporter.errors import DeviceError, DriverError
from exporter.node.asking import Event, EventKind
from exporter.node.driver.call import call
from exporter.node.driver.device import NvmlAsker

_log = logging.getLogger(__name__)

_KINDS = {
    0x1: EventKind.ECC_CORRECTED,
    0x2: EventKind.ECC_UNCORRECTED,
    0x8: EventKind.XID,
    0x100: EventKind.MIG_CONFIG,
    0x200: EventKind.ECC_STORM,
    0x400: EventKind.RETIREMENT,
    0x800: EventKind.RETIREMENT_FAILURE,
    0x1000: EventKind.POISON_NON_FATAL,
    0x2000: EventKind.POISON_FATAL,
    0x4000: EventKind.UNAVAILABLE,
    0x8000: EventKind.RECOVERY_ACTION,
}
"""By bit of nvmlEventType; those of clocks and power come too often to be worth anything."""

_NO_INSTANCE = 0xFFFFFFFF
_UNBIND = 0x1
"""nvmlSystemEventTypeGpuDriverUnbind."""


class NvmlListener:
    """An event set, with every device registered that can be.

    Args:
        nvml: The module pynvml.
        devices: Whom to listen to.

    Raises:
        DriverError: When there are no event sets.
    """

    def __init__(self, nvml: Any, devices: Sequence[NvmlAsker]) -> None:
        self._nvml = nvml
        self._set = call(nvml, nvml.nvmlEventSetCreate)
        self._of_system = _of_system(nvml)
        self._uuids: dict[int, str] = {}
        heard: dict[str, frozenset[EventKind]] = {}
        try:
            for device in devices:
                kinds = self._register(device)
                if kinds:
                    heard[device.uuid] = kinds
                    self._uuids[_address(device.handle)] = device.uuid
        except DriverError:
            self.close()
            raise
        self.heard: Mapping[str, frozenset[EventKind]] = heard

    def wait(self, seconds: float) -> Event | None:
        """Return the next event, or None when none was told, at the latest after so long.

        Raises:
            DriverError: When listening is over.
        """
        data = call(self._nvml, self._wait, round(seconds * 1000))
        if data is None:
            return Event("", EventKind.UNBIND, 0) if self._unbinds() else None
        uuid, kind = self._uuids.get(_address(data.device)), _KINDS.get(data.eventType)
        if uuid is None or kind is None:
            return None
        instance = None if data.gpuInstanceId == _NO_INSTANCE else data.gpuInstanceId
        return Event(uuid, kind, data.eventData, instance)

    def close(self) -> None:
        """Free the sets."""
        self._deaf_to_system()
        with contextlib.suppress(DriverError):
            call(self._nvml, self._nvml.nvmlEventSetFree, self._set)

    def _register(self, device: NvmlAsker) -> frozenset[EventKind]:
        """Return what will be heard of a device: nothing when it refuses."""
        nvml = self._nvml
        try:
            supported = call(nvml, nvml.nvmlDeviceGetSupportedEventTypes, device.handle)
            bits = [bit for bit in _KINDS if supported & bit]
            if bits:
                call(nvml, nvml.nvmlDeviceRegisterEvents, device.handle, sum(bits), self._set)
        except DeviceError:
            return frozenset()
        return frozenset(_KINDS[bit] for bit in bits)

    def _unbinds(self) -> bool:
        """Tell whether the driver says that it is to be let go of; never waits."""
        nvml = self._nvml
        if self._of_system is None:
            return False
        room = (nvml.c_nvmlSystemEventData_v1_t * 1)()
        version = nvml.nvmlSystemEventSetWaitRequest_v1
        try:
            found = call(
                nvml, nvml.nvmlSystemEventSetWait, version, self._of_system, 0, room, len(room)
            )
        except DeviceError as error:
            _log.info("the driver does not tell when it is to be let go of: %s", error)
            self._deaf_to_system()
            return False
        return any(each["eventType"] == _UNBIND for each in found)

    def _deaf_to_system(self) -> None:
        nvml, given, self._of_system = self._nvml, self._of_system, None
        if given is not None:
            with contextlib.suppress(DriverError):
                call(
                    nvml, nvml.nvmlSystemEventSetFree, nvml.nvmlSystemEventSetFreeRequest_v1, given
                )

    def _wait(self, milliseconds: int) -> Any:
        try:
            return self._nvml.nvmlEventSetWait_v2(self._set, milliseconds)
        except self._nvml.NVMLError_Timeout:
            return None


def _of_system(nvml: Any) -> Any:
    """Return a set that hears of the driver's own events; None with a driver that tells of none."""
    try:
        made = call(nvml, nvml.nvmlSystemEventSetCreate, nvml.nvmlSystemEventSetCreateRequest_v1)
    except DeviceError:
        return None
    try:
        call(
            nvml,
            nvml.nvmlSystemRegisterEvents,
            *(nvml.nvmlSystemRegisterEventRequest_v1, _UNBIND, made),
        )
    except DriverError:
        with contextlib.suppress(DriverError):
            version = nvml.nvmlSystemEventSetFreeRequest_v1
            call(nvml, nvml.nvmlSystemEventSetFree, version, made)
        return None
    return made


def _address(handle: Any) -> int:
    return cast(handle, c_void_p).value or 0
