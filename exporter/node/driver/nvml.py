"""The real driver: NVML by way of nvidia-ml-py, which no other file imports."""

import _ctypes
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.errors import (
    ConfigurationError,
    DeviceDown,
    DeviceError,
    DriverError,
    DriverUnavailable,
)
from exporter.node.asking import Device, Enumeration, Listener, Versions
from exporter.node.driver.call import call
from exporter.node.driver.device import NvmlDevice
from exporter.node.driver.events import NvmlListener
from exporter.node.driver.gpm import SamplePool
from exporter.node.driver.instances import address

_FORGET_SECONDS = 600.0


@dataclass(slots=True)
class _Open:
    """A device, where its handle points to, and since when it remembers what is not supported."""

    device: NvmlDevice
    address: int | None
    since: float


class NvmlDriver:
    """NVML, kept open between collections: opening it can take seconds.

    Args:
        monotonic: The monotonic clock.

    Raises:
        ConfigurationError: When nvidia-ml-py is not installed.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        try:
            import pynvml  # noqa: PLC0415 - the cluster role runs without it
        except ImportError as error:
            raise ConfigurationError(
                "nvidia-ml-py is missing: pip install 'gpuscope[exporter]'"
            ) from error
        self._nvml: Any = pynvml
        self._initialised = False
        self._monotonic = monotonic
        self._samples = SamplePool(pynvml)
        self._open: dict[int, _Open] = {}
        self._refused: dict[int, tuple[str, str]] = {}

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
            # A container that lost its device nodes gets here, and only a new one has them again.
            raise DriverUnavailable(
                f"NVML cannot be initialised: {error.__cause__}", restart=True
            ) from error

    def enumerate(self, untouched: Mapping[int, Device]) -> Enumeration:
        """Return every device there is; one that has not changed is the same object.

        Raises:
            DriverUnavailable: When the driver as a whole does not answer.
        """
        try:
            count = call(self._nvml, self._nvml.nvmlDeviceGetCount)
        except DeviceError as error:
            raise DriverUnavailable(f"NVML cannot count devices: {error.__cause__}") from error
        found = [untouched.get(index) or self._device(index) for index in range(count)]
        self._open = {index: self._open[index] for index in range(count) if index in self._open}
        self._refused = {i: each for i, each in self._refused.items() if i < count}
        devices = tuple(device for device in found if device is not None)
        return Enumeration(count, devices, dict(self._refused.values()))

    def listen(self, devices: Sequence[Device]) -> Listener:
        """Begin to hear of events of these devices.

        Raises:
            DriverError: When there is no such thing.
        """
        return NvmlListener(self._nvml, [each for each in devices if isinstance(each, NvmlDevice)])

    def close(self) -> None:
        """Shut NVML down and unload it: after an upgrade only a newly loaded copy fits."""
        self._open.clear()
        self._refused.clear()
        library = self._nvml.nvmlLib
        if library is None:
            return
        self._samples.free_all()
        if self._initialised:
            with contextlib.suppress(DriverError):
                call(self._nvml, self._nvml.nvmlShutdown)
            self._initialised = False
        # nvidia-ml-py never unloads: it keeps the library and pointers into it in its module.
        self._nvml.nvmlLib = None
        self._nvml._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 - there is no other way
        _ctypes.dlclose(library._handle)  # noqa: SLF001 - idem

    def _device(self, index: int) -> Device | None:
        """Return a device, or None when it refuses or is not ours to see."""
        nvml = self._nvml
        try:
            handle = call(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
            uuid = call(nvml, nvml.nvmlDeviceGetUUID, handle)
        except DeviceDown as down:
            # Nobody but itself tells who it is: what was here last.
            known = self._open.pop(index, None)
            last = known.device.uuid if known else self._refused.get(index, ("", ""))[0]
            self._refused[index] = last, down.reason
            return None
        except DeviceError:
            self._open.pop(index, None)
            return None
        self._refused.pop(index, None)
        now = self._monotonic()
        place = address(handle)
        known = self._open.get(index)
        if known is None or (known.address, known.device.uuid) != (place, uuid):
            device = NvmlDevice(nvml, handle, uuid, index, self._samples)
            self._open[index] = known = _Open(device, place, now)
        elif now - known.since > _FORGET_SECONDS:
            # What was not supported may be by now: a mode was switched, a process given rights.
            known.device.forget()
            known.since = now
        return known.device

    def _cuda_version(self) -> str:
        try:
            # Not the call's second version, which loads libcuda.
            number = int(call(self._nvml, self._nvml.nvmlSystemGetCudaDriverVersion))
        except DeviceError:
            return ""
        return f"{number // 1000}.{number % 1000 // 10}"
