"""A healthy fleet as a page of OpenMetrics: every series that rules and alerts read.

Each device has the same readings, so a page is one text with other labels for each: quick to write.
"""

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

GPUS_A_NODE = 8
_STEP = 60
_NOW = (0,)
_RATE = tuple(range(0, 301, _STEP))
_TWO = (0, 900)
_HALF_HOUR = tuple(range(0, 1801, _STEP))
_SIX_HOURS = tuple(range(0, 6 * 3600, 2 * _STEP))
_LINKS = 18
_PODS_A_NODE = 3
_REASONS = (
    *("power_cap", "thermal", "sync_boost", "board_limit", "low_utilization", "reliability"),
    *("hw_thermal", "sw_thermal", "hw_power_brake"),
)
_ACTIONS = (
    "none",
    "reset",
    "reboot",
    "drain_p2p",
    "drain_and_reset",
    "recover_imex",
    "bus_reset",
    "other",
)
_PCIE = ("replay", "replay_rollover", "l0_to_recovery", "correctable", "naks_received", "fatal")
_COLLECTORS = (
    "health",
    "memory",
    "clocks",
    "power",
    "pcie",
    "nvlink",
    "ecc",
    "events",
    "processes",
)

_Series = tuple[str, str, float, Sequence[int]]


def fill(folder: Path, nodes: int, now: int) -> int:
    """Write blocks of a fleet into *folder*; return the number of its series."""
    page = folder / "page.txt"
    with page.open("w") as file:
        count = sum(file.write(text) and series for text, series in _fleet(nodes, now))
        file.write("# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(page)]
    subprocess.run([*command, str(folder / "data")], check=True, stdout=subprocess.DEVNULL)
    page.unlink()
    return count


def _fleet(nodes: int, now: int) -> Iterator[tuple[str, int]]:
    yield _text("", [("gpu_pods", 'phase="Running"', 1, _HALF_HOUR)], now), 1
    of_cluster = ("cluster_exporter", list(_known_of_node()))
    of_node = ("node_exporter", list(_told_of_node()))
    of_device = ("node_exporter", list(_told_of_device()))
    texts = {id(part): _text(part[0], part[1], now) for part in (of_cluster, of_node, of_device)}
    for number in range(nodes):
        node = f'node="n{number}"'
        for part in (of_cluster, of_node):
            yield _of(texts[id(part)], node, number), len(part[1])
        for gpu in range(GPUS_A_NODE):
            device = f'{node},gpu="{gpu}",uuid="GPU-{number}-{gpu}"'
            yield _of(texts[id(of_device)], device, number, gpu), len(of_device[1])


def _of(text: str, labels: str, number: int, gpu: int = 0) -> str:
    pod = f'namespace="ns{number % 40}",pod="{number}-{gpu // 3}"'
    replaced = text.replace("@of", labels).replace("@pod", pod)
    return replaced.replace("@node", str(number)).replace("@pool", str(number % 50))


def _text(told_by: str, series: Iterable[_Series], now: int) -> str:
    # Samples of one series need not be together, but must be in order.
    common = {
        "": 'cluster="c"',
        "cluster_exporter": 'cluster="c",job="gpu-cluster",instance="10.0.0.1:9410"',
        "node_exporter": 'cluster="c",job="gpu-node",instance="n@node:9400"',
    }[told_by]
    recorded = 'cluster="c"'
    return "".join(
        f"{name}{{{_joined(recorded if ':' in name else common, labels)}}} {value} {now - age}\n"
        for name, labels, value, ages in series
        for age in sorted(ages, reverse=True)
    )


def _joined(*labels: str) -> str:
    return ",".join(part for part in labels if part)


def _known_of_node() -> Iterator[_Series]:
    yield "gpu_node_info", '@of,model="H100",pool="p@pool"', 1, _NOW
    yield "gpu_node_ready", "@of", 1, _NOW
    yield "gpu_node_cordoned", "@of", 0, _NOW
    yield "gpu_node_hourly_price", "@of", 16, _NOW
    for name, value in (("capacity", 8), ("allocatable", 8), ("allocated", 6), ("free", 2)):
        yield f"gpu_node_{name}", '@of,resource="nvidia.com/gpu"', value, _NOW
    for part in range(_PODS_A_NODE):
        pod = f'namespace="ns1",pod="@node-{part}",uid="@node-{part}"'
        yield "gpu_pod_allocated", f"{pod},@of", 3, _NOW
        yield "gpu_pod_requested", pod, 3, _NOW
        yield "gpu_pod_start_timestamp_seconds", pod, 5, _NOW
        yield "gpu_pod_state", f'{pod},phase="Running",state="running"', 1, _NOW
        yield "gpu_pod_info", f'{pod},@of,workload_type="Job",workload_name="w"', 1, _NOW


def _told_of_node() -> Iterator[_Series]:
    yield "up", "", 1, _NOW
    yield "gpu_driver_info", '@of,driver_version="570"', 1, _NOW
    for name in ("devices", "pci_devices"):
        yield f"gpu_{name}", "@of", GPUS_A_NODE, _NOW
    yield "gpu_exporter_driver_up", "@of", 1, _NOW
    yield "gpu_exporter_driver_released", "@of", 0, _NOW
    yield "gpu_exporter_last_collection_timestamp_seconds", "@of", 4e9, _NOW
    yield "gpu_exporter_stuck_calls", "@of", 0, _NOW
    for name in ("collections", "collections_overrun"):
        yield f"gpu_exporter_{name}_total", "@of", 5, tuple(range(0, 601, _STEP))
    for name in ("podresources_up", "node_view_up", "compat_success", "web_config_reload_success"):
        yield f"gpu_exporter_{name}", "", 1, _NOW
    for collector in _COLLECTORS:
        yield "gpu_exporter_collector_success", f'collector="{collector}"', 1, _NOW
    yield "node:gpu_devices:max", "@of", GPUS_A_NODE, _SIX_HOURS


def _told_of_device() -> Iterator[_Series]:
    yield "gpu_info", '@of,model="H100"', 1, _NOW
    for name, value in _VALUES.items():
        yield f"gpu_{name}", "@of", value, _NOW
    for name, label, values, worth in _SETS:
        for one in values:
            yield f"gpu_{name}", f'@of,{label}="{one}"', worth(one), _NOW
    yield "gpu_energy_joules_total", "@of", 1e6, _RATE
    for reason in _REASONS:
        yield "gpu_clock_event_seconds_total", f'@of,reason="{reason}"', 1e5, _RATE
    for error in _PCIE:
        yield "gpu_pcie_errors_total", f'@of,error="{error}"', 0, _RATE
    for error in ("corrected", "uncorrected"):
        for counter in ("volatile", "aggregate"):
            labels = f'@of,error="{error}",counter="{counter}"'
            yield "gpu_ecc_errors_total", labels, 0, (0, 3600)
    yield from _links()
    yield "gpu_device_pod_info", '@of,@pod,source="podresources"', 1, _NOW
    yield "device:gpu_activity_ratio:max", "@of", 0.9, _HALF_HOUR


def _links() -> Iterator[_Series]:
    for link in range(_LINKS):
        yield "gpu_nvlink_up", f'@of,link="{link}"', 1, _NOW
        yield "gpu_nvlink_symbol_errors_total", f'@of,link="{link}"', 0, _TWO
        for kind in ("replay", "recovery", "crc_flit"):
            yield "gpu_nvlink_errors_total", f'@of,link="{link}",type="{kind}"', 0, _TWO
        for result in ("successful", "failed"):
            yield "gpu_nvlink_recoveries_total", f'@of,link="{link}",result="{result}"', 0, _TWO


_VALUES: dict[str, float] = {
    **dict.fromkeys(("up", "device_events_heard", "fabric_healthy"), 1),
    **dict.fromkeys(("utilization_ratio", "graphics_active_ratio"), 0.9),
    **dict.fromkeys(("power_watts", "memory_used_bytes", "memory_total_bytes"), 80),
    **dict.fromkeys(("pcie_link_width", "pcie_link_width_max"), 16),
    **dict.fromkeys(("pcie_link_generation", "pcie_link_generation_max"), 5),
    **dict.fromkeys(
        (
            *("sram_ecc_threshold_exceeded", "memory_unrepairable", "row_remap_failed"),
            *("row_remap_pending", "bank_remap_pending", "retired_pages_pending"),
        ),
        0,
    ),
    "temperature_margin_celsius": 30,
}
# Metric, label, its values, and the value of each.
_SETS = (
    ("temperature_celsius", "sensor", ("gpu", "memory"), lambda _: 50),
    ("temperature_threshold_celsius", "threshold", ("slowdown", "memory_max"), lambda _: 95),
    ("temperature_margin_threshold_celsius", "threshold", ("slowdown", "shutdown"), lambda _: -2),
    ("clock_hertz", "clock", ("graphics", "sm", "memory", "video"), lambda _: 1.9e9),
    ("clock_event_active", "reason", _REASONS, lambda _: 0),
    ("recovery_action", "action", _ACTIONS, lambda one: int(one == "none")),
    ("last_reading_timestamp_seconds", "group", ("slow", "medium", "fast"), lambda _: 4e9),
    ("fabric_state", "state", ("not_started", "completed"), lambda one: int(one == "completed")),
    ("repair_pending", "part", ("channel", "tpc"), lambda _: 0),
    ("row_remap_available_banks", "level", ("max", "high", "partial", "low", "none"), lambda _: 0),
    ("remapped_rows_total", "cause", ("corrected", "uncorrected"), lambda _: 0),
    ("retired_pages_total", "cause", ("corrected", "uncorrected"), lambda _: 0),
)
