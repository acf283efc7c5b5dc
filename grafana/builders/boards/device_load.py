"""What a device does and what holds it down: rows of the dashboard of a device."""

from grafana.builders.board import Row
from grafana.builders.panels import RATIO, graph, states
from grafana.builders.queries import DEVICE, over_time
from grafana.builders.series import lines, rated, read

_THRESHOLDS = f'{DEVICE}, threshold=~"slowdown|shutdown|memory_max"'
_LIMITS = f'{DEVICE}, limit=~"enforced|default|max"'

LOAD = Row(
    "Load",
    (
        graph(
            "Engines",
            "Share of time in which each engine worked. A MIG device has no kernel time of its "
            "own: see its instances.",
            lines("gpu_utilization_ratio", DEVICE, "kernels"),
            lines("gpu_memory_copy_utilization_ratio", DEVICE, "memory"),
            lines("gpu_encoder_utilization_ratio", DEVICE, "encoder"),
            lines("gpu_decoder_utilization_ratio", DEVICE, "decoder"),
            lines("gpu_jpeg_utilization_ratio", DEVICE, "JPEG"),
            lines("gpu_ofa_utilization_ratio", DEVICE, "optical flow"),
            unit=RATIO,
        ),
        graph(
            "Device memory",
            "Allocated, kept by driver and firmware, and all there is.",
            lines("gpu_memory_used_bytes", DEVICE, "used"),
            lines("gpu_memory_reserved_bytes", DEVICE, "reserved"),
            lines("gpu_bar1_memory_used_bytes", DEVICE, "BAR1 mapped"),
            lines("gpu_memory_total_bytes", DEVICE, "total"),
            unit="bytes",
            limits=("total",),
        ),
        graph(
            "Clocks",
            "Frequencies; dashed: the highest that the device is capable of.",
            lines("gpu_clock_hertz", DEVICE, "{{clock}}", "clock"),
            lines("gpu_clock_max_hertz", DEVICE, "{{clock}} max", "clock"),
            unit="hertz",
            limits=("graphics max", "sm max", "memory max", "video max"),
        ),
        graph(
            "Power and limits",
            "What it draws; dashed: the limit that is enforced, the default one and the highest.",
            lines("gpu_power_watts", DEVICE, "power"),
            lines("gpu_power_instant_watts", f'{DEVICE}, scope="gpu"', "at this moment"),
            lines("gpu_power_limit_watts", _LIMITS, "{{limit}}", "limit"),
            unit="watt",
            limits=("enforced", "default", "max"),
        ),
    ),
)
_HELD = rated("gpu_clock_event_seconds_total", DEVICE, "reason")

HELD_DOWN = Row(
    "Heat and clock events",
    (
        states(
            "Clock events",
            "When clocks were held down and why; several reasons may hold at once. gpu_idle and "
            "power_cap are ordinary; hw_thermal, hw_power_brake and hw_slowdown are faults.",
            over_time(read("gpu_clock_event_active", DEVICE, "reason"), "{{reason}}"),
            words={"0": ("no", "transparent"), "1": ("held down", "orange")},
            height=9,
        ),
        graph(
            "Time held down, by reason",
            "Share of time in which clocks were held down, by the device's own counters.",
            over_time(
                f"clamp_max({_HELD}, 1)",
                "{{reason}}",
            ),
            unit=RATIO,
        ),
        graph(
            "Temperature and thresholds",
            "Of chip and memory; dashed: where the device slows down or switches off. Newer "
            "devices tell margins in place of thresholds.",
            lines("gpu_temperature_celsius", DEVICE, "{{sensor}}", "sensor"),
            lines("gpu_temperature_threshold_celsius", _THRESHOLDS, "{{threshold}}", "threshold"),
            unit="celsius",
            limits=("slowdown", "shutdown", "memory_max"),
        ),
        graph(
            "Margin and its thresholds",
            "How much hotter it may become (T.Limit); dashed: below which margin it slows down or "
            "switches off.",
            lines("gpu_temperature_margin_celsius", DEVICE, "margin"),
            lines(
                "gpu_temperature_margin_threshold_celsius",
                DEVICE,
                "{{threshold}}",
                "threshold",
            ),
            unit="celsius",
            limits=("slowdown", "shutdown", "gpu_max", "memory_max"),
        ),
        graph(
            "Fans",
            "Speed as a share of the fastest; most devices of data centres have no fans.",
            lines("gpu_fan_speed_ratio", DEVICE, "fan {{fan}}", "fan"),
            unit=RATIO,
        ),
    ),
)
