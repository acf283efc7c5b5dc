"""Fields about what a device is, holds and draws. Names are without DCGM_FI_."""

from dataclasses import replace

from exporter.catalogue.dcgm.field import (
    Coded,
    Default,
    Field,
    Share,
    Text,
    Unit,
    counter,
    gauge,
    label,
    read,
)
from exporter.catalogue.power import CLOCK_EVENT_BITS

_MHZ, _MIB, _PERCENT = Unit.MEGAHERTZ, Unit.MEBIBYTES, Unit.PERCENT
_ALWAYS = Default.ALWAYS
_EVENTS = Coded("gpu_clock_event_active", "reason", CLOCK_EVENT_BITS)


def _clock(name: str, what: str, domain: str, new: str, default: Default = Default.NEVER) -> Field:
    source = read("gpu_clock_hertz", clock=domain)
    help_ = f"{what} (in MHz)."
    return gauge(f"DEV_{name}", help_, source, _MHZ, new=f"DEV_{new}_HERTZ", default=default)


def _limit(name: str, what: str, limit: str, new: str) -> Field:
    source = read("gpu_power_limit_watts", limit=limit)
    return gauge(f"DEV_{name}", f"{what} (in W).", source, new=f"DEV_BOARD_POWER_LIMIT_{new}_WATTS")


def _threshold(name: str, what: str, threshold: str, new: str) -> Field:
    source = read("gpu_temperature_threshold_celsius", threshold=threshold)
    return gauge(f"DEV_{name}", f"{what} (in C).", source, new=f"DEV_{new}_CELSIUS")


def _memory(name: str, what: str, family: str, new: str, default: Default = Default.NEVER) -> Field:
    help_ = f"{what} (in MiB)."
    return gauge(f"DEV_{name}", help_, read(family), _MIB, new=f"DEV_{new}_BYTES", default=default)


def _violation(name: str, why: str, reason: str) -> Field:
    return counter(
        f"DEV_{name}_VIOLATION",
        f"Throttling duration due to {why} (in ns).",
        read("gpu_clock_event_seconds_total", reason=reason),
        Unit.NANOSECONDS,
        new=f"DEV_GPU_{name}_THROTTLE_SECONDS_TOTAL",
    )


_CLOCKS = (
    _clock("SM_CLOCK", "SM clock frequency", "sm", "SM_CLOCK", _ALWAYS),
    _clock("MEM_CLOCK", "Memory clock frequency", "memory", "MEMORY_CLOCK", _ALWAYS),
    _clock("VIDEO_CLOCK", "Video clock frequency", "video", "VIDEO_CLOCK"),
    *(
        gauge(
            f"DEV_MAX_{old}_CLOCK",
            f"Highest {domain} clock frequency (in MHz).",
            read("gpu_clock_max_hertz", clock=domain),
            _MHZ,
            new=f"DEV_{domain.upper()}_MAX_CLOCK_HERTZ",
        )
        for old, domain in (("SM", "sm"), ("MEM", "memory"), ("VIDEO", "video"))
    ),
    gauge(
        "DEV_CLOCK_THROTTLE_REASONS",
        "Why clocks are not higher (bitmask).",
        _EVENTS,
        new="DEV_CLOCKS_EVENT_REASONS",
    ),
)
_TEMPERATURES = (
    gauge(
        "DEV_MEMORY_TEMP",
        "Memory temperature (in C).",
        read("gpu_temperature_celsius", sensor="memory"),
        new="DEV_MEMORY_TEMP_CELSIUS",
        default=_ALWAYS,
    ),
    gauge(
        "DEV_GPU_TEMP",
        "GPU temperature (in C).",
        read("gpu_temperature_celsius", sensor="gpu"),
        new="DEV_GPU_TEMP_CELSIUS",
        default=_ALWAYS,
    ),
    _threshold("SLOWDOWN_TEMP", "Slowdown temperature", "slowdown", "GPU_TEMP_SLOWDOWN"),
    _threshold("SHUTDOWN_TEMP", "Shutdown temperature", "shutdown", "GPU_TEMP_SHUTDOWN"),
    _threshold("GPU_MAX_OP_TEMP", "Highest temperature to run at", "gpu_max", "GPU_MAX_OP_TEMP"),
    _threshold(
        "MEM_MAX_OP_TEMP",
        "Highest memory temperature to run at",
        "memory_max",
        "MEMORY_MAX_OP_TEMP",
    ),
    gauge(
        "DEV_GPU_TEMP_LIMIT",
        "Distance to the nearest slowdown temperature (in C).",
        read("gpu_temperature_margin_celsius"),
        new="DEV_GPU_TEMP_MARGIN_CELSIUS",
    ),
    gauge(
        "DEV_FAN_SPEED",
        "Fan speed (in %).",
        read("gpu_fan_speed_ratio", fan="0"),
        _PERCENT,
        new="DEV_FAN_SPEED_RATIO",
    ),
)
_POWER = (
    gauge(
        "DEV_POWER_USAGE",
        "Power draw (in W).",
        read("gpu_power_watts"),
        new="DEV_BOARD_POWER_WATTS",
        default=_ALWAYS,
    ),
    gauge(
        "DEV_POWER_USAGE_INSTANT",
        "Power draw at this moment (in W).",
        read("gpu_power_instant_watts", scope="gpu"),
        new="DEV_BOARD_POWER_RAW_WATTS",
    ),
    counter(
        "DEV_TOTAL_ENERGY_CONSUMPTION",
        "Total energy consumption since boot (in mJ).",
        read("gpu_energy_joules_total"),
        Unit.MILLIJOULES,
        new="DEV_GPU_ENERGY_JOULES_TOTAL",
        default=_ALWAYS,
    ),
    _limit("POWER_MGMT_LIMIT", "Power limit that is set", "requested", "REQUESTED"),
    _limit("POWER_MGMT_LIMIT_MIN", "Lowest power limit", "min", "MIN"),
    _limit("POWER_MGMT_LIMIT_MAX", "Highest power limit", "max", "MAX"),
    _limit("POWER_MGMT_LIMIT_DEF", "Default power limit", "default", "DEFAULT"),
    _limit("ENFORCED_POWER_LIMIT", "Power limit that is enforced", "enforced", "ENFORCED"),
)
_VIOLATIONS = (
    _violation("POWER", "power constraints", "power_cap"),
    _violation("THERMAL", "thermal constraints", "thermal"),
    _violation("SYNC_BOOST", "sync-boost constraints", "sync_boost"),
    _violation("BOARD_LIMIT", "board limit constraints", "board_limit"),
    _violation("LOW_UTIL", "low utilization", "low_utilization"),
    _violation("RELIABILITY", "reliability constraints", "reliability"),
)
_MEMORY = (
    _memory("FB_FREE", "Framebuffer memory free", "gpu_memory_free_bytes", "FB_FREE", _ALWAYS),
    _memory("FB_USED", "Framebuffer memory used", "gpu_memory_used_bytes", "FB_USED", _ALWAYS),
    _memory(
        "FB_RESERVED",
        "Framebuffer memory reserved",
        "gpu_memory_reserved_bytes",
        "FB_RESERVED",
        _ALWAYS,
    ),
    _memory("FB_TOTAL", "Framebuffer memory", "gpu_memory_total_bytes", "FB_CAPACITY", Default.NEW),
    gauge(
        "DEV_FB_USED_PERCENT",
        "Framebuffer memory used, of what is not reserved (from 0 to 1).",
        Share("gpu_memory_used_bytes", "gpu_memory_total_bytes", "gpu_memory_reserved_bytes"),
        new="DEV_FB_USED_RATIO",
    ),
    *(
        _memory(f"BAR1_{old}", f"BAR1 memory {what}", f"gpu_bar1_memory_{what}_bytes", new)
        for old, what, new in (
            ("TOTAL", "total", "BAR1_CAPACITY"),
            ("USED", "used", "BAR1_USED"),
            ("FREE", "free", "BAR1_FREE"),
        )
    ),
)
_UTILIZATIONS = tuple(
    gauge(
        f"DEV_{old}_UTIL",
        f"{what} utilization (in %).",
        read(f"gpu_{family}_ratio"),
        _PERCENT,
        new=f"DEV_{new}_UTIL_RATIO",
        default=_ALWAYS,
    )
    for old, what, family, new in (
        ("GPU", "GPU", "utilization", "GPU"),
        ("MEM_COPY", "Memory", "memory_copy_utilization", "MEMORY"),
        ("ENC", "Encoder", "encoder_utilization", "ENC"),
        ("DEC", "Decoder", "decoder_utilization", "DEC"),
    )
)
_TEXTS = (
    replace(
        label(
            "DRIVER_VERSION",
            "Driver Version",
            Text("gpu_driver_info", "driver_version"),
            new="SYSTEM_DRIVER_VERSION",
        ),
        default=_ALWAYS,
    ),
    label(
        "NVML_VERSION",
        "NVML Version",
        Text("gpu_driver_info", "nvml_version"),
        new="SYSTEM_NVML_VERSION",
    ),
    label("DEV_NAME", "Device Name", Text("gpu_info", "model"), new="DEV_GPU_NAME"),
    label("DEV_BRAND", "Device Brand", Text("gpu_info", "brand"), new="DEV_GPU_BRAND"),
    label("DEV_SERIAL", "Device Serial Number", Text("gpu_info", "serial"), new="DEV_BOARD_SERIAL"),
    label("DEV_VBIOS_VERSION", "VBIOS version of the device", Text("gpu_info", "vbios_version")),
    *(
        label(
            f"DEV_{old}",
            f"{what} version",
            Text("gpu_firmware_info", f"inforom_{ours}_version"),
            new=f"DEV_INFOROM_{ours.upper()}_VERSION",
        )
        for old, what, ours in (
            ("OEM_INFOROM_VER", "OEM inforom", "oem"),
            ("ECC_INFOROM_VER", "ECC inforom", "ecc"),
            ("POWER_INFOROM_VER", "Power management object inforom", "power"),
            ("INFOROM_IMAGE_VER", "Inforom image", "image"),
        )
    ),
)
_PSTATE = gauge(
    "DEV_PSTATE",
    "Performance state, from 0, the fastest, to 15.",
    read("gpu_performance_state"),
    new="DEV_GPU_PSTATE",
)

FIELDS: tuple[Field, ...] = (
    *(*_CLOCKS, *_TEMPERATURES, *_POWER, *_UTILIZATIONS, *_MEMORY),
    *(_PSTATE, *_VIOLATIONS, *_TEXTS),
)
