"""What broke across the fleet: XIDs with who was hit, devices down, memory, throttling, links."""

from grafana.builders import links, variables
from grafana.builders.alerts import firing_table
from grafana.builders.board import Board, Row
from grafana.builders.boards import reliability
from grafana.builders.panels import RATIO, Column, Step, bars, graph, number, table
from grafana.builders.queries import CLUSTER, NODE, firing, now, over_time, rows
from grafana.builders.series import read
from grafana.builders.xids import CRITICAL, XIDS

_DEVICE = (links.ROW_DEVICE,)
_WHERE = (
    Column("cluster", "Cluster"),
    Column("node", "Node", links=(links.ROW_NODE,)),
    Column("gpu", "GPU", links=_DEVICE),
    Column("uuid", "UUID", links=_DEVICE),
)
_ALIVE = f"0 * count(cluster:gpu_evaluation_timestamp_seconds:max{{{CLUSTER}}})"
_REASONS = f'{CLUSTER}, reason!="low_utilization"'


def _recent(metric: str, chosen: str = NODE, labels: str = "") -> str:
    """Return when it last happened, of what did within the dashboard's time."""
    kept = ", ".join(["cluster, node, gpu, uuid, xid", *([labels] if labels else [])])
    last = f"max by ({kept}) (max_over_time({metric}{{{chosen}}}[$__range]))"
    return f"({last} > time() - $__range_s)"


_XIDS = _recent("gpu_xid_last_timestamp_seconds")
_CRITICAL = _recent("gpu_xid_last_timestamp_seconds", f'{NODE}, xid=~"{CRITICAL}"')
_HOLDERS = _recent("device:gpu_xid_holder_timestamp_seconds:max", labels="namespace, pod")
_HOLDER = f"topk by (cluster, uuid, xid) (1, {_HOLDERS})"
_INFO = f"""topk by (cluster, uuid) (1,
    max by (cluster, uuid, model, serial) (gpu_info{{{NODE}}}) and on (cluster, uuid) {_XIDS})"""
_TIMES = f"""1 + max by (cluster, node, gpu, uuid, xid) (
    changes(gpu_xid_last_timestamp_seconds{{{NODE}}}[$__range]))
    and on (cluster, uuid, xid) {_XIDS}"""
_ACTION = f"""{_XIDS} * on (cluster, uuid) group_left (action)
    topk by (cluster, uuid) (1,
        max by (cluster, uuid, action) (gpu_recovery_action{{{NODE}}} == 1)
        and on (cluster, uuid) {_XIDS})"""

_NOW = Row(
    "Now",
    (
        number(
            "Devices down",
            "Devices that are lost, stuck or need a reset.",
            now(f"sum(cluster:gpu_down:sum{{{CLUSTER}}})"),
            unit="short",
            steps=(Step(1, "red"),),
        ),
        number(
            "Devices with critical XIDs",
            "Devices that told of an XID within the dashboard's time after which they are not to "
            "be used before somebody saw to them.",
            now(f"count(count by (cluster, uuid) ({_CRITICAL})) or {_ALIVE}"),
            unit="short",
            steps=(Step(1, "red"),),
        ),
        number(
            "XIDs of the last hour",
            "All of them, those that applications cause included.",
            now(f"sum(cluster:gpu_xid_errors:increase1h{{{CLUSTER}}}) or {_ALIVE}"),
            unit="short",
        ),
        number(
            "Firing hardware alerts",
            "Of all severities; no number while no rules are evaluated.",
            now(
                'count(ALERTS{alertstate="firing", category="hardware", cluster=~"$cluster|"}) '
                f"or {_ALIVE}"
            ),
            unit="short",
            steps=(Step(1, "orange"),),
        ),
        number(
            "GPU-hours held down by heat or supply",
            "Time in which clocks were held down by heat or the power supply, within the "
            "dashboard's time, over all devices.",
            now(f"sum({reliability.held_down(reliability.FAULTS)}) / 3600"),
            unit="h",
        ),
        number(
            "GPU-hours for each critical XID",
            "Hours that devices ran within the dashboard's time for each device and critical XID "
            "number: the mean time between failures. No number where none failed.",
            now(f"{reliability.GPU_HOURS} / count({_CRITICAL})"),
            unit="h",
        ),
    ),
)

_LIST = Row(
    "XIDs",
    (
        table(
            "XIDs",
            "The 200 newest within the dashboard's time, by device and number: how often at least, "
            "who held the device then (one of them where it is shared), and what the driver asks "
            "for now. Red ones need somebody now, orange ones a ticket, blue ones are mostly the "
            "application's.",
            rows(f"topk(200, 1000 * {_XIDS})"),
            rows(_TIMES),
            rows(f"{_XIDS} * 0 + on (cluster, uuid) group_left (model, serial) {_INFO}"),
            rows(f"{_XIDS} * 0 + on (cluster, uuid, xid) group_left (namespace, pod) {_HOLDER}"),
            rows(_ACTION),
            columns=(
                Column("Value #A", "Last", "dateTimeAsIso"),
                Column("xid", "XID", states=XIDS),
                *_WHERE,
                Column("serial", "Serial"),
                Column("model", "Model"),
                Column("namespace", "Namespace", links=(links.ROW_NAMESPACE,)),
                Column("pod", "Pod"),
                Column("action", "Recovery"),
                Column("Value #B", "Times", "short"),
            ),
            sort="Last",
            height=10,
        ),
        graph(
            "XIDs over time",
            "Errors of the hour before, by number, over all devices.",
            over_time(
                f"sum by (xid) (cluster:gpu_xid_errors:increase1h{{{CLUSTER}}})", "XID {{xid}}"
            ),
            unit="short",
        ),
        table(
            "Which devices are down",
            "And why, at most 200: lost, reset_required, not_found, stuck, absent, driver.",
            rows(f"topk(200, {read('gpu_down_info', NODE, 'reason')})"),
            columns=(*_WHERE, Column("reason", "Reason")),
            width=12,
            height=8,
        ),
    ),
)

_THROTTLE = Row(
    "Throttling",
    (
        graph(
            "Clocks held down, by reason",
            "Share of all device time in which clocks were held down. power_cap is ordinary under "
            "load.",
            over_time(
                "sum by (reason) ("
                f"cluster:gpu_clock_event_ratio:avg{{{_REASONS}}} "
                f"* on (cluster) group_left () cluster:gpu_up:sum{{{CLUSTER}}}) "
                f"/ on () group_left () sum(cluster:gpu_up:sum{{{CLUSTER}}})",
                "{{reason}}",
            ),
            unit=RATIO,
        ),
        bars(
            "GPU-hours held down, by reason",
            "Within the dashboard's time. What is lost is less: clocks that are held down are "
            "slower, not still.",
            now(f"sum by (reason) ({reliability.held_down(_REASONS)}) / 3600", "{{reason}}"),
            unit="h",
            width=12,
        ),
        table(
            "Nodes held down by heat or supply",
            "The 20 nodes whose devices were held down most by heat or the power supply, in the "
            "last five minutes.",
            rows(
                "topk(20, max by (cluster, node, reason) ("
                f"node:gpu_clock_event_ratio:avg{{{NODE}, {reliability.FAULT}}}) > 0)"
            ),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node", links=(links.ROW_NODE,)),
                Column("reason", "Reason"),
                Column("Value #A", "Held down", RATIO, steps=(Step(0.05, "orange"),)),
            ),
            sort="Held down",
            height=8,
        ),
    ),
)

BOARD = Board(
    uid="gpu-incidents",
    title="GPU incidents",
    description="What broke across the fleet, whom it hit, and what is to be done about it.",
    variables=(variables.cluster(), variables.node()),
    rows=(
        _NOW,
        _LIST,
        Row("Alerts", (firing_table('category="hardware"', title="Firing hardware alerts, each"),)),
        _THROTTLE,
        reliability.MEMORY,
        reliability.LINKS,
        reliability.RATES,
    ),
    annotations=(firing('category="hardware"'),),
    span="24h",
)
