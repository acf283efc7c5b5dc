"""Queries of panels: PromQL with the variables of dashboards, and how its answer is named."""

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that the reader has chosen; every panel and query names it."""


CLUSTER = 'cluster=~"$cluster"'
"""The matcher of the chosen clusters; every selector has it, or a narrower one."""

NODE = f'{CLUSTER}, node=~"$node"'
"""The matchers of the chosen nodes."""

DEVICE = f'{NODE}, uuid=~"$uuid"'
"""The matchers of the chosen devices."""

NONE = {"-1": ("n/a", "text")}
"""How tables show the sentinel of `or_none`: not measured, which is neither zero nor well."""


def or_none(expr: str, rows: str, absent: int = -1) -> str:
    """Return an expression for a table's column that answers for every row.

    Args:
        expr: What the column shows.
        rows: An expression with a series for each row, with the same labels; where `expr` has none
            the value is `absent`.
        absent: A value that a reading never has.
    """
    return f"({expr}) or ({rows}) * 0 + ({absent})"


def firing(*matchers: str) -> tuple[str, str]:
    """Return the annotation of alerts that fire, of alerts with these labels or without them.

    Args:
        matchers: As `node=~"$node"`; the cluster's goes without saying.
    """
    chosen = ", ".join(['alertstate="firing"', 'cluster=~"$cluster|"', *matchers])
    labels = "alertname, severity, cluster, node, gpu, namespace"
    return "Firing alerts", f"max by ({labels}) (ALERTS{{{chosen}}})"


def over_time(expr: str, legend: str = "") -> prometheus.Dataquery:
    """Return a query over the dashboard's time.

    Args:
        expr: PromQL; a rate's range is `$__rate_interval`.
        legend: The name of each line, with `{{label}}`; empty = all labels.
    """
    return _query(expr, legend).range().format(PromQueryFormat.TIME_SERIES)


def now(expr: str, legend: str = "") -> prometheus.Dataquery:
    """Return a query of one moment, the end of the dashboard's time: for a single number."""
    return _query(expr, legend).instant().format(PromQueryFormat.TIME_SERIES)


def rows(expr: str) -> prometheus.Dataquery:
    """Return a query of one moment whose every series is a row: for tables."""
    return _query(expr, "").instant().format(PromQueryFormat.TABLE)


def _query(expr: str, legend: str) -> prometheus.Dataquery:
    text = " ".join(expr.split())
    return prometheus.Dataquery().expr(text).legend_format(legend).datasource(DATASOURCE)
