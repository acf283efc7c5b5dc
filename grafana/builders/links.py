"""Ways from one dashboard to another: the chosen variables and the time go along."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

TAG = "gpuscope"
"""Every dashboard of ours has it, and links to all others by it."""


def all_dashboards() -> dashboard.DashboardLink:
    """Return the menu of all dashboards."""
    return (
        dashboard.DashboardLink("gpuscope")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def to(uid: str, title: str, **labels: str) -> dashboard.DashboardLink:
    """Return a link from a value to what lies below it.

    Args:
        uid: Of the dashboard that it leads to.
        title: What it says.
        labels: Variable → the label of the value that it is set to; in a table `row:` and the
            column's title. The cluster stays as chosen where it is not among them.
    """
    chosen = "".join(f"&var-{name}=${{__{_source(label)}}}" for name, label in labels.items())
    if "cluster" not in labels:
        chosen = f"&${{cluster:queryparam}}{chosen}"
    path = f"/d/{uid}?${{datasource:queryparam}}{chosen}&${{__url_time_range}}"
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(path)


def _source(label: str) -> str:
    # In a table each label is a column, and a value knows those of its row.
    column = label.removeprefix("row:")
    return f'data.fields["{column}"]' if column != label else f"field.labels.{label}"


LINE_NODE = to("gpu-node", "Node", cluster="cluster", node="node")
"""From a line to its node."""

LINE_DEVICE = to("gpu-device", "GPU", cluster="cluster", node="node", uuid="uuid")
"""From a line to its device."""

ROW_NODE = to("gpu-node", "Node", cluster="row:Cluster", node="row:Node")
"""From a table with the columns Cluster and Node to the row's node."""

ROW_DEVICE = to("gpu-device", "GPU", cluster="row:Cluster", node="row:Node", uuid="row:UUID")
"""From a table with the columns Cluster, Node and UUID to the row's device."""

LINE_NAMESPACE = to("gpu-workloads", "Workloads", cluster="cluster", namespace="namespace")
"""From a line to the workloads of its namespace."""

ROW_NAMESPACE = to("gpu-workloads", "Workloads", cluster="row:Cluster", namespace="row:Namespace")
"""From a table with the columns Cluster and Namespace to the workloads of the row's namespace."""
