"""PCIe and each NVLink of a device: a row of its dashboard."""

from grafana.builders.board import Row
from grafana.builders.panels import Column, graph, states, table
from grafana.builders.queries import DEVICE, NONE, or_none, over_time, rows
from grafana.builders.series import lines, rated, read

_LINK_UP = f"max by (link) (gpu_nvlink_up{{{DEVICE}}})"

LINKS = Row(
    "PCIe and NVLink",
    (
        graph(
            "PCIe throughput",
            "Sent (tx) and received (rx).",
            over_time(rated("gpu_pcie_bytes_total", DEVICE, "direction"), "{{direction}}"),
            unit="Bps",
        ),
        graph(
            "PCIe link",
            "Generation and lanes in use; dashed: what device and system are both capable of.",
            lines("gpu_pcie_link_generation", DEVICE, "generation"),
            lines("gpu_pcie_link_width", DEVICE, "lanes"),
            lines("gpu_pcie_link_generation_max", DEVICE, "generation at most"),
            lines("gpu_pcie_link_width_max", DEVICE, "lanes at most"),
            unit="short",
            limits=("generation at most", "lanes at most"),
        ),
        graph(
            "PCIe errors",
            "Errors and recoveries per second, of the kinds that there were any of.",
            over_time(f"{rated('gpu_pcie_errors_total', DEVICE, 'error')} > 0", "{{error}}"),
            unit="short",
        ),
        graph(
            "NVLink throughput, by link",
            "Sent (tx) and received (rx) over each link.",
            over_time(
                rated("gpu_nvlink_bytes_total", DEVICE, "link", "direction"),
                "link {{link}} {{direction}}",
            ),
            unit="Bps",
        ),
        states(
            "NVLinks",
            "When which link was active; one that sleeps to save power is.",
            over_time(_LINK_UP, "link {{link}}"),
            words={"0": ("down", "red"), "1": ("up", "green")},
            width=14,
            height=12,
        ),
        table(
            "Links",
            "Each NVLink, its speed in each direction, and its errors of all types.",
            rows(_LINK_UP),
            rows(
                or_none(f"max by (link) (gpu_nvlink_speed_bytes_per_second{{{DEVICE}}})", _LINK_UP)
            ),
            rows(
                or_none(
                    f"sum by (link) (max by (link, type) (gpu_nvlink_errors_total{{{DEVICE}}}))",
                    _LINK_UP,
                )
            ),
            columns=(
                Column("link", "Link"),
                Column("Value #A", "State", states={"0": ("down", "red"), "1": ("up", "green")}),
                Column("Value #B", "Speed", "Bps", states=NONE),
                Column("Value #C", "Errors", "short", states=NONE),
            ),
            width=10,
            height=12,
            sort="Errors",
        ),
        graph(
            "NVLink errors, by link",
            "Errors per second, of the links and types that had any.",
            over_time(
                f"{rated('gpu_nvlink_errors_total', DEVICE, 'link', 'type')} > 0",
                "link {{link}} {{type}}",
            ),
            unit="short",
        ),
        table(
            "NVLink fabric",
            "Checks of the fabric that failed; nothing here: none did, or there is no fabric.",
            rows(f"{read('gpu_fabric_problem', DEVICE, 'check')} == 1"),
            columns=(Column("check", "Failed check"),),
            width=12,
            height=8,
        ),
    ),
    collapsed=True,
)
