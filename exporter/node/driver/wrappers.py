"""Questions that take more than one call of nvidia-ml-py's, or mend what it gets wrong."""

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

from exporter.node.driver import processes, structs


def _memory_v2(nvml: Any, handle: Any) -> Any:
    return nvml.nvmlDeviceGetMemoryInfo(handle, nvml.nvmlMemory_v2)


def _pci_bus_id(nvml: Any, handle: Any) -> str:
    return str(nvml.nvmlDeviceGetPciInfo(handle).busId)


def _gsp_firmware_version(nvml: Any, handle: Any) -> str:
    # The one text that nvidia-ml-py leaves as bytes.
    return bytes(nvml.nvmlDeviceGetGspFirmwareVersion(handle)).decode(errors="replace")


def _module_id(nvml: Any, handle: Any) -> int:
    # Left to itself nvidia-ml-py keeps the answer where every thread's comes.
    number = ctypes.c_uint()
    code = nvml.nvmlDeviceGetModuleId(handle, ctypes.byref(number))
    if code:
        raise nvml.NVMLError(code)
    return number.value


def _fan_rpm(nvml: Any, handle: Any, fan: int) -> int:
    # nvidia-ml-py's own asks for the first fan only.
    speed = nvml.c_nvmlFanSpeedInfo_t(version=nvml.nvmlFanSpeedInfo_v1, fan=fan)
    function = nvml._nvmlGetFunctionPointer("nvmlDeviceGetFanSpeedRPM")  # noqa: SLF001 - there is no other way
    code = function(handle, ctypes.byref(speed))
    if code:
        raise nvml.NVMLError(code)
    return int(speed.speed)


WRAPPERS: Mapping[str, Callable[..., Any]] = {
    "FanSpeedRPM": _fan_rpm,
    "GspFirmwareVersion": _gsp_firmware_version,
    "MemoryInfo_v2": _memory_v2,
    "ModuleId": _module_id,
    "PciBusId": _pci_bus_id,
    **structs.WRAPPERS,
    **processes.WRAPPERS,
}
"""Questions that are more than one call of a function with numbers as arguments."""
