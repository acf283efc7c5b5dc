"""One device's NVML calls: units, fallbacks for old drivers, and values that are none.

Units, and what each call may refuse:
https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from exporter.errors import DeviceDown, DeviceError, Unsupported
from exporter.node.driver import Clock, Identity, Memory, PowerLimit, Sensor, Utilization
from exporter.node.nvmlcall import call

_Label = TypeVar("_Label", bound=StrEnum)


class NvmlDevice:
    """One device; what it does not support is asked once and not again by this object."""

    def __init__(self, nvml: Any, handle: Any, uuid: str, index: int) -> None:
        self._nvml = nvml
        self._handle = handle
        self._unsupported: set[tuple[object, ...]] = set()
        self._identity: Identity | None = None
        self.uuid = uuid
        self.index = index

    def identity(self) -> Identity:
        """Return who it is; asked once."""
        if self._identity is None:
            nvml = self._nvml
            self._identity = Identity(
                model=self._text(nvml.nvmlDeviceGetName),
                brand=self._word("NVML_BRAND_", nvml.nvmlDeviceGetBrand),
                architecture=self._word("NVML_DEVICE_ARCH_", nvml.nvmlDeviceGetArchitecture),
                serial=self._text(nvml.nvmlDeviceGetSerial),
                pci_bus_id=self._text(self._pci_bus_id),
                minor_number=self._text(nvml.nvmlDeviceGetMinorNumber),
                vbios_version=self._text(nvml.nvmlDeviceGetVbiosVersion),
            )
        return self._identity

    def utilization(self) -> Utilization:
        """Return the shares of time in which kernels ran and memory was accessed."""
        rates = self._ask(self._nvml.nvmlDeviceGetUtilizationRates)
        if rates is None:
            return Utilization(None, None)
        return Utilization(_ratio(rates.gpu), _ratio(rates.memory))

    def memory(self) -> Memory:
        """Return the parts of the memory; drivers before 510 count what is reserved as used."""
        nvml = self._nvml
        info = self._ask(nvml.nvmlDeviceGetMemoryInfo, nvml.nvmlMemory_v2)
        if info is not None:
            return Memory(
                _bytes(info.total), _bytes(info.used), _bytes(info.free), _bytes(info.reserved)
            )
        info = self._ask(nvml.nvmlDeviceGetMemoryInfo)
        if info is not None:
            return Memory(_bytes(info.total), _bytes(info.used), _bytes(info.free), None)
        return Memory(None, None, None, None)

    def temperatures(self) -> Mapping[Sensor, float]:
        """Return the temperatures of the chip and, where it has a sensor, of its memory."""
        nvml = self._nvml
        chip = self._ask(nvml.nvmlDeviceGetTemperatureV, nvml.NVML_TEMPERATURE_GPU)
        if chip is None:
            chip = self._ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU)
        memory = self._ask(self._field, nvml.NVML_FI_DEV_MEMORY_TEMP)
        return _present({Sensor.GPU: _celsius(chip), Sensor.MEMORY: _celsius(memory)})

    def power(self) -> float | None:
        """Return watts."""
        return _watts(self._ask(self._nvml.nvmlDeviceGetPowerUsage))

    def power_limits(self) -> Mapping[PowerLimit, float]:
        """Return watts by meaning."""
        nvml = self._nvml
        least, most = self._ask(nvml.nvmlDeviceGetPowerManagementLimitConstraints) or (None, None)
        return _present(
            {
                PowerLimit.ENFORCED: _watts(self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit)),
                PowerLimit.DEFAULT: _watts(
                    self._ask(nvml.nvmlDeviceGetPowerManagementDefaultLimit)
                ),
                PowerLimit.MIN: _watts(least),
                PowerLimit.MAX: _watts(most),
            }
        )

    def energy(self) -> float | None:
        """Return joules since the driver was loaded."""
        return _joules(self._ask(self._nvml.nvmlDeviceGetTotalEnergyConsumption))

    def clocks(self) -> Mapping[Clock, float]:
        """Return hertz by domain."""
        return self._frequencies(self._nvml.nvmlDeviceGetClockInfo)

    def clocks_max(self) -> Mapping[Clock, float]:
        """Return hertz by domain."""
        return self._frequencies(self._nvml.nvmlDeviceGetMaxClockInfo)

    def _frequencies(self, function: Callable[..., Any]) -> Mapping[Clock, float]:
        nvml = self._nvml
        domains = {
            Clock.GRAPHICS: nvml.NVML_CLOCK_GRAPHICS,
            Clock.SM: nvml.NVML_CLOCK_SM,
            Clock.MEMORY: nvml.NVML_CLOCK_MEM,
            Clock.VIDEO: nvml.NVML_CLOCK_VIDEO,
        }
        return _present(
            {clock: _hertz(self._ask(function, number)) for clock, number in domains.items()}
        )

    def _ask(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Return a call's answer, or None when the device or its driver does not know it."""
        question = (function, *arguments)
        if question in self._unsupported:
            return None
        try:
            return call(self._nvml, function, self._handle, *arguments)
        except Unsupported:
            self._unsupported.add(question)
            return None

    def _text(self, function: Callable[..., Any]) -> str:
        try:
            answer = self._ask(function)
        except DeviceDown:
            raise
        except DeviceError:
            # As with a corrupted InfoROM, which holds the serial number: not worth the rest.
            return ""
        return "" if answer is None else str(answer)

    def _word(self, prefix: str, function: Callable[..., Any]) -> str:
        """Return the name of the constant a call answers: NVML_BRAND_GEFORCE_RTX → geforce_rtx."""
        number = self._text(function)
        constants = vars(self._nvml).items()
        words = (
            name.removeprefix(prefix).lower()
            for name, value in constants
            if name.startswith(prefix) and str(value) == number
        )
        return next(words, "")

    def _pci_bus_id(self, handle: Any) -> str:
        return str(self._nvml.nvmlDeviceGetPciInfo(handle).busId)

    def _field(self, handle: Any, field: int) -> int:
        """Return a field that is an unsigned integer; each has a return code of its own."""
        (answer,) = self._nvml.nvmlDeviceGetFieldValues(handle, [field])
        if answer.nvmlReturn:
            raise self._nvml.NVMLError(answer.nvmlReturn)
        return int(answer.value.uiVal)


def _present(values: Mapping[_Label, float | None]) -> Mapping[_Label, float]:
    return {label: value for label, value in values.items() if value is not None}


# Drivers answer all bits set, or nearly, where they do not know: nothing near that is believed.


def _within(value: float | None, low: float, high: float) -> float | None:
    return value if value is not None and low <= value <= high else None


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _ratio(percent: float) -> float | None:
    plausible = _within(percent, 0, 100)
    return None if plausible is None else plausible / 100


def _bytes(count: float) -> float | None:
    return _within(count, 0, 2**50)


def _celsius(degrees: float | None) -> float | None:
    # Zero is what a sensor that is not there answers.
    return _within(degrees, 1, 200)


def _watts(milliwatts: float | None) -> float | None:
    return _thousandth(_within(milliwatts, 0, 1e8))


def _joules(millijoules: float | None) -> float | None:
    return _thousandth(_within(millijoules, 0, 1e16))


def _hertz(megahertz: float | None) -> float | None:
    plausible = _within(megahertz, 0, 1e5)
    return None if plausible is None else plausible * 1e6
