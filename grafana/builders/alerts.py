"""The table of alerts that fire, the same in every dashboard that has one."""

from grafana.builders import links
from grafana.builders.frames import Panel
from grafana.builders.queries import rows
from grafana.builders.tables import Column, table

_LABELS = "alertname, severity, team, cluster, node, gpu, uuid, namespace, xid"
_MOST = 200


def firing_table(
    *matchers: str, title: str = "Firing alerts", width: int = 24, height: int = 8
) -> Panel:
    """Return the alerts that fire, the newest first.

    Args:
        matchers: What alerts must carry, as `category="hardware"`; the cluster's goes without
            saying.
        title: Of the panel.
        width: Of 24.
        height: In rows of 30 pixels.
    """
    chosen = ", ".join(['cluster=~"$cluster|"', *matchers])
    fires = f'ALERTS{{alertstate="firing", {chosen}}}'
    begun = f"ALERTS_FOR_STATE{{{chosen}}} and ignoring (alertstate) {fires}"
    since = f"1000 * max by ({_LABELS}) ({begun})"
    return table(
        title,
        f"Alerts that fire, at most {_MOST}, and since when their condition holds; n/a where the "
        "store does not tell. What to do stands in the runbook under the alert's name.",
        rows(f"topk({_MOST}, {since} or max by ({_LABELS}) ({fires}) * 0 - 1)"),
        columns=(
            Column("alertname", "Alert"),
            Column("severity", "Severity"),
            Column("team", "Team"),
            Column("cluster", "Cluster"),
            Column("node", "Node", links=(links.ROW_NODE,)),
            Column("gpu", "GPU", links=(links.ROW_DEVICE,)),
            Column("uuid", "UUID"),
            Column("namespace", "Namespace"),
            Column("xid", "XID"),
            Column("Value #A", "Since", unit="dateTimeAsIso", states={"-1": ("n/a", "text")}),
        ),
        sort="Since",
        width=width,
        height=height,
    )
