"""Questions that NVML answers in a struct it is handed, or by way of other devices."""

from collections.abc import Callable, Mapping
from ctypes import byref
from typing import Any

from exporter.errors import DeviceError
from exporter.node.driver.call import call


def _fabric_v3(nvml: Any, handle: Any) -> Any:
    return _filled(nvml.c_nvmlGpuFabricInfo_v3_t(), nvml.nvmlDeviceGetGpuFabricInfoV, handle)


def _fabric_v2(nvml: Any, handle: Any) -> Any:
    return _filled(nvml.c_nvmlGpuFabricInfo_v2_t(), nvml.nvmlDeviceGetGpuFabricInfoV, handle)


def _fabric_v1(nvml: Any, handle: Any) -> Any:
    return _filled(nvml.c_nvmlGpuFabricInfo_t(), nvml.nvmlDeviceGetGpuFabricInfo, handle)


def _sram_errors(nvml: Any, handle: Any) -> Any:
    status = nvml.c_nvmlEccSramErrorStatus_v1_t()
    return _filled(status, nvml.nvmlDeviceGetSramEccErrorStatus, handle)


def _filled(struct: Any, function: Callable[..., Any], handle: Any) -> Any:
    function(handle, byref(struct))
    return struct


def _p2p_statuses(nvml: Any, handle: Any, capability: int) -> Mapping[str, int]:
    """Return what works with each of the other devices, by UUID; one that is lost is left out."""
    statuses: dict[str, int] = {}
    own = nvml.nvmlDeviceGetUUID(handle)
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            peer = call(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
            uuid = call(nvml, nvml.nvmlDeviceGetUUID, peer)
        except DeviceError:
            continue
        if uuid != own:
            statuses[uuid] = nvml.nvmlDeviceGetP2PStatus(handle, peer, capability)
    return statuses


WRAPPERS: Mapping[str, Callable[..., Any]] = {
    "GpuFabricInfo_v3": _fabric_v3,
    "GpuFabricInfo_v2": _fabric_v2,
    "GpuFabricInfo_v1": _fabric_v1,
    "SramEccErrorStatus": _sram_errors,
    "P2PStatuses": _p2p_statuses,
}
