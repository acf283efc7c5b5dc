"""All clusters at a glance: how much there is, how much of it is taken, used, free, broken."""

from grafana.builders import links, variables
from grafana.builders.alerts import firing_table
from grafana.builders.board import Board, Row
from grafana.builders.panels import RATIO, Column, Panel, Step, bars, graph, number, table
from grafana.builders.queries import CLUSTER, NONE, firing, now, or_none, over_time, rows
from grafana.builders.series import by_cluster, row_of_cluster

_CAPACITY = f"cluster:gpu_capacity:sum{{{CLUSTER}}}"
_TO_CAPACITY = links.to("gpu-capacity", "Capacity", cluster="row:Cluster")
_LINE_CAPACITY = links.to("gpu-capacity", "Capacity", cluster="cluster")
_INCIDENTS = links.to("gpu-incidents", "Incidents")


def _total(series: str) -> str:
    return f"sum({series}{{{CLUSTER}}})"


def _share(series: str) -> str:
    return f"{_total(series)} / ({_total('cluster:gpu_capacity:sum')} > 0)"


def _alerts(severity: str, color: str) -> Panel:
    firing = f'ALERTS{{alertstate="firing", severity="{severity}", cluster=~"$cluster|"}}'
    alive = f"0 * count(cluster:gpu_evaluation_timestamp_seconds:max{{{CLUSTER}}})"
    return number(
        f"Firing, {severity}",
        f"Alerts of severity {severity} that fire; no number while no rules are evaluated.",
        now(f"count({firing}) or {alive}"),
        unit="short",
        steps=(Step(1, color),),
        width=3,
    )


_MEAN = f"cluster:gpu_utilization_ratio:avg{{{CLUSTER}}}"

_NOW = Row(
    "Now",
    (
        number(
            "GPUs",
            "GPUs of Ready nodes, unhealthy ones included.",
            now(_total("cluster:gpu_capacity:sum")),
            unit="short",
        ),
        number(
            "Allocated",
            "Share of these GPUs that pods hold, whether they use them or not.",
            now(_share("cluster:gpu_allocated:sum")),
            unit=RATIO,
            steps=(Step(0.9, "orange"),),
        ),
        number(
            "Mean utilisation",
            "Mean over all devices of Ready nodes that are measured.",
            now(f"sum({_MEAN} * {_CAPACITY}) / sum({_CAPACITY} and {_MEAN})"),
            unit=RATIO,
        ),
        number(
            "Utilised",
            "Devices whose utilisation is over 50 %.",
            now(_total("cluster:gpu_utilized:count")),
            unit="short",
        ),
        number(
            "Free",
            "GPUs that nobody holds, on nodes that take new work.",
            now(_total("cluster:gpu_free:sum")),
            unit="short",
            links=(links.to("gpu-capacity", "Capacity"),),
        ),
        number(
            "Allocated and idle",
            "GPUs that pods hold and that have done nothing for half an hour.",
            now(_total("cluster:gpu_idle:sum")),
            unit="short",
            links=(links.to("gpu-workloads", "Workloads"),),
            steps=(Step(1, "orange"),),
        ),
        number(
            "Pending GPUs",
            "GPUs that pods ask for and that no node has given them.",
            now(_total("cluster:gpu_pending_requested:sum")),
            unit="short",
            links=(links.to("gpu-capacity", "Capacity"),),
            steps=(Step(1, "orange"),),
        ),
        number(
            "Devices down",
            "Devices that are lost, stuck or need a reset.",
            now(_total("cluster:gpu_down:sum")),
            unit="short",
            links=(_INCIDENTS,),
            steps=(Step(1, "red"),),
        ),
        number(
            "Unavailable",
            "GPUs that are neither held nor free, as those of cordoned nodes.",
            now(_total("cluster:gpu_unavailable:sum")),
            unit="short",
            links=(links.to("gpu-capacity", "Capacity"),),
        ),
        number(
            "Power",
            "What all devices draw; hosts are not included.",
            now(_total("cluster:gpu_power_watts:sum")),
            unit="watt",
            width=5,
        ),
        _alerts("critical", "red"),
    ),
)


_CLUSTERS = Row(
    "Clusters",
    (
        table(
            "Clusters",
            "One row for each; n/a is not measured, which is not zero.",
            rows(by_cluster("cluster:gpu_capacity:sum")),
            rows(row_of_cluster("cluster:gpu_allocation_ratio:max")),
            rows(row_of_cluster("cluster:gpu_utilization_ratio:avg")),
            rows(row_of_cluster("cluster:gpu_free:sum")),
            rows(row_of_cluster("cluster:gpu_free_block:max")),
            rows(row_of_cluster("cluster:gpu_pending_requested:sum")),
            rows(row_of_cluster("cluster:gpu_down:sum")),
            rows(row_of_cluster("cluster:gpu_power_watts:sum")),
            columns=(
                Column("cluster", "Cluster", links=(_TO_CAPACITY,)),
                Column("Value #A", "GPUs", unit="short"),
                Column("Value #B", "Allocated", RATIO, steps=(Step(0.9, "orange"),), states=NONE),
                Column("Value #C", "Utilisation", RATIO, states=NONE),
                Column("Value #D", "Free", "short", states=NONE),
                Column("Value #E", "Largest block", "short", states=NONE),
                Column("Value #F", "Pending", "short", states=NONE),
                Column("Value #G", "Down", "short", steps=(Step(1, "red"),), states=NONE),
                Column("Value #H", "Power", "watt", states=NONE),
            ),
            sort="GPUs",
        ),
    ),
)


_HISTORY = Row(
    "Over time",
    (
        graph(
            "GPUs by state",
            "All GPUs of the chosen clusters: held by pods, free, and neither, by why.",
            over_time(_total("cluster:gpu_allocated:sum"), "allocated"),
            over_time(_total("cluster:gpu_free:sum"), "free"),
            over_time(f"sum by (reason) (cluster:gpu_unavailable:sum{{{CLUSTER}}})", "{{reason}}"),
            unit="short",
            stacked=True,
        ),
        graph(
            "Utilisation",
            "Mean over all devices of Ready nodes that are measured.",
            over_time(by_cluster("cluster:gpu_utilization_ratio:avg"), "{{cluster}}"),
            unit=RATIO,
            links=(_LINE_CAPACITY,),
        ),
        graph(
            "Allocation",
            "Share of the GPUs that pods hold.",
            over_time(by_cluster("cluster:gpu_allocation_ratio:max"), "{{cluster}}"),
            unit=RATIO,
            links=(_LINE_CAPACITY,),
        ),
        graph(
            "Power by cluster",
            "What the devices draw; hosts are not included.",
            over_time(by_cluster("cluster:gpu_power_watts:sum"), "{{cluster}}"),
            unit="watt",
            links=(_LINE_CAPACITY,),
        ),
    ),
)


def _model(series: str) -> str:
    return f"sum by (cluster, model) (pool:{series}{{{CLUSTER}}})"


_USED = f"{_model('gpu_utilization_ratio:sum')} / ({_model('gpu_utilization_ratio:count')} > 0)"
_MODELS = Row(
    "Models",
    (
        table(
            "Models",
            "By what nodes' labels call them; n/a is not measured, which is not zero.",
            rows(_model("gpu_allocatable:sum")),
            rows(or_none(_model("gpu_allocated:sum"), _model("gpu_allocatable:sum"))),
            rows(or_none(_model("gpu_free:sum"), _model("gpu_allocatable:sum"))),
            rows(or_none(_USED, _model("gpu_allocatable:sum"))),
            columns=(
                Column("cluster", "Cluster", links=(_TO_CAPACITY,)),
                Column("model", "Model"),
                Column("Value #A", "Allocatable", unit="short"),
                Column("Value #B", "Allocated", "short", states=NONE),
                Column("Value #C", "Free", "short", states=NONE),
                Column("Value #D", "Utilisation", RATIO, states=NONE),
            ),
            width=14,
            sort="Allocatable",
        ),
        bars(
            "Devices by model",
            "Devices that a node exporter reads, by what the driver calls them.",
            now(f"sum by (model) (cluster:gpu_devices:count{{{CLUSTER}}})", "{{model}}"),
            unit="short",
            width=10,
        ),
    ),
)


_VBIOS = f"group by (cluster, uuid, model, vbios_version) (gpu_info{{{CLUSTER}}})"
_EXPORTERS = f"group by (cluster, instance, role, version) (gpu_exporter_build_info{{{CLUSTER}}})"
_VERSIONS = Row(
    "Versions",
    (
        bars(
            "Drivers",
            "Nodes by version of the driver: more than one bar is skew.",
            now(
                f"sum by (driver_version) (cluster:gpu_drivers:count{{{CLUSTER}}})",
                "{{driver_version}}",
            ),
            unit="short",
        ),
        bars(
            "VBIOS",
            "Devices by model and version of the VBIOS, the 20 most frequent.",
            now(
                f"topk(20, count by (model, vbios_version) ({_VBIOS}))",
                "{{model}} {{vbios_version}}",
            ),
            unit="short",
        ),
        bars(
            "Exporters",
            "Exporters by role and version.",
            now(
                f"count by (role, version) ({_EXPORTERS})",
                "{{role}} {{version}}",
            ),
            unit="short",
        ),
    ),
    collapsed=True,
)


BOARD = Board(
    uid="gpu-fleet",
    title="GPU fleet",
    description="All clusters at a glance: GPUs that are there, taken, used, free and broken.",
    variables=(variables.cluster(),),
    rows=(
        _NOW,
        _CLUSTERS,
        Row("Alerts", (firing_table(),)),
        _HISTORY,
        _MODELS,
        _VERSIONS,
    ),
    annotations=(firing(),),
)
