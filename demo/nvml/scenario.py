"""Scenario files as Python values: what the stand-in driver shows, and how it misbehaves.

Units are those of the file (README.md): watts, joules, bytes, degrees Celsius, megahertz, percent.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from pathlib import Path

from demo.nvml.happenings import Event
from demo.nvml.parts import Fan, NvLink, Part, dotted
from demo.nvml.values import (
    Count,
    FieldKey,
    Integral,
    Noise,
    Ramp,
    Sentinel,
    Typed,
    Value,
    Wave,
)

__all__ = [
    "OLD_DRIVER",
    "Ailment",
    "Architecture",
    "Brand",
    "Count",
    "Device",
    "Fault",
    "FieldKey",
    "Integral",
    "Noise",
    "Ramp",
    "Scenario",
    "Sentinel",
    "System",
    "Typed",
    "Value",
    "Wave",
    "write",
]


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
    INVALID_ARGUMENT = "invalid_argument"
    NOT_SUPPORTED = "not_supported"
    NO_PERMISSION = "no_permission"
    NOT_FOUND = "not_found"
    INSUFFICIENT_SIZE = "insufficient_size"
    DRIVER_NOT_LOADED = "driver_not_loaded"
    TIMEOUT = "timeout"
    IRQ_ISSUE = "irq_issue"
    LIBRARY_NOT_FOUND = "library_not_found"
    FUNCTION_NOT_FOUND = "function_not_found"
    CORRUPTED_INFOROM = "corrupted_inforom"
    GPU_LOST = "gpu_lost"
    RESET_REQUIRED = "reset_required"
    OPERATING_SYSTEM = "operating_system"
    DRIVER_MISMATCH = "driver_mismatch"
    IN_USE = "in_use"
    MEMORY = "memory"
    NO_DATA = "no_data"
    ARGUMENT_VERSION_MISMATCH = "argument_version_mismatch"
    DEPRECATED = "deprecated"
    NOT_READY = "not_ready"
    GPU_NOT_FOUND = "gpu_not_found"
    INVALID_STATE = "invalid_state"
    UNKNOWN = "unknown"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which calls fail.

    Args:
        call: A C function without `nvmlDeviceGet` or `nvmlSystemGet` (`PowerUsage`,
            `MemoryInfo_v2`, `Init`), or one field (`field.230`, `field.138.3`); `*` = all calls.
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
    """One device; only its UUID is needed, a quantity left out is not supported.

    Args:
        parts: What else it has: Board, Pcie, Ecc, …; a kind of part at most once.
        nvlinks: By number.
        peers: nvmlGpuP2PStatus with other devices, by their index.
        fields: What fields answer beside those that follow from other quantities.
        latencies: Microseconds the driver says that a field took.
        delays: Seconds a call takes, by function.
        event_types: nvmlEventType of what the device tells of by itself.
        events: What happens to it.
    """

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
    compute_mode: Value | None = None
    temperature_margin: Value | None = None
    recovery_action: Value | None = None
    parts: tuple[Part, ...] = ()
    fans: tuple[Fan, ...] = ()
    nvlinks: tuple[NvLink, ...] = ()
    peers: Mapping[int, int] = field(default_factory=dict)
    fields: Mapping[FieldKey, Value | Typed] = field(default_factory=dict)
    latencies: Mapping[FieldKey, float] = field(default_factory=dict)
    delays: Mapping[str, float] = field(default_factory=dict)
    event_types: int | None = None
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()


OLD_DRIVER = (
    *(
        "MemoryInfo_v2",
        "TemperatureV",
        "FieldValues",
        "TotalEnergyConsumption",
        "MarginTemperature",
    ),
    *("CurrentClocksEventReasons", "SupportedClocksEventReasons", "JpgUtilization"),
    *("OfaUtilization", "FanSpeedRPM", "NumFans", "PcieSpeed", "PcieLinkMaxSpeed", "ModuleId"),
    *("GspFirmwareVersion", "GspFirmwareMode", "NumaNodeId", "NumGpuCores", "MemoryBusWidth"),
    *("SramEccErrorStatus", "RetiredPages_v2", "RemappedRows", "RowRemapperHistogram"),
    *("RepairStatus", "UnrepairableMemoryFlag_v1", "GpuFabricInfoV", "MigMode"),
    *("GridLicensableFeatures_v4", "ComputeRunningProcesses_v3", "GraphicsRunningProcesses_v3"),
)
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
        unbind: 1 = the driver tells, once, that it is about to be taken from a device.
    """

    driver_version: str = "570.124.06"
    nvml_version: str = "12.570.124.06"
    cuda_version: int = 12080
    absent: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    unbind: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything the library shows; devices in the order of their indices."""

    devices: tuple[Device, ...] = ()
    system: System = System()

    def text(self) -> str:
        """Return the file's text."""
        sections = [_section(self.system), *map(_section, self.devices)]
        return "\n".join(sections)


_REPEATED = {"faults": "fault", "events": "event"}
"""Key of the line of each item of these."""

_PARTED = {"fields": "field", "latencies": "latency", "delays": "delay", "peers": "p2p"}
"""First part of the keys of these."""

_PARTS = {"parts", "fans", "nvlinks"}
"""These know their keys."""


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
    for name in (each.name for each in fields(part)):
        value = getattr(part, name)
        if name in _REPEATED:
            yield from ((_REPEATED[name], str(each)) for each in value)
        elif name in _PARTED:
            yield from dotted(_PARTED[name], value)
        elif name not in _PARTS and (word := _word(value)):
            yield name, word
    if isinstance(part, Device):
        yield from _parts(part)


def _parts(device: Device) -> Iterator[tuple[str, str]]:
    for part in device.parts:
        yield from part.pairs()
    for things in (device.fans, device.nvlinks):
        for number, thing in enumerate(things):
            yield from thing.pairs(number)
    if device.nvlinks:
        yield "nvlink.count", str(len(device.nvlinks))


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
