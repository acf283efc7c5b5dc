"""Where a device's time goes, as a whole and by MIG instance: rows of its dashboard."""

from grafana.builders.board import Row
from grafana.builders.panels import RATIO, Column, graph, table
from grafana.builders.queries import DEVICE, NONE, or_none, over_time, rows
from grafana.builders.series import lines

_INSTANCE = "instance {{gpu_instance}}"

PROFILE = Row(
    "Profiling",
    (
        graph(
            "Where time goes",
            "Share of time: an engine in use, multiprocessors with work, warps resident, tensor "
            "cores in use, memory bandwidth in use.",
            lines("gpu_graphics_active_ratio", DEVICE, "engine active"),
            lines("gpu_sm_active_ratio", DEVICE, "SM active"),
            lines("gpu_sm_occupancy_ratio", DEVICE, "SM occupancy"),
            lines("gpu_tensor_active_ratio", DEVICE, "tensor cores"),
            lines("gpu_dram_active_ratio", DEVICE, "memory bandwidth"),
            unit=RATIO,
        ),
        graph(
            "Pipes",
            "Share of time in which pipes of each kind were in use.",
            lines("gpu_fp64_active_ratio", DEVICE, "FP64"),
            lines("gpu_fp32_active_ratio", DEVICE, "FP32"),
            lines("gpu_fp16_active_ratio", DEVICE, "FP16"),
            lines("gpu_integer_active_ratio", DEVICE, "integer"),
            lines("gpu_tensor_pipe_active_ratio", DEVICE, "tensor {{pipe}}", "pipe"),
            unit=RATIO,
        ),
    ),
    collapsed=True,
)


def _instance(metric: str) -> str:
    return f"max by (gpu_instance) ({metric}{{{DEVICE}}})"


_BASE = f"max by (gpu_instance) (gpu_instance_info{{{DEVICE}}})"


def _row(metric: str) -> str:
    return or_none(_instance(metric), _BASE)


INSTANCES = Row(
    "MIG instances",
    (
        table(
            "Instances",
            "MIG instances of the device; nothing here: it has none. Used: share of time in which "
            "an engine of the instance was in use.",
            rows(
                "max by (gpu_instance, compute_instance, profile, instance_uuid) "
                f"(gpu_instance_info{{{DEVICE}}})"
            ),
            rows(_row("gpu_instance_slices")),
            rows(_row("gpu_instance_memory_used_bytes")),
            rows(_row("gpu_instance_memory_total_bytes")),
            rows(_row("gpu_instance_graphics_active_ratio")),
            columns=(
                Column("gpu_instance", "Instance"),
                Column("compute_instance", "Compute instance"),
                Column("profile", "Profile"),
                Column("Value #B", "Slices", "short", states=NONE),
                Column("Value #C", "Memory used", "bytes", states=NONE),
                Column("Value #D", "Memory", "bytes", states=NONE),
                Column("Value #E", "Used", RATIO, states=NONE),
                Column("instance_uuid", "UUID"),
            ),
            sort="Instance",
            ascending=True,
        ),
        graph(
            "Engine active, by instance",
            "Share of time in which an engine of the instance was in use.",
            over_time(_instance("gpu_instance_graphics_active_ratio"), _INSTANCE),
            unit=RATIO,
        ),
        graph(
            "SM active, by instance",
            "Share of the instance's multiprocessors that had work.",
            over_time(_instance("gpu_instance_sm_active_ratio"), _INSTANCE),
            unit=RATIO,
        ),
        graph(
            "Tensor cores, by instance",
            "Share of time in which the instance's tensor cores were in use.",
            over_time(_instance("gpu_instance_tensor_active_ratio"), _INSTANCE),
            unit=RATIO,
        ),
        graph(
            "Memory bandwidth, by instance",
            "Share of the instance's memory bandwidth that was in use.",
            over_time(_instance("gpu_instance_dram_active_ratio"), _INSTANCE),
            unit=RATIO,
        ),
        graph(
            "Memory used, by instance",
            "Memory of the instance that is allocated.",
            over_time(_instance("gpu_instance_memory_used_bytes"), _INSTANCE),
            unit="bytes",
        ),
        table(
            "Processes",
            "Those that hold most device memory, at most 50.",
            rows(
                "topk(50, max by (gpu_instance, pid, process, type) "
                f"(gpu_process_memory_bytes{{{DEVICE}}}))"
            ),
            columns=(
                Column("gpu_instance", "Instance"),
                Column("pid", "PID"),
                Column("process", "Process"),
                Column("type", "Type"),
                Column("Value #A", "Memory", "bytes"),
            ),
            width=12,
            height=8,
            sort="Memory",
        ),
    ),
    collapsed=True,
)
