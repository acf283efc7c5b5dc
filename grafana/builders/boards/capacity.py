"""Room: what is free and where, why the rest is not, who waits, and when there will be none."""

from grafana.builders import variables
from grafana.builders.board import Board, Row
from grafana.builders.boards import waiting
from grafana.builders.panels import RATIO, Column, Step, bars, graph, number, table
from grafana.builders.queries import CLUSTER, NONE, firing, now, or_none, over_time, rows
from grafana.builders.series import by_cluster, row_of_cluster

_POOL = f'{CLUSTER}, pool=~"$pool"'
_FALLING = {"-1": ("not falling", "text")}


def _sum(series: str) -> str:
    return f"sum({series}{{{CLUSTER}}})"


def _pool(series: str, op: str = "sum") -> str:
    return f"{op} by (cluster, pool, model) (pool:{series}{{{_POOL}}})"


def _pool_row(expr: str) -> str:
    return or_none(expr, _pool("gpu_allocatable:sum"))


def _exhausted(series: str, selector: str) -> str:
    # Seconds until nothing is free, if it goes on as in the last six hours.
    return f"{series}{{{selector}}} / (-deriv({series}{{{selector}}}[6h]) > 0)"


_NOW = Row(
    "Room now",
    (
        number(
            "Allocated",
            "Share of the GPUs of Ready nodes that pods hold.",
            now(f"{_sum('cluster:gpu_allocated:sum')} / ({_sum('cluster:gpu_capacity:sum')} > 0)"),
            unit=RATIO,
            steps=(Step(0.9, "orange"),),
        ),
        number(
            "Free",
            "GPUs that nobody holds, on nodes that take new work.",
            now(_sum("cluster:gpu_free:sum")),
            unit="short",
            steps=(Step(1, "green"),),
            base="orange",
        ),
        number(
            "Largest block",
            "Most GPUs of one node that a single pod could get now.",
            now(f"max(cluster:gpu_free_block:max{{{CLUSTER}}})"),
            unit="short",
        ),
        number(
            "Free on used nodes",
            "Free GPUs of nodes that are taken in part: what defragmenting could join.",
            now(_sum("cluster:gpu_free_partial:sum")),
            unit="short",
        ),
        number(
            "Pending GPUs",
            "GPUs that pods ask for and that no node has given them.",
            now(_sum("cluster:gpu_pending_requested:sum")),
            unit="short",
            steps=(Step(1, "orange"),),
        ),
        number(
            "Pending while free",
            "GPUs that are waited for while as many are free in the same cluster: a matter of "
            "blocks, quota, taints or the scheduler, not of room.",
            now(_sum("cluster:gpu_pending_while_free:min")),
            unit="short",
            steps=(Step(1, "red"),),
        ),
    ),
)

_CLUSTERS = Row(
    "Clusters",
    (
        table(
            "Room by cluster",
            "Fragmentation is the share of the free GPUs that lies outside of the largest block; "
            "it is n/a while nothing is free. Free for: until nothing is free, if it goes on as in "
            "the last six hours.",
            rows(by_cluster("cluster:gpu_capacity:sum")),
            rows(row_of_cluster("cluster:gpu_allocation_ratio:max")),
            rows(row_of_cluster("cluster:gpu_free:sum")),
            rows(row_of_cluster("cluster:gpu_free_block:max")),
            rows(row_of_cluster("cluster:gpu_fragmentation_ratio:max")),
            rows(row_of_cluster("cluster:gpu_pending_requested:sum")),
            rows(row_of_cluster("cluster:gpu_unschedulable_pods:count")),
            rows(
                or_none(
                    f"max by (cluster) ({_exhausted('cluster:gpu_free:sum', CLUSTER)})",
                    by_cluster("cluster:gpu_capacity:sum"),
                )
            ),
            columns=(
                Column("cluster", "Cluster"),
                Column("Value #A", "GPUs", "short"),
                Column("Value #B", "Allocated", RATIO, steps=(Step(0.9, "orange"),), states=NONE),
                Column("Value #C", "Free", "short", states=NONE),
                Column("Value #D", "Largest block", "short", states=NONE),
                Column("Value #E", "Fragmentation", RATIO, states=NONE),
                Column("Value #F", "Pending", "short", states=NONE),
                Column("Value #G", "Pods that fit nowhere", "short", states=NONE),
                Column("Value #H", "Free for", "s", states=_FALLING),
            ),
            sort="GPUs",
        ),
    ),
)

_HISTORY = Row(
    "Over time",
    (
        graph(
            "Allocation",
            "Share of the GPUs of Ready nodes that pods hold.",
            over_time(by_cluster("cluster:gpu_allocation_ratio:max"), "{{cluster}}"),
            unit=RATIO,
        ),
        graph(
            "Free and largest block",
            "Free GPUs, and how many of them a single pod could get at most.",
            over_time(by_cluster("cluster:gpu_free:sum"), "{{cluster}} free"),
            over_time(by_cluster("cluster:gpu_free_block:max"), "{{cluster}} largest block"),
            unit="short",
        ),
        graph(
            "Neither held nor free",
            "GPUs that no pod holds and no pod can get, by why.",
            over_time(f"sum by (reason) (cluster:gpu_unavailable:sum{{{CLUSTER}}})", "{{reason}}"),
            unit="short",
            stacked=True,
        ),
        graph(
            "Fragmentation",
            "Share of the free GPUs outside of the largest block; no line while nothing is free.",
            over_time(by_cluster("cluster:gpu_fragmentation_ratio:max"), "{{cluster}}"),
            unit=RATIO,
        ),
    ),
)

_FREE_NODES = f"max by (cluster, gpus, shard) (gpu_free_nodes{{{CLUSTER}}})"

_POOLS = Row(
    "Pools and nodes",
    (
        table(
            "Pools",
            "Nodes of one pool and model; nodes whose labels name no pool have an empty one.",
            rows(_pool("gpu_allocatable:sum")),
            rows(_pool_row(_pool("gpu_allocated:sum"))),
            rows(_pool_row(_pool("gpu_free:sum"))),
            rows(_pool_row(_pool("gpu_free_block:max", "max"))),
            rows(
                _pool_row(
                    f"{_pool('gpu_utilization_ratio:sum')} "
                    f"/ ({_pool('gpu_utilization_ratio:count')} > 0)"
                )
            ),
            rows(_pool_row(_pool("nodes:count"))),
            rows(_pool_row(_pool("nodes_ready:sum"))),
            rows(
                _pool_row(
                    f"min by (cluster, pool, model) ({_exhausted('pool:gpu_free:sum', f'{_POOL}')})"
                )
            ),
            columns=(
                Column("cluster", "Cluster"),
                Column("pool", "Pool"),
                Column("model", "Model"),
                Column("Value #A", "Allocatable", "short"),
                Column("Value #B", "Allocated", "short", states=NONE),
                Column("Value #C", "Free", "short", states=NONE),
                Column("Value #D", "Largest block", "short", states=NONE),
                Column("Value #E", "Utilisation", RATIO, states=NONE),
                Column("Value #F", "Nodes", "short", states=NONE),
                Column("Value #G", "Ready", "short", states=NONE),
                Column("Value #H", "Free for", "s", states=_FALLING),
            ),
            sort="Allocatable",
        ),
        bars(
            "Nodes by free GPUs",
            "Nodes that take work and have at least so many wholly free GPUs: how many pods of "
            "that size fit now, one on each.",
            now(f"sum by (gpus) ({_FREE_NODES})", "at least {{gpus}}"),
            unit="short",
        ),
        graph(
            "Nodes by free GPUs over time",
            "The same over time: when the line of a size reaches 0, no pod of that size fits.",
            over_time(f"sum by (gpus) ({_FREE_NODES})", "at least {{gpus}}"),
            unit="short",
            width=16,
        ),
    ),
)

BOARD = Board(
    uid="gpu-capacity",
    title="GPU capacity",
    description="What room there is and where, why the rest is not free, and who waits.",
    variables=(
        variables.cluster(),
        variables.query(
            "pool",
            "Pool",
            f"pool:gpu_allocatable:sum{{{CLUSTER}}}",
            "pool",
            every=".*",
        ),
    ),
    rows=(_NOW, _CLUSTERS, _HISTORY, _POOLS, waiting.QUEUE, waiting.DETAIL),
    annotations=(firing('category="capacity"'),),
)
