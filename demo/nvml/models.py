"""A device of a known model under load: all its quantities move together."""

from collections.abc import Iterator
from dataclasses import dataclass

from demo.nvml.cutting import activity, traffic
from demo.nvml.happenings import ALL_EVENTS
from demo.nvml.parts import (
    Bar1,
    Board,
    ClockEvents,
    Codecs,
    Ecc,
    Encoder,
    ErrorKey,
    Fabric,
    NvLink,
    Part,
    Pcie,
    RemappedRows,
    Repair,
    RetiredPages,
    RowHistogram,
    Sram,
    Thresholds,
    TLimits,
)
from demo.nvml.products import A100, B200, H100, H200, L40S, MODELS, T4, V100, Model
from demo.nvml.scenario import Architecture, Device
from demo.nvml.tenants import Gpm, Mig
from demo.nvml.values import Count, Integral, Noise, Value, Wave

__all__ = ["A100", "B200", "H100", "H200", "L40S", "MODELS", "T4", "V100", "Model", "device"]

_GIB = 1024**3
_ALL_REASONS = 511
_IDLE, _POWER_CAP = 1, 4
_FABRIC_COMPLETED, _HEALTHY = 3, 1
_SWITCH = 2
_LINK_VERSIONS = {
    Architecture.VOLTA: 2,
    Architecture.AMPERE: 4,
    Architecture.HOPPER: 6,
    Architecture.BLACKWELL: 7,
}
"""NVML_NVLINK_VERSION_…: 2.0, 3.0, 4.0, 5.0."""
_ERRORS = tuple((error, counter) for error in ("corrected", "uncorrected")
                for counter in ("volatile", "aggregate"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Swing:
    """Values around what a device that is so *busy* shows."""

    busy: float
    period: float
    phase: float

    def __call__(self, low: float, high: float) -> Value:
        """Move around *busy* between what the idle and the fully used device shows."""
        middle = low + (high - low) * self.busy
        reach = (high - low) * min(self.busy, 1 - self.busy) / 2
        return Wave(middle - reach, middle + reach, self.period, self.phase)


def device(
    model: Model,
    uuid: str,
    minor: int,
    *,
    busy: float,
    period: float = 120,
    nvlinks: int = 0,
) -> Device:
    """Return a device of *model* that is *busy* on average: all its quantities move together.

    Args:
        model: What it is.
        uuid: Its UUID, `GPU-…`.
        minor: Its minor number; also shifts its waves, so that neighbours differ.
        busy: Share of the time kernels run, 0 (idle) to 1.
        period: Seconds of one swing.
        nvlinks: How many of its NVLinks are there; all of them make many series.
    """
    swing = Swing(busy, period, minor * period / 7)
    return Device(
        uuid=uuid,
        name=model.name,
        serial=f"16{minor:011d}",
        pci_bus_id=f"00000000:{(minor + 1) * 8:02X}:00.0",
        vbios_version="96.00.74.00.1A",
        minor_number=minor,
        brand=model.brand,
        architecture=model.architecture,
        utilization=swing(0, 100),
        memory_copy_utilization=swing(0, 60),
        memory_total=model.memory_total,
        memory_used=round((model.memory_total - model.memory_reserved) * busy * 0.9),
        memory_reserved=model.memory_reserved,
        temperature=swing(30, 75),
        temperature_memory=swing(35, 85) if model.memory_sensor else None,
        power=swing(model.power_idle, model.power_limit),
        power_limit=model.power_limit,
        power_limit_default=model.power_limit,
        power_limit_min=model.power_limit_min,
        power_limit_max=model.power_limit,
        energy=Integral(1_000_000),
        clock_graphics=Noise(model.clock_sm * 0.9, model.clock_sm, 15, minor),
        clock_sm=Noise(model.clock_sm * 0.9, model.clock_sm, 15, minor),
        clock_memory=model.clock_memory,
        clock_video=model.clock_sm * 0.8,
        clock_max_graphics=model.clock_sm,
        clock_max_sm=model.clock_sm,
        clock_max_memory=model.clock_memory,
        clock_max_video=model.clock_sm * 0.8,
        performance_state=0,
        persistence_mode=1,
        compute_mode=0,
        temperature_margin=swing(57, 12) if model.architecture >= Architecture.ADA else None,
        event_types=ALL_EVENTS,
        recovery_action=0 if model.architecture >= Architecture.AMPERE else None,
        parts=tuple(parts(model, minor, swing)),
        nvlinks=links(model, min(nvlinks, model.links)),
        peers={peer: 0 for peer in range(model.links and 8) if peer != minor % 8},
        delays={"PcieThroughput": 0.02},
    )


def parts(model: Model, minor: int, swing: Swing) -> Iterator[Part]:
    """Yield what devices of the model's generation have beside what all have."""
    yield Board(
        part_number=f"900-2G{model.cores % 1000:03d}-0000-000",
        inforom_image="G520.0200.00.05",
        inforom_oem="2.1",
        inforom_ecc="7.16",
        gsp_firmware="570.124.06" if model.architecture >= Architecture.TURING else None,
        compute_capability=model.compute_capability,
        numa_node=minor // 4,
        module_id=minor + 1,
        cores=model.cores,
        bus_width=model.bus_width,
    )
    yield _codecs(model)
    yield Encoder(sessions=0, frames_per_second=0, latency=0)
    yield Bar1(total=1 << (model.memory_total - 1).bit_length(), used=5 << 20)
    yield Pcie(
        generation=model.pcie,
        generation_max=model.pcie,
        generation_device=model.pcie,
        width=16,
        width_max=16,
        speed=2 ** (model.pcie - 3) * 15754,
        replays=0,
        throughput_tx=swing(0, 4_000_000),
        throughput_rx=swing(0, 8_000_000),
        bytes_tx=Count(1e9) if model.architecture >= Architecture.AMPERE else None,
        bytes_rx=Count(2e9) if model.architecture >= Architecture.AMPERE else None,
    )
    yield ClockEvents(
        active=_reasons(swing.busy),
        supported=_ALL_REASONS,
        time={"power": Count(5_000_000), "thermal": 0, "sw_thermal": 0, "hw_thermal": 0,
              "hw_power_brake": 0, "sync_boost": 0, "board_limit": 0, "low_utilization": 0,
              "reliability": 0},
    )  # fmt: skip
    if model.architecture >= Architecture.HOPPER:
        yield Gpm(activity(swing.busy, minor) | traffic(model, swing.busy, minor))
    if model.architecture >= Architecture.AMPERE and model.architecture is not Architecture.ADA:
        yield Mig(mode=0)
    yield from _temperatures(model)
    yield from _memory_health(model)
    yield from _fabric(model, minor)


def _reasons(busy: float) -> int:
    hardly, nearly_always = 0.02, 0.9
    if busy < hardly:
        return _IDLE
    return _POWER_CAP if busy > nearly_always else 0


def links(model: Model, count: int) -> tuple[NvLink, ...]:
    """Return *count* links to a switch; those of Volta's time lead to other devices."""
    counters = dict.fromkeys(("replay", "recovery", "crc_flit", "crc_data"), 0)
    return tuple(
        NvLink(
            state=1,
            version=_LINK_VERSIONS[model.architecture],
            speed=model.link_speed,
            remote=0 if model.architecture is Architecture.VOLTA else _SWITCH,
            tx=Count(1e6 + number),
            rx=Count(1e6 + number),
            **counters,
        )
        for number in range(count)
    )


def _codecs(model: Model) -> Codecs:
    """Return the codecs; JPEG and optical flow since Turing."""
    new = model.architecture >= Architecture.TURING
    return Codecs(encoder=0, decoder=0, jpeg=0 if new else None, ofa=0 if new else None)


def _temperatures(model: Model) -> Iterator[Part]:
    if model.architecture >= Architecture.ADA:
        yield TLimits(shutdown=-8, slowdown=-2, memory_max=0, gpu_max=0)
    else:
        memory = 95 if model.memory_sensor else None
        yield Thresholds(shutdown=92, slowdown=89, gpu_max=85, memory_max=memory)


def _memory_health(model: Model) -> Iterator[Part]:
    """Yield pages until Turing, rows since Ampere; since then errors are told for two places."""
    rows = model.architecture >= Architecture.AMPERE
    old = ("l1", "l2", "dram", "register", "texture")
    places = ("dram", "sram") if rows else old
    errors: dict[ErrorKey, Value] = dict.fromkeys(_ERRORS, 0)
    errors |= {(*key, place): 0 for key in _ERRORS for place in places}
    yield Ecc(mode=1, mode_pending=1, mode_default=1, errors=errors)
    if not rows:
        yield RetiredPages(single_bit=0, double_bit=0, pending=0)
        return
    yield Sram(threshold_exceeded=0)
    yield RemappedRows(corrected=0, uncorrected=0, pending=0, failed=0)
    yield RowHistogram(max=model.banks, high=0, partial=0, low=0, none=0)
    if model.architecture >= Architecture.HOPPER:
        yield Repair(channel_pending=0, tpc_pending=0, unrepairable=0)


def _fabric(model: Model, minor: int) -> Iterator[Part]:
    """Yield the fabric of a switched system: every eight devices are one."""
    if model.architecture >= Architecture.HOPPER and model.links:
        yield Fabric(
            state=_FABRIC_COMPLETED,
            cluster_uuid=f"6b1f0000-0000-4000-8000-{minor // 8:012x}",
            clique=0,
            # Two bits for each of four checks, 2 = not so; four bits of configuration, 1 = right.
            health=0b0001_10_10_10_10,
            health_summary=_HEALTHY,
        )
