"""One node: its devices, what they do, who holds them, and what is wrong with it."""

from grafana.builders import links, variables
from grafana.builders.alerts import firing_table
from grafana.builders.board import Board, Row
from grafana.builders.boards import node_links
from grafana.builders.panels import RATIO, Column, Step, graph, number, table
from grafana.builders.queries import NODE, NONE, firing, now, or_none, over_time, rows
from grafana.builders.series import holders, known, lines, read

_GPU = "GPU {{gpu}}"
_TO_DEVICE = (links.LINE_DEVICE,)


def _node(series: str, op: str = "sum") -> str:
    return f"{op}({series}{{{NODE}}})"


_NOW = Row(
    "Now",
    (
        number(
            "Ready",
            "What Kubernetes says of the node.",
            now(_node("node:gpu_ready:min", "min")),
            unit="none",
            words={"1": ("Ready", "green"), "0": ("not Ready", "red")},
            width=3,
        ),
        number(
            "New work",
            "Whether the scheduler may place pods here.",
            now(_node("node:gpu_cordoned:max", "max")),
            unit="none",
            words={"0": ("accepted", "green"), "1": ("cordoned", "orange")},
            width=3,
        ),
        number(
            "GPUs",
            "What Kubernetes counts, and what is allocated and free of it.",
            now(_node("node:gpu_capacity:sum"), "capacity"),
            now(_node("node:gpu_allocated:sum"), "allocated"),
            now(_node("node:gpu_free:sum"), "free"),
            unit="short",
            width=6,
        ),
        number(
            "Devices down",
            "Devices that are lost, stuck or need a reset.",
            now(f"sum(({read('gpu_up', NODE)}) == bool 0)"),
            unit="short",
            steps=(Step(1, "red"),),
            width=3,
        ),
        number(
            "Mean utilisation",
            "Mean of the devices, of the busiest instance where one is cut into MIG instances.",
            now(f"avg({read('device:gpu_activity_ratio:max', NODE)})"),
            unit=RATIO,
            width=3,
        ),
        number(
            "Power",
            "What the devices draw; the host is not included.",
            now(_node("node:gpu_power_watts:sum")),
            unit="watt",
            width=3,
        ),
        number(
            "Hottest",
            "The hottest GPU chip; how near that is to a slowdown is told by margins below.",
            now(_node("node:gpu_temperature_celsius:max", "max")),
            unit="celsius",
            width=3,
        ),
    ),
)

_MEMORY = f"{read('gpu_memory_used_bytes', NODE)} / ({read('gpu_memory_total_bytes', NODE)} > 0)"
_CHIP = f'{NODE}, sensor="gpu"'


def _row(expr: str, absent: int = -1) -> str:
    return or_none(expr, known(NODE), absent)


_DEVICES = Row(
    "Devices",
    (
        table(
            "Devices",
            "One row for each. Margin: how much hotter it may become before it is slowed down.",
            rows(_row(read("gpu_up", NODE))),
            rows(_row(read("device:gpu_activity_ratio:max", NODE))),
            rows(_row(_MEMORY)),
            rows(_row(read("gpu_power_watts", NODE))),
            rows(_row(read("gpu_temperature_celsius", _CHIP))),
            rows(_row(read("gpu_temperature_margin_celsius", NODE), absent=-999)),
            rows(_row(read("gpu_device_allocated", NODE))),
            rows(_row(f"time() - ({read('gpu_xid_last_timestamp_seconds', NODE)})")),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node"),
                Column("gpu", "GPU", links=(links.ROW_DEVICE,)),
                Column("uuid", "UUID", links=(links.ROW_DEVICE,)),
                Column(
                    "Value #A",
                    "State",
                    states={"1": ("up", "green"), "0": ("down", "red"), **NONE},
                ),
                Column("Value #B", "Utilisation", RATIO, states=NONE),
                Column("Value #C", "Memory", RATIO, states=NONE),
                Column("Value #D", "Power", "watt", states=NONE),
                Column("Value #E", "Temperature", "celsius", states=NONE),
                Column(
                    "Value #F",
                    "Margin",
                    "celsius",
                    steps=(Step(0, "orange"), Step(5, "green")),
                    states={"-999": ("n/a", "text")},
                    base="red",
                ),
                Column(
                    "Value #G",
                    "Held",
                    states={"1": ("by a pod", "text"), "0": ("free", "blue"), **NONE},
                ),
                Column("Value #H", "Since last XID", "s", states={"-1": ("none", "text")}),
            ),
            sort="GPU",
            ascending=True,
        ),
        table(
            "Pods on it",
            "Containers that hold a device or a MIG instance, with their workload.",
            rows(holders(NODE)),
            columns=(
                Column("cluster", "Cluster"),
                Column("gpu", "GPU"),
                Column("gpu_instance", "MIG instance"),
                Column("namespace", "Namespace", links=(links.ROW_NAMESPACE,)),
                Column("pod", "Pod"),
                Column("container", "Container"),
                Column("workload_type", "Workload"),
                Column("workload_name", "Name"),
                Column("queue", "Queue"),
                Column("resource", "Resource"),
            ),
        ),
    ),
)

_LOAD = Row(
    "Load",
    (
        graph(
            "Utilisation",
            "Share of time in which a kernel ran; of the busiest instance on a MIG device.",
            lines("device:gpu_activity_ratio:max", NODE, _GPU),
            unit=RATIO,
            links=_TO_DEVICE,
        ),
        graph(
            "Memory used",
            "Device memory that is allocated.",
            lines("gpu_memory_used_bytes", NODE, _GPU),
            unit="bytes",
            links=_TO_DEVICE,
        ),
        graph(
            "Power by device",
            "What each device draws.",
            lines("gpu_power_watts", NODE, _GPU),
            unit="watt",
            links=_TO_DEVICE,
        ),
        graph(
            "SM clock",
            "One that is far below its neighbours under the same load holds up a whole job.",
            lines("gpu_clock_hertz", f'{NODE}, clock="sm"', _GPU),
            unit="hertz",
            links=_TO_DEVICE,
        ),
    ),
)

_HEAT = Row(
    "Heat and throttling",
    (
        graph(
            "Temperature",
            "Of the GPU chips.",
            lines("gpu_temperature_celsius", _CHIP, _GPU),
            unit="celsius",
            links=_TO_DEVICE,
        ),
        graph(
            "Margin to slowdown",
            "How much hotter each may become before it is slowed down; below 0 it is too hot.",
            lines("gpu_temperature_margin_celsius", NODE, _GPU),
            unit="celsius",
            steps=(Step(0, "orange"), Step(5, "green")),
            base="red",
            links=_TO_DEVICE,
        ),
        graph(
            "Clocks held down, by reason",
            "Share of the devices' time in which clocks were held down. power_cap is ordinary "
            "under load; hw_thermal and hw_power_brake are faults of cooling or supply.",
            over_time(
                f"max by (cluster, node, reason) (node:gpu_clock_event_ratio:avg{{{NODE}}})",
                "{{reason}}",
            ),
            unit=RATIO,
            width=24,
        ),
    ),
)

_PROBLEMS = Row(
    "Problems",
    (
        table(
            "Problems of the node",
            "What its conditions, labels and taints tell; nothing here is nothing told.",
            rows(f"max by (cluster, node, problem) (gpu_node_problem{{{NODE}}} == 1)"),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node"),
                Column("problem", "Problem"),
            ),
            width=8,
            height=7,
        ),
        firing_table('node=~"$node"', height=7, width=16),
    ),
)

_IDENTITY = Row(
    "Identity and host",
    (
        table(
            "Node",
            "What Kubernetes and the driver say of it.",
            rows(
                "max by (cluster, node, model, pool, instance_type, zone, region, clique, os) "
                f"(gpu_node_info{{{NODE}}})"
            ),
            rows(
                f"max by (cluster, node, driver_version, cuda_version) (gpu_driver_info{{{NODE}}})"
            ),
            columns=(
                Column("node", "Node"),
                Column("model", "Model"),
                Column("pool", "Pool"),
                Column("instance_type", "Instance type"),
                Column("zone", "Zone"),
                Column("region", "Region"),
                Column("clique", "NVLink clique"),
                Column("os", "System"),
                Column("driver_version", "Driver"),
                Column("cuda_version", "CUDA"),
            ),
            height=5,
        ),
        graph(
            "CPU, memory and network of the host",
            "From node_exporter: shares of what the host has.",
            over_time(_node("node:cpu_utilization_ratio:rate5m", "max"), "CPU"),
            over_time(_node("node:memory_utilization_ratio:max", "max"), "memory"),
            over_time(_node("node:network_utilization_ratio:rate5m", "max"), "network"),
            unit=RATIO,
            width=24,
        ),
    ),
)

BOARD = Board(
    uid="gpu-node",
    title="GPU node",
    description="One node: its devices, what they do, who holds them, and what is wrong with it.",
    variables=(variables.cluster(), variables.node(multi=False)),
    rows=(_NOW, _DEVICES, _PROBLEMS, _LOAD, _HEAT, node_links.LINKS, _IDENTITY),
    annotations=(firing('node=~"$node"'),),
)
