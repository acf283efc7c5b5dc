"""PCIe and NVLink of a node's devices: a row of the dashboard of a node."""

from grafana.builders import links
from grafana.builders.board import Row
from grafana.builders.panels import Column, Step, graph, table
from grafana.builders.queries import NODE, NONE, or_none, over_time, rows
from grafana.builders.series import rated, read

_TO_DEVICE = (links.LINE_DEVICE,)
_BASE = read("gpu_up", NODE)
_UP = f"sum by (cluster, node, gpu, uuid) ({read('gpu_nvlink_up', NODE, 'link')})"


def _row(expr: str) -> str:
    return or_none(expr, _BASE)


LINKS = Row(
    "PCIe and NVLink",
    (
        table(
            "Links",
            "What is in use, and what device and system are both capable of. An idle device lowers "
            "the PCIe generation, which is no fault; fewer lanes are one.",
            rows(_row(read("gpu_pcie_link_generation", NODE))),
            rows(_row(read("gpu_pcie_link_generation_max", NODE))),
            rows(_row(read("gpu_pcie_link_width", NODE))),
            rows(_row(read("gpu_pcie_link_width_max", NODE))),
            rows(_row(_UP)),
            rows(_row(read("gpu_nvlink_links", NODE))),
            rows(_row(read("gpu_fabric_healthy", NODE))),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node"),
                Column("gpu", "GPU", links=(links.ROW_DEVICE,)),
                Column("uuid", "UUID"),
                Column("Value #A", "PCIe generation", "short", states=NONE),
                Column("Value #B", "at most", "short", states=NONE),
                Column("Value #C", "PCIe lanes", "short", states=NONE),
                Column("Value #D", "lanes at most", "short", states=NONE),
                Column("Value #E", "NVLinks up", "short", states=NONE),
                Column("Value #F", "NVLinks", "short", states=NONE),
                Column(
                    "Value #G",
                    "Fabric",
                    states={"1": ("healthy", "green"), "0": ("degraded", "red"), **NONE},
                ),
            ),
            sort="GPU",
            ascending=True,
        ),
        graph(
            "PCIe throughput",
            "Sent (tx) and received (rx) by each device.",
            over_time(
                rated("gpu_pcie_bytes_total", NODE, "direction"), "GPU {{gpu}} {{direction}}"
            ),
            unit="Bps",
            links=_TO_DEVICE,
        ),
        graph(
            "NVLink throughput",
            "Sent (tx) and received (rx) by each device over all of its NVLinks.",
            over_time(
                rated("gpu_nvlink_bytes_total", NODE, "direction", over="link"),
                "GPU {{gpu}} {{direction}}",
            ),
            unit="Bps",
            links=_TO_DEVICE,
        ),
        graph(
            "PCIe replays",
            "Packets that had to be sent again, per second: a bad contact or slot.",
            over_time(rated("gpu_pcie_errors_total", f'{NODE}, error="replay"'), "GPU {{gpu}}"),
            unit="short",
            steps=(Step(0.27, "orange"),),
            links=_TO_DEVICE,
        ),
        graph(
            "NVLink errors",
            "Errors of all NVLinks of a device by type, per second, of those that had any.",
            over_time(
                f"{rated('gpu_nvlink_errors_total', NODE, 'type', over='link')} > 0",
                "GPU {{gpu}} {{type}}",
            ),
            unit="short",
            links=_TO_DEVICE,
        ),
    ),
    collapsed=True,
)
