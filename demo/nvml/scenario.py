"""Scenario files as Python values: what the stand-in driver shows, and how it misbehaves.

Units are those of the file (README.md): watts, joules, bytes, degrees Celsius, megahertz, percent.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from pathlib import Path


class Architecture(IntEnum):
    """NVML's architecture numbers (nvmlDeviceArchitecture_t)."""

    VOLTA = 5
    TURING = 6
    AMPERE = 7
    ADA = 8
    HOPPER = 9
    BLACKWELL = 10


class Brand(IntEnum):
    """NVML's brand numbers (nvmlBrandType_t)."""

    TESLA = 2
    GEFORCE = 5
    NVIDIA = 14


class Ailment(StrEnum):
    """How a call can fail; all but HANG answer the NVML code of that name."""

    UNINITIALIZED = "uninitialized"
    NOT_SUPPORTED = "not_supported"
    NO_PERMISSION = "no_permission"
    NOT_FOUND = "not_found"
    DRIVER_NOT_LOADED = "driver_not_loaded"
    CORRUPTED_INFOROM = "corrupted_inforom"
    GPU_LOST = "gpu_lost"
    RESET_REQUIRED = "reset_required"
    DRIVER_MISMATCH = "driver_mismatch"
    UNKNOWN = "unknown"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Wave:
    """A cosine between two values; two devices of different *phase* (seconds) do not move alike."""

    low: float
    high: float
    period: float
    phase: float = 0

    def __str__(self) -> str:
        return f"wave {self.low} {self.high} {self.period} {self.phase}"


@dataclass(frozen=True, slots=True)
class Noise:
    """A new random value every *period* seconds, with straight lines between them."""

    low: float
    high: float
    period: float
    seed: int = 0

    def __str__(self) -> str:
        return f"noise {self.low} {self.high} {self.period} {self.seed}"


@dataclass(frozen=True, slots=True)
class Ramp:
    """A straight line that takes *seconds* from when the file is loaded, and then stays."""

    start: float
    end: float
    seconds: float

    def __str__(self) -> str:
        return f"ramp {self.start} {self.end} {self.seconds}"


@dataclass(frozen=True, slots=True)
class Integral:
    """For `energy` alone: *start* joules, and from then on the integral of the power."""

    start: float = 0

    def __str__(self) -> str:
        return f"integral {self.start}"


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A value with all bits set, as drivers answer instead of saying that they do not know."""

    def __str__(self) -> str:
        return "sentinel"


Value = float | Wave | Noise | Ramp | Integral | Sentinel
"""One quantity; None in a device = the device does not have it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which calls fail.

    Args:
        call: A C function without `nvmlDeviceGet` or `nvmlSystemGet` (`PowerUsage`,
            `MemoryInfo_v2`, `Init`); `*` = all of them.
        ailment: What happens.
        seconds: How long a HANG lasts; the others ignore it.
        since: Seconds after the file was loaded from which on it happens.
    """

    call: str
    ailment: Ailment
    seconds: float = 3600
    since: float = 0

    def __str__(self) -> str:
        duration = f" {self.seconds}" if self.ailment is Ailment.HANG else ""
        return f"{self.call} {self.ailment}{duration} from={self.since}"


@dataclass(frozen=True, slots=True)
class Device:
    """One device; only its UUID is needed, a quantity left out is not supported."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    serial: str = ""
    pci_bus_id: str = ""
    vbios_version: str = ""
    minor_number: int | None = None
    brand: Brand | None = None
    architecture: Architecture | None = None
    utilization: Value | None = None
    memory_copy_utilization: Value | None = None
    memory_total: Value | None = None
    memory_used: Value | None = None
    memory_reserved: Value | None = None
    temperature: Value | None = None
    temperature_memory: Value | None = None
    power: Value | None = None
    power_limit: Value | None = None
    power_limit_default: Value | None = None
    power_limit_min: Value | None = None
    power_limit_max: Value | None = None
    energy: Value | None = None
    clock_graphics: Value | None = None
    clock_sm: Value | None = None
    clock_memory: Value | None = None
    clock_video: Value | None = None
    clock_max_graphics: Value | None = None
    clock_max_sm: Value | None = None
    clock_max_memory: Value | None = None
    clock_max_video: Value | None = None
    performance_state: Value | None = None
    persistence_mode: Value | None = None
    faults: tuple[Fault, ...] = ()


OLD_DRIVER = ("MemoryInfo_v2", "TemperatureV", "FieldValues", "TotalEnergyConsumption")
"""Functions a driver of around 2016 lacks."""


@dataclass(frozen=True, slots=True)
class System:
    """The library as a whole.

    Args:
        driver_version: The loaded driver's; a process that saw another one before gets
            "driver/library version mismatch" until it loads the library anew.
        nvml_version: NVML's.
        cuda_version: As NVML counts, 1000 * major + 10 * minor.
        absent: Functions the library lacks.
        faults: Faults of every device and of the library's own calls.
    """

    driver_version: str = "570.124.06"
    nvml_version: str = "12.570.124.06"
    cuda_version: int = 12080
    absent: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything the library shows; devices in the order of their indices."""

    devices: tuple[Device, ...] = ()
    system: System = System()

    def text(self) -> str:
        """Return the file's text."""
        sections = [_section(self.system), *map(_section, self.devices)]
        return "\n".join(sections)


def write(path: Path, scenario: Scenario) -> None:
    """Put *scenario* in place of the file at once: a reader sees the old or the new text."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(scenario.text())
    Path(name).replace(path)


def _section(part: System | Device) -> str:
    lines = "".join(f"{key} = {value}\n" for key, value in _pairs(part))
    return f"[{type(part).__name__.lower()}]\n{lines}"


def _pairs(part: System | Device) -> Iterator[tuple[str, str]]:
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "faults":
            yield from (("fault", str(fault)) for fault in value)
        elif word := _word(value):
            yield field.name, word


def _word(value: object) -> str:
    match value:
        case None:
            return ""
        case IntEnum():
            return str(int(value))
        case tuple():
            return " ".join(value)
        case _:
            return str(value)
