"""What is wrong with a device: XIDs, ECC, remapped memory, recovery; a row of its dashboard."""

from grafana.builders.alerts import firing_table
from grafana.builders.board import Row
from grafana.builders.panels import Column, graph, states, table
from grafana.builders.queries import DEVICE, NONE, over_time, rows
from grafana.builders.series import rated, read
from grafana.builders.xids import XIDS

_LAST = read("gpu_xid_last_timestamp_seconds", DEVICE, "xid")
_TIMES = f"""
    max by (cluster, node, gpu, uuid, xid) (
        increase(gpu_xid_errors_total{{{DEVICE}}}[$__range])
    ) and on (cluster, uuid, xid) {_LAST}
"""
_ASKED = f'{DEVICE}, action!="none"'
_YES_NO = {"0": ("no", "green"), "1": ("yes", "red"), **NONE}
_ECC = f"max by (error, counter) (gpu_ecc_errors_total{{{DEVICE}}})"


def _named(metric: str, what: str) -> str:
    return f'label_replace({read(metric, DEVICE)}, "what", "{what}", "", "")'


_REPAIRS = " or ".join(
    _named(metric, what)
    for metric, what in (
        ("gpu_row_remap_pending", "rows wait for a reset"),
        ("gpu_row_remap_failed", "a row could not be remapped"),
        ("gpu_bank_remap_pending", "banks wait for a reset"),
        ("gpu_retired_pages_pending", "pages wait for a reset"),
        ("gpu_repair_pending", "a repair waits for a reset"),
        ("gpu_memory_unrepairable", "memory cannot be repaired"),
        ("gpu_sram_ecc_threshold_exceeded", "on-chip memory is worn out"),
    )
)

HEALTH = Row(
    "Health",
    (
        firing_table('node=~"$node"', 'uuid=~"$uuid"', width=12, height=7),
        table(
            "XIDs",
            "Errors that the driver told of: when last, and how often within the dashboard's time.",
            rows(f"1000 * {_LAST}"),
            rows(_TIMES),
            columns=(
                Column("xid", "XID", states=XIDS),
                Column("Value #B", "Times", "short"),
                Column("Value #A", "Last", "dateTimeAsIso"),
            ),
            width=12,
            height=7,
            sort="Last",
        ),
        states(
            "Up, listened to, recovery",
            "Whether the device answered, whether its events were heard, what the driver asks for.",
            over_time(f"{read('gpu_up', DEVICE)} + 2", "up"),
            over_time(f"{read('gpu_device_events_heard', DEVICE)} + 2", "events heard"),
            over_time(
                f"{read('gpu_recovery_action', _ASKED, 'action')} == 1",
                "recovery: {{action}}",
            ),
            words={"1": ("asked for", "red"), "2": ("no", "red"), "3": ("yes", "green")},
            height=6,
        ),
        table(
            "ECC errors",
            "volatile: since the driver was loaded; aggregate: in the device's life.",
            rows(_ECC),
            columns=(
                Column("error", "Error"),
                Column("counter", "Counter"),
                Column("Value #A", "Errors", "short"),
            ),
            width=8,
            sort="Errors",
        ),
        table(
            "Repairs of memory",
            "What waits for a reset, and what only a replacement mends.",
            rows(_REPAIRS),
            columns=(Column("what", "What"), Column("Value #A", "Is so", states=_YES_NO)),
            width=8,
            sort="Is so",
        ),
        table(
            "Spare rows",
            "Memory banks by how many spare rows they have left; none: the next fault there stays.",
            rows(f"max by (level) (gpu_row_remap_available_banks{{{DEVICE}}})"),
            columns=(Column("level", "Spare rows"), Column("Value #A", "Banks", "short")),
            width=8,
        ),
        graph(
            "ECC errors over time",
            "Errors per second, by the counters since the driver was loaded.",
            over_time(
                rated("gpu_ecc_errors_total", f'{DEVICE}, counter="volatile"', "error"),
                "{{error}}",
            ),
            unit="short",
        ),
        graph(
            "Remapped rows and retired pages",
            "Memory that was replaced by spare one, by what made it necessary.",
            over_time(
                f"max by (cause) (gpu_remapped_rows_total{{{DEVICE}}})",
                "rows, {{cause}}",
            ),
            over_time(f"max by (cause) (gpu_retired_pages_total{{{DEVICE}}})", "pages, {{cause}}"),
            unit="short",
        ),
    ),
)
