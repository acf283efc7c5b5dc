"""What can befall a device of the living fleet: to see alerts, dashboards and runbook at work."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from demo.nvml.happenings import Event, EventKind
from demo.nvml.parts import ClockEvents, Ecc, Part
from demo.nvml.scenario import Ailment, Device, Fault
from demo.nvml.values import Ramp

_RESET, _HOUR = 1, 3600.0
_HW_THERMAL: Final = 64
"""nvmlClocksEventReasonHwThermalSlowdown."""


def _fell_off_the_bus(device: Device) -> Device:
    lost = Fault("*", Ailment.GPU_LOST, since=5)
    return replace(device, events=(Event(EventKind.XID, 79),), faults=(*device.faults, lost))


def _uncorrectable_ecc(device: Device) -> Device:
    told = (Event(EventKind.XID, 48), Event(EventKind.ECC_UNCORRECTED))
    errors = {("uncorrected", "volatile"): 2, ("uncorrected", "volatile", "dram"): 2}
    parts = tuple(
        replace(part, errors={**part.errors, **errors}) if isinstance(part, Ecc) else part
        for part in device.parts
    )
    return replace(device, events=told, parts=parts, recovery_action=_RESET)


def _needs_reset(device: Device) -> Device:
    return replace(device, recovery_action=_RESET)


def _too_hot(device: Device) -> Device:
    parts = tuple(map(_throttled, device.parts))
    margin = device.temperature_margin and 1
    return replace(device, parts=parts, temperature=88, temperature_margin=margin)


def _throttled(part: Part) -> Part:
    if not isinstance(part, ClockEvents):
        return part
    # Four fifths of the time, for an hour, in nanoseconds.
    held = Ramp(0, 0.8 * _HOUR * 1e9, _HOUR)
    hot = {"hw_thermal": held, "thermal": held}
    return replace(part, active=_HW_THERMAL, time={**part.time, **hot})


def _stuck(device: Device) -> Device:
    return replace(device, faults=(*device.faults, Fault("*", Ailment.HANG)))


FAULTS: Final[Mapping[str, Callable[[Device], Device]]] = {
    "fell_off_the_bus": _fell_off_the_bus,
    "uncorrectable_ecc": _uncorrectable_ecc,
    "needs_reset": _needs_reset,
    "too_hot": _too_hot,
    "stuck": _stuck,
}
"""By name: a device as it is while it lasts."""
