"""The variables of dashboards: from the data source down to one device."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from grafana.builders.queries import DATASOURCE

Variable = dashboard.DatasourceVariable | dashboard.QueryVariable


def datasource() -> dashboard.DatasourceVariable:
    """Return the choice of a Prometheus, under the name that Grafana's linter wants."""
    default = VariableOption(selected=True, text="default", value="default")
    return (
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(default)
    )


def cluster() -> dashboard.QueryVariable:
    """Return the choice of clusters that gpuscope's rules know."""
    return query("cluster", "Cluster", "cluster:gpu_evaluation_timestamp_seconds:max", "cluster")


def namespace() -> dashboard.QueryVariable:
    """Return the choice of namespaces that hold GPUs in the chosen clusters."""
    series = 'namespace:gpu_allocated:sum{cluster=~"$cluster"}'
    return query("namespace", "Namespace", series, "namespace")


def node(*, multi: bool = True) -> dashboard.QueryVariable:
    """Return the choice of nodes with GPUs in the chosen clusters."""
    series = 'node:gpu_capacity:sum{cluster=~"$cluster"}'
    return query("node", "Node", series, "node", multi=multi)


def device(*, multi: bool = True) -> dashboard.QueryVariable:
    """Return the choice of devices of the chosen nodes: shown as node/index, known by UUID."""
    chosen = 'cluster=~"$cluster", node=~"$node"'
    known = f"gpu_up{{{chosen}}} or device:gpu_activity_ratio:max{{{chosen}}}"
    text = (
        f'query_result(max by (device, uuid) (label_join({known}, "device", "/", "node", "gpu")))'
    )
    return (
        query("uuid", "GPU", f"gpu_up{{{chosen}}}", "uuid", multi=multi)
        .query({"query": text, "qryType": 3, "refId": "uuid"})
        .definition(text)
        .regex(r'/device="(?<text>[^"]+)".*uuid="(?<value>[^"]+)"/')
    )


def query(
    name: str, label: str, series: str, value: str, *, multi: bool = True, every: str = ".+"
) -> dashboard.QueryVariable:
    """Return a choice among the values of a label.

    Args:
        name: What queries call it: `$name`.
        label: What readers see.
        series: The selector whose series have the label.
        value: The label.
        multi: Whether several, or all, may be chosen.
        every: What "All" matches; `.*` where series may lack the label.
    """
    text = f"label_values({series}, {value})"
    chosen = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": text, "qryType": 1, "refId": name})
        .definition(text)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi)
    )
    if not multi:
        return chosen
    chosen_first = VariableOption(selected=True, text="All", value="$__all")
    return chosen.include_all(True).all_value(every).current(chosen_first)
