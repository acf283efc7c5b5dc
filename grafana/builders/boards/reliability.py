"""Memory and links that wear out, and what fails how often: rows of the dashboard of incidents."""

from grafana.builders import links
from grafana.builders.board import Row
from grafana.builders.panels import Column, table
from grafana.builders.queries import CLUSTER, NODE, rows
from grafana.builders.series import read
from grafana.builders.xids import CRITICAL

FAULT = 'reason=~"thermal|hw_thermal|sw_thermal|hw_power_brake|board_limit|reliability"'
"""Clock events that are faults of cooling or supply, not of what runs."""

FAULTS = f"{CLUSTER}, {FAULT}"

_WHERE = (
    Column("cluster", "Cluster"),
    Column("node", "Node", links=(links.ROW_NODE,)),
    Column("gpu", "GPU", links=(links.ROW_DEVICE,)),
    Column("uuid", "UUID", links=(links.ROW_DEVICE,)),
)


def held_down(chosen: str) -> str:
    """Return for how many seconds clocks were held down within the dashboard's time."""
    return (
        f"avg_over_time(cluster:gpu_clock_event_ratio:avg{{{chosen}}}[$__range]) "
        "* on (cluster) group_left () "
        f"avg_over_time(cluster:gpu_up:sum{{{CLUSTER}}}[$__range]) * $__range_s"
    )


GPU_HOURS = f"sum(avg_over_time(cluster:gpu_up:sum{{{CLUSTER}}}[$__range])) * $__range_s / 3600"
"""Hours that devices were up within the dashboard's time, all of them together."""


def _what(expr: str, text: str) -> str:
    return f'label_replace({expr}, "what", "{text}", "", "")'


def _wanted(metric: str, text: str, chosen: str = NODE) -> str:
    return _what(f"{read(metric, chosen)} > 0", text)


_WORN = " or ".join(
    (
        _wanted("gpu_row_remap_failed", "a row could not be remapped: replace"),
        _wanted("gpu_memory_unrepairable", "memory cannot be repaired: replace"),
        _wanted("gpu_sram_ecc_threshold_exceeded", "on-chip memory is worn out: replace"),
        _wanted("gpu_row_remap_pending", "rows wait for a reset"),
        _wanted("gpu_bank_remap_pending", "banks wait for a reset"),
        _wanted("gpu_retired_pages_pending", "pages wait for a reset"),
        _wanted("gpu_repair_pending", "a repair waits for a reset"),
    )
)
_NO_SPARES = f'{NODE}, level="none"'
_UNCORRECTED = f'{NODE}, error="uncorrected", counter="volatile"'

MEMORY = Row(
    "Memory",
    (
        table(
            "Repairs wanted",
            "At most 200 devices, and what each waits for.",
            rows(f"topk(200, {_WORN})"),
            columns=(*_WHERE, Column("what", "What")),
            width=12,
        ),
        table(
            "Uncorrected ECC errors",
            "The 50 devices with most since their driver was loaded.",
            rows(f"topk(50, {read('gpu_ecc_errors_total', _UNCORRECTED)} > 0)"),
            columns=(*_WHERE, Column("Value #A", "Errors", "short")),
            width=12,
            sort="Errors",
        ),
        table(
            "Banks without spare rows",
            "The 50 devices with most memory banks of which the next fault cannot be mended.",
            rows(f"topk(50, {read('gpu_row_remap_available_banks', _NO_SPARES)} > 0)"),
            columns=(*_WHERE, Column("Value #A", "Banks", "short")),
            width=12,
            sort="Banks",
        ),
        table(
            "Rows remapped for uncorrected errors",
            "The 50 devices with most.",
            rows(
                "topk(50, "
                + read("gpu_remapped_rows_total", f'{NODE}, cause="uncorrected"')
                + " > 0)"
            ),
            columns=(*_WHERE, Column("Value #A", "Rows", "short")),
            width=12,
            sort="Rows",
        ),
    ),
    collapsed=True,
)

_ACTIONS = f'{NODE}, action!="none"'

LINKS = Row(
    "Recovery and links",
    (
        table(
            "Recovery wanted",
            "What the driver asks for, at most 200 devices.",
            rows(f"topk(200, {read('gpu_recovery_action', _ACTIONS, 'action')} == 1)"),
            columns=(*_WHERE, Column("action", "Action")),
            width=12,
        ),
        table(
            "Fabric degraded",
            "At most 200 devices that are not well connected to their NVLink fabric; which check "
            "failed stands in their dashboards.",
            rows(f"topk(200, {read('gpu_fabric_healthy', NODE, op='min')} == 0)"),
            columns=_WHERE,
            width=12,
        ),
        table(
            "NVLinks down",
            "The 50 devices with most NVLinks that are not active. This reads every link: choose "
            "nodes first where there are thousands.",
            rows(
                "topk(50, count by (cluster, node, gpu, uuid) "
                f"(max by (cluster, node, gpu, uuid, link) (gpu_nvlink_up{{{NODE}}}) == 0))"
            ),
            columns=(*_WHERE, Column("Value #A", "Links down", "short")),
            width=12,
            sort="Links down",
        ),
        table(
            "PCIe lanes lost",
            "At most 200 devices with fewer PCIe lanes than device and system are capable of.",
            rows(
                f"topk(200, {read('gpu_pcie_link_width', NODE)} "
                f"< {read('gpu_pcie_link_width_max', NODE)})"
            ),
            columns=(*_WHERE, Column("Value #A", "Lanes", "short")),
            width=12,
            sort="Lanes",
            ascending=True,
        ),
    ),
    collapsed=True,
)

_XIDS = f"""(
    max by (cluster, node, gpu, uuid, xid) (
        max_over_time(gpu_xid_last_timestamp_seconds{{{NODE}, xid=~"{CRITICAL}"}}[$__range])
    ) > time() - $__range_s
)"""
_MODEL = f"""topk by (cluster, uuid) (1,
    max by (cluster, uuid, model) (gpu_info{{{NODE}}}) and on (cluster, uuid) {_XIDS})"""
_DRIVER = f"""topk by (cluster, node) (1,
    max by (cluster, node, driver_version) (gpu_driver_info{{{NODE}}})
    and on (cluster, node) {_XIDS})"""
_OF_MODEL = f"count by (model) ({_XIDS} * on (cluster, uuid) group_left (model) {_MODEL})"
_OF_DRIVER = f"""count by (driver_version) (
    {_XIDS} * on (cluster, node) group_left (driver_version) {_DRIVER})"""
_MODELS = f"sum by (model) (avg_over_time(cluster:gpu_devices:count{{{CLUSTER}}}[$__range]))"
_DRIVERS = f"""sum by (driver_version) (
    avg_over_time(cluster:gpu_drivers:count{{{CLUSTER}}}[$__range]))"""
_DAYS = "($__range_s / 86400)"

RATES = Row(
    "Reliability",
    (
        table(
            "Critical XIDs by model",
            "Devices and critical XID numbers within the dashboard's time, and how many that are "
            "for 1,000 devices a day. Choose a long time: a day tells little.",
            rows(f"{_OF_MODEL} or {_MODELS} * 0"),
            rows(f"1000 * ({_OF_MODEL} or {_MODELS} * 0) / {_MODELS} / {_DAYS}"),
            rows(_MODELS),
            columns=(
                Column("model", "Model"),
                Column("Value #C", "Devices", "short"),
                Column("Value #A", "XIDs", "short"),
                Column("Value #B", "For 1,000 devices a day", "short"),
            ),
            width=12,
            sort="For 1,000 devices a day",
        ),
        table(
            "Critical XIDs by driver",
            "The same by version of the driver, for 1,000 nodes a day.",
            rows(f"{_OF_DRIVER} or {_DRIVERS} * 0"),
            rows(f"1000 * ({_OF_DRIVER} or {_DRIVERS} * 0) / {_DRIVERS} / {_DAYS}"),
            rows(_DRIVERS),
            columns=(
                Column("driver_version", "Driver"),
                Column("Value #C", "Nodes", "short"),
                Column("Value #A", "XIDs", "short"),
                Column("Value #B", "For 1,000 nodes a day", "short"),
            ),
            width=12,
            sort="For 1,000 nodes a day",
        ),
        table(
            "Nodes with most critical XIDs",
            "The 20 nodes with most devices and critical XID numbers within the dashboard's time: "
            "those that were repaired in vain.",
            rows(f"topk(20, count by (cluster, node) ({_XIDS}))"),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node", links=(links.ROW_NODE,)),
                Column("Value #A", "XIDs", "short"),
            ),
            width=12,
            sort="XIDs",
        ),
    ),
    collapsed=True,
)
