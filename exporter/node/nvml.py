"""The real driver: NVML by way of nvidia-ml-py, which no other file imports."""

import _ctypes
import contextlib
from collections.abc import Mapping
from typing import Any

from exporter.errors import ConfigurationError, DeviceError, DriverError, DriverUnavailable
from exporter.node.driver import Device, Enumeration, Versions
from exporter.node.nvmlcall import call
from exporter.node.nvmldevice import NvmlDevice


class NvmlDriver:
    """NVML, kept open between collections: opening it can take seconds.

    Raises:
        ConfigurationError: When nvidia-ml-py is not installed.
    """

    def __init__(self) -> None:
        try:
            import pynvml  # noqa: PLC0415 - the cluster role runs without it
        except ImportError as error:
            raise ConfigurationError(
                "nvidia-ml-py is missing: pip install 'gpuscope[exporter]'"
            ) from error
        self._nvml: Any = pynvml
        self._initialised = False

    def open(self, *, in_use: bool) -> Versions:
        """Load and initialise the library.

        Raises:
            DriverUnavailable: When that is not possible now.
        """
        if not in_use:
            self.close()
        nvml = self._nvml
        try:
            call(nvml, nvml.nvmlInit)
            self._initialised = True
            return Versions(
                driver=call(nvml, nvml.nvmlSystemGetDriverVersion),
                nvml=call(nvml, nvml.nvmlSystemGetNVMLVersion),
                cuda=self._cuda_version(),
            )
        except DriverUnavailable:
            raise
        except DriverError as error:
            # NVML's own words: a device's word for the same code would mislead here.
            raise DriverUnavailable(f"NVML cannot be initialised: {error.__cause__}") from error

    def enumerate(self, untouched: Mapping[int, Device]) -> Enumeration:
        """Open every device anew, but for those in *untouched*.

        Raises:
            DriverUnavailable: When the driver as a whole does not answer.
        """
        try:
            count = call(self._nvml, self._nvml.nvmlDeviceGetCount)
        except DeviceError as error:
            raise DriverUnavailable(f"NVML cannot count devices: {error.__cause__}") from error
        found = (untouched.get(index) or self._device(index) for index in range(count))
        return Enumeration(count, tuple(device for device in found if device is not None))

    def close(self) -> None:
        """Shut NVML down and unload it: after an upgrade only a newly loaded copy fits."""
        library = self._nvml.nvmlLib
        if library is None:
            return
        if self._initialised:
            with contextlib.suppress(DriverError):
                call(self._nvml, self._nvml.nvmlShutdown)
            self._initialised = False
        # nvidia-ml-py never unloads: it keeps the library and pointers into it in its module.
        self._nvml.nvmlLib = None
        self._nvml._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 - there is no other way
        _ctypes.dlclose(library._handle)  # noqa: SLF001 - idem

    def _device(self, index: int) -> Device | None:
        """Return a device, or None when it is lost or not ours to see."""
        nvml = self._nvml
        try:
            handle = call(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
            uuid = call(nvml, nvml.nvmlDeviceGetUUID, handle)
        except DeviceError:
            return None
        return NvmlDevice(nvml, handle, uuid, index)

    def _cuda_version(self) -> str:
        try:
            # Not the call's second version, which loads libcuda.
            number = int(call(self._nvml, self._nvml.nvmlSystemGetCudaDriverVersion))
        except DeviceError:
            return ""
        return f"{number // 1000}.{number % 1000 // 10}"
