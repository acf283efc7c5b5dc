"""Parts of a device: quantities that belong together.

Each is `PREFIX.NAME = VALUE` in a scenario file, of several things `PREFIX.NUMBER.NAME`. One that
is left out (None) is not supported by the device. Units are those of README.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

from demo.nvml.values import Value

Key = str | int | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Quantities with a common first part of their keys."""

    PREFIX: ClassVar[str]

    def pairs(self, number: int | None = None) -> Iterator[tuple[str, str]]:
        """Yield keys and values; those of the thing *number* where there are several."""
        prefix = self.PREFIX if number is None else f"{self.PREFIX}.{number}"
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Mapping):
                yield from dotted(f"{prefix}.{each.name}", value)
            elif value is not None:
                yield f"{prefix}.{each.name}", str(value)


def dotted(prefix: str, values: Mapping[Key, object]) -> Iterator[tuple[str, str]]:
    """Yield `prefix.KEY` for every key; one that is a tuple is several words."""
    for key, value in values.items():
        words = ".".join(map(str, key)) if isinstance(key, tuple) else key
        yield f"{prefix}.{words}", str(value)


@dataclass(frozen=True, slots=True)
class Board(Part):
    """What a device is made of; `compute_capability` as in 9.0."""

    PREFIX: ClassVar[str] = "board"
    part_number: str | None = None
    inforom_image: str | None = None
    inforom_oem: str | None = None
    inforom_ecc: str | None = None
    inforom_power: str | None = None
    gsp_firmware: str | None = None
    compute_capability: str | None = None
    numa_node: int | None = None
    module_id: int | None = None
    id: int | None = None
    multi_gpu: int | None = None
    cores: int | None = None
    bus_width: int | None = None
    pci_device_id: int | None = None


@dataclass(frozen=True, slots=True)
class Codecs(Part):
    """How busy encoder, decoder, JPEG decoder and optical flow are, in percent."""

    PREFIX: ClassVar[str] = "codec"
    encoder: Value | None = None
    decoder: Value | None = None
    jpeg: Value | None = None
    ofa: Value | None = None


@dataclass(frozen=True, slots=True)
class Encoder(Part):
    """What is being encoded; `latency` in microseconds."""

    PREFIX: ClassVar[str] = "encoder"
    sessions: Value | None = None
    frames_per_second: Value | None = None
    latency: Value | None = None


@dataclass(frozen=True, slots=True)
class Bar1(Part):
    """The window through which the host sees device memory, in bytes."""

    PREFIX: ClassVar[str] = "bar1"
    total: Value | None = None
    used: Value | None = None


@dataclass(frozen=True, slots=True)
class Thresholds(Part):
    """Temperatures at which something happens; until Ampere."""

    PREFIX: ClassVar[str] = "threshold"
    shutdown: Value | None = None
    slowdown: Value | None = None
    memory_max: Value | None = None
    gpu_max: Value | None = None
    acoustic_min: Value | None = None
    acoustic_current: Value | None = None
    acoustic_max: Value | None = None
    gps: Value | None = None


@dataclass(frozen=True, slots=True)
class TLimits(Part):
    """The same as margins below the limit, negative beyond it; since Ada."""

    PREFIX: ClassVar[str] = "t_limit"
    shutdown: Value | None = None
    slowdown: Value | None = None
    memory_max: Value | None = None
    gpu_max: Value | None = None


@dataclass(frozen=True, slots=True)
class Fan(Part):
    """One fan: percent, and revolutions per minute."""

    PREFIX: ClassVar[str] = "fan"
    speed: Value | None = None
    rpm: Value | None = None


@dataclass(frozen=True, slots=True)
class ClockEvents(Part):
    """Why clocks are not higher.

    Args:
        active: nvmlClocksEventReasons that apply now.
        supported: Those that can.
        time: Nanoseconds by cause: power thermal sync_boost board_limit low_utilization reliability
            sw_thermal hw_thermal hw_power_brake.
    """

    PREFIX: ClassVar[str] = "clock_events"
    active: Value | None = None
    supported: int | None = None
    time: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Modes(Part):
    """Other modes, by NVML's numbers."""

    PREFIX: ClassVar[str] = "mode"
    display: int | None = None
    display_active: int | None = None
    power_management: int | None = None
    virtualization: int | None = None


@dataclass(frozen=True, slots=True)
class Licence(Part):
    """The licence of a virtual GPU; `state` is featureState."""

    PREFIX: ClassVar[str] = "licence"
    state: int | None = None
    code: int | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Pcie(Part):
    """The link to the host: `throughput_…` in KB/s, `bytes_…` counted, `speed` in MB/s."""

    PREFIX: ClassVar[str] = "pcie"
    generation: Value | None = None
    generation_max: Value | None = None
    generation_device: Value | None = None
    width: Value | None = None
    width_max: Value | None = None
    speed: Value | None = None
    speed_max: int | None = None
    replays: Value | None = None
    throughput_tx: Value | None = None
    throughput_rx: Value | None = None
    bytes_tx: Value | None = None
    bytes_rx: Value | None = None


@dataclass(frozen=True, slots=True)
class NvLink(Part):
    """One link to another device: `tx` and `rx` in KiB, `speed` in MB/s.

    Args:
        state: 1 = up.
        version: NVLink's.
        remote: nvmlIntNvLinkDeviceType: 0 = GPU, 1 = IBM NPU, 2 = switch.
    """

    PREFIX: ClassVar[str] = "nvlink"
    state: Value | None = None
    version: int | None = None
    speed: Value | None = None
    remote: int | None = None
    tx: Value | None = None
    rx: Value | None = None
    replay: Value | None = None
    recovery: Value | None = None
    crc_flit: Value | None = None
    crc_data: Value | None = None
    ecc_data: Value | None = None


@dataclass(frozen=True, slots=True)
class Fabric(Part):
    """Membership of an NVSwitch fabric, by NVML's numbers; `health` is the mask."""

    PREFIX: ClassVar[str] = "fabric"
    state: Value | None = None
    cluster_uuid: str | None = None
    clique: int | None = None
    status: int | None = None
    health: int | None = None
    health_summary: int | None = None


ErrorKey = tuple[str, ...]
"""corrected or uncorrected, volatile or aggregate, and perhaps the place (l1 l2 dram register
texture shared cbu sram): ("corrected", "volatile"), ("uncorrected", "aggregate", "dram")."""


@dataclass(frozen=True, slots=True)
class Ecc(Part):
    """Error correction: modes 0 or 1, and errors."""

    PREFIX: ClassVar[str] = "ecc"
    mode: int | None = None
    mode_pending: int | None = None
    mode_default: int | None = None
    errors: Mapping[ErrorKey, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sram(Part):
    """SRAM errors since Ampere: by ("aggregate", "l2"), ("volatile", "parity"), and so on.

    `parity secded corrected` exist volatile and aggregate, `l2 sm pcie mcu other` aggregate.
    """

    PREFIX: ClassVar[str] = "sram"
    threshold_exceeded: int | None = None
    errors: Mapping[tuple[str, str], Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetiredPages(Part):
    """Pages out of use, until Turing."""

    PREFIX: ClassVar[str] = "retired_pages"
    single_bit: int | None = None
    double_bit: int | None = None
    pending: int | None = None


@dataclass(frozen=True, slots=True)
class RemappedRows(Part):
    """Rows out of use, since Ampere."""

    PREFIX: ClassVar[str] = "remapped_rows"
    corrected: int | None = None
    uncorrected: int | None = None
    pending: int | None = None
    failed: int | None = None


@dataclass(frozen=True, slots=True)
class RowHistogram(Part):
    """How many banks have how many spare rows."""

    PREFIX: ClassVar[str] = "row_histogram"
    max: int | None = None
    high: int | None = None
    partial: int | None = None
    low: int | None = None
    none: int | None = None


@dataclass(frozen=True, slots=True)
class Repair(Part):
    """Repairs that a reset would do, and whether memory is beyond them."""

    PREFIX: ClassVar[str] = "repair"
    channel_pending: int | None = None
    tpc_pending: int | None = None
    unrepairable: int | None = None
