"""What a device draws, how hot and how fast it runs, and what holds it back."""

from exporter.catalogue.family import DEVICE, Family, Kind

TEMPERATURE = Family(
    "gpu_temperature_celsius",
    "Temperature of a sensor (gpu or memory), in degrees Celsius.",
    (*DEVICE, "sensor"),
)
TEMPERATURE_THRESHOLD = Family(
    "gpu_temperature_threshold_celsius",
    "Temperature at which something happens (shutdown, slowdown, gpu_max, memory_max, target), in "
    "degrees Celsius; newer devices tell margins instead.",
    (*DEVICE, "threshold"),
)
TEMPERATURE_MARGIN = Family(
    "gpu_temperature_margin_celsius",
    "How much hotter the device may become before it is slowed down (T.Limit), in degrees Celsius; "
    "negative when it is too hot.",
    DEVICE,
)
TEMPERATURE_MARGIN_THRESHOLD = Family(
    "gpu_temperature_margin_threshold_celsius",
    "Margin (T.Limit) below which something happens (shutdown, slowdown, gpu_max, memory_max), in "
    "degrees Celsius: for comparison with gpu_temperature_margin_celsius, not with temperatures.",
    (*DEVICE, "threshold"),
)
FAN_SPEED = Family(
    "gpu_fan_speed_ratio",
    "Speed a fan is driven at, as a share of the fastest it is meant to run; may exceed 1.",
    (*DEVICE, "fan"),
)
FAN_RPM = Family(
    "gpu_fan_speed_rpm", "Measured speed of a fan, in revolutions per minute.", (*DEVICE, "fan")
)

POWER = Family(
    "gpu_power_watts",
    "Power drawn by the device, in watts: averaged over a second on newer devices.",
    DEVICE,
)
POWER_AVERAGE = Family(
    "gpu_power_average_watts",
    "Power averaged over a second, in watts, by scope: gpu; memory, a part of it; module, which is "
    "GPUs and CPU together, so that scopes must not be added.",
    (*DEVICE, "scope"),
)
POWER_INSTANT = Family(
    "gpu_power_instant_watts",
    "Power at this moment, in watts, by scope: gpu; memory, a part of it; module, which is GPUs "
    "and CPU together, so that scopes must not be added.",
    (*DEVICE, "scope"),
)
POWER_LIMIT = Family(
    "gpu_power_limit_watts",
    "Power limit by meaning (enforced, requested, default, min, max), in watts.",
    (*DEVICE, "limit"),
)
MODULE_POWER_LIMIT = Family(
    "gpu_module_power_limit_watts",
    "Power limit by meaning (enforced, requested, default, min, max) of the module a device is "
    "on, GPUs and CPU together, in watts.",
    (*DEVICE, "limit"),
)
ENERGY = Family(
    "gpu_energy_joules_total",
    "Energy used since the driver was loaded, in joules.",
    DEVICE,
    kind=Kind.COUNTER,
)
MODULE_ENERGY = Family(
    "gpu_module_energy_joules_total",
    "Energy used by the module a device is on since the driver was loaded, GPUs and CPU together, "
    "in joules.",
    DEVICE,
    kind=Kind.COUNTER,
)

CLOCK = Family(
    "gpu_clock_hertz",
    "Current frequency of a clock domain (graphics, sm, memory, video), in hertz.",
    (*DEVICE, "clock"),
)
CLOCK_MAX = Family(
    "gpu_clock_max_hertz",
    "Highest frequency of a clock domain (graphics, sm, memory, video), in hertz.",
    (*DEVICE, "clock"),
)
CLOCK_EVENT_BITS = {
    "gpu_idle": 0x1,
    "clocks_setting": 0x2,
    "power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal": 0x20,
    "hw_thermal": 0x40,
    "hw_power_brake": 0x80,
    "display_clocks": 0x100,
    "board_limit": 0x200,
    "reliability": 0x400,
}
"""Reasons by their bit in nvmlClocksEventReasons, which DCGM has too.

The words are dcgm-exporter's for its label clock_event, continued for what it does not know.
"""

CLOCK_EVENT = Family(
    "gpu_clock_event_active",
    "1 while clocks are held down for this reason, else 0; only reasons the device can tell "
    "(gpu_idle, clocks_setting, power_cap, hw_slowdown, sync_boost, sw_thermal, hw_thermal, "
    "hw_power_brake, display_clocks, board_limit, reliability, other). Several may hold at once.",
    (*DEVICE, "reason"),
)
CLOCK_EVENT_SECONDS = Family(
    "gpu_clock_event_seconds_total",
    "Time clocks were held down for this reason since the driver was loaded, in seconds "
    "(power_cap, thermal, sync_boost, board_limit, low_utilization, reliability, sw_thermal, "
    "hw_thermal, hw_power_brake).",
    (*DEVICE, "reason"),
    kind=Kind.COUNTER,
)
