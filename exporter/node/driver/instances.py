"""Which MIG instances a device has, and which of those found before are still the same."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from exporter.errors import DeviceError, Unsupported
from exporter.node.driver.call import call

# No device has more than 8; a driver that does not know may answer any number.
_MOST_PLACES = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A MIG instance as the driver shows it; two are equal when nothing about it changed.

    Args:
        handle: NVML's, which it uses again for other instances.
        address: What the handle points at.
        uuid: Its UUID.
        gpu_instance: NVML's id of its GPU instance.
        compute_instance: NVML's id of itself in there.
        index: Its place among those of its device.
    """

    handle: Any = field(compare=False)
    address: int | None
    uuid: str
    gpu_instance: int
    compute_instance: int
    index: int


def address(handle: Any) -> int | None:
    """Return what a handle of nvidia-ml-py's points at: two for the same are not equal."""
    return ctypes.cast(handle, ctypes.c_void_p).value


def look(nvml: Any, device: Any) -> Iterator[Found | None]:
    """Yield the MIG instances of a device in MIG mode; None for one that does not answer.

    Raises:
        DeviceError: When the device does not answer.
    """
    places = call(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, device)
    for index in range(min(places, _MOST_PLACES)):
        try:
            handle = call(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, device, index)
        except Unsupported:
            continue  # nobody has made an instance here
        yield _identified(nvml, handle, index)


def uuid_of(nvml: Any, handle: Any) -> str | None:
    """Return the UUID of the instance that a handle now leads to, None when it tells none."""
    try:
        return str(call(nvml, nvml.nvmlDeviceGetUUID, handle))
    except DeviceError:
        # Whether the device as a whole is down, its own handle tells.
        return None


def _identified(nvml: Any, handle: Any, index: int) -> Found | None:
    try:
        return Found(
            handle,
            address(handle),
            call(nvml, nvml.nvmlDeviceGetUUID, handle),
            call(nvml, nvml.nvmlDeviceGetGpuInstanceId, handle),
            call(nvml, nvml.nvmlDeviceGetComputeInstanceId, handle),
            index,
        )
    except DeviceError:
        return None
