"""Namespaces: what each holds, uses and leaves idle, and what that costs."""

from typing import Final

from grafana.builders import links, variables
from grafana.builders.board import Board, Row
from grafana.builders.panels import RATIO, Column, Step, bars, graph, number, table
from grafana.builders.queries import CLUSTER, NONE, firing, now, or_none, over_time, rows

_NS: Final = f'{CLUSTER}, namespace=~"$namespace"'
_LINE: Final = "{{cluster}} {{namespace}}"
_HERE: Final = (
    links.to("gpu-workloads", "Workloads", cluster="cluster", namespace="namespace"),
    links.to("gpu-jobs", "Jobs", cluster="cluster", namespace="namespace"),
)
_ROW: Final = (
    links.to("gpu-workloads", "Workloads", cluster="row:Cluster", namespace="row:Namespace"),
    links.to("gpu-jobs", "Jobs", cluster="row:Cluster", namespace="row:Namespace"),
)


def _or_zero(series: str, where: str) -> str:
    """Return what a series tells, and zero where only *where* tells something.

    Neither has a name: over a time in which the series begins or ends, one of each would be two
    series of the same labels, which Prometheus refuses to add up.
    """
    return f"(1 * {series} or 0 * {where})"


_HELD: Final = f"namespace:gpu_allocated:sum{{{_NS}}}"
_USED: Final = f"namespace:gpu_utilization_ratio:avg{{{_NS}}}"
_IDLE: Final = _or_zero(f"namespace:gpu_idle:sum{{{_NS}}}", _USED)
_PENDING: Final = _or_zero(f"namespace:gpu_pending_requested:sum{{{_NS}}}", _HELD)
_POWER: Final = f"namespace:gpu_power_watts:sum{{{_NS}}}"
_COST: Final = f"namespace:gpu_cost_per_hour:sum{{{_NS}}}"
_IDLE_COST: Final = _or_zero(f"namespace:gpu_idle_cost_per_hour:sum{{{_NS}}}", _COST)
_EACH: Final = f"({_HELD} or {_PENDING})"

_COSTS: Final = "in the currency that prices are told in"
_MONTH_HOURS: Final = 730


def _summed(series: str, factor: str) -> str:
    """Return the sum over the chosen time of what is told once a minute."""
    return f"sum_over_time({series}[$__range:1m]) {factor}"


def _budget() -> str:
    monthly = f"{_MONTH_HOURS} * avg_over_time({_COST}[1d])"
    return (
        f"({monthly}) / on (cluster, namespace)"
        " (max by (cluster, namespace) (threshold:gpu_namespace_cost_per_month:max) > 0)"
    )


_USED_TOTALS = f"sum({_USED} * {_HELD}) / sum({_HELD} and {_USED})"
_TOTALS: Final = (
    number(
        "Allocated",
        "GPUs that pods of these namespaces hold.",
        now(f"sum({_HELD})"),
        unit="short",
    ),
    number(
        "Utilisation",
        "Mean over the GPUs that these namespaces hold.",
        now(_USED_TOTALS),
        unit=RATIO,
    ),
    number(
        "Idle",
        "GPUs that are held by pods older than half an hour and did nothing for as long.",
        now(f"sum({_IDLE})"),
        unit="short",
        steps=(Step(1, "orange"),),
        links=(links.to("gpu-workloads", "Who holds them"),),
    ),
    number(
        "Pending",
        "GPUs that pods ask for and no node has given them.",
        now(f"sum({_PENDING})"),
        unit="short",
        steps=(Step(1, "orange"),),
    ),
    number(
        "Cost per hour",
        f"Of all that is held, _USED_TOTALS or not, {_COSTS}.",
        now(f"sum({_COST})"),
        unit="short",
    ),
    number(
        "Idle cost per hour",
        f"The part of it that is paid for idle GPUs, {_COSTS}.",
        now(f"sum({_IDLE_COST})"),
        unit="short",
    ),
)


_SHOWN = (_HELD, _USED, _IDLE, _PENDING, _POWER, _COST, _IDLE_COST)
_BY_NAMESPACE: Final = table(
    "By namespace",
    "What each namespace holds, uses and waits for now; n/a is what is not measured.",
    *(rows(or_none(expr, _EACH)) for expr in _SHOWN),
    columns=(
        Column("cluster", "Cluster"),
        Column("namespace", "Namespace", links=_ROW),
        Column("Value #A", "Allocated", unit="short", states=NONE),
        Column("Value #B", "Utilisation", unit=RATIO, states=NONE),
        Column("Value #C", "Idle", unit="short", states=NONE, steps=(Step(1, "orange"),)),
        Column("Value #D", "Pending", unit="short", states=NONE, steps=(Step(1, "orange"),)),
        Column("Value #E", "Power", unit="watt", states=NONE),
        Column("Value #F", "Cost per hour", unit="short", states=NONE),
        Column("Value #G", "Idle cost per hour", unit="short", states=NONE),
    ),
    sort="Allocated",
)


_IN_THE_TIME: Final = (
    table(
        "Totals of the chosen time",
        "Counted minute by minute: minutes that nobody watched are not in it. Costs are "
        f"{_COSTS}; n/a is what is not measured.",
        rows(or_none(_summed(_HELD, "/ 60"), _EACH)),
        rows(or_none(_summed(_IDLE, "/ 60"), _EACH)),
        rows(or_none(_summed(_POWER, "/ 60000"), _EACH)),
        rows(or_none(_summed(_COST, "/ 60"), _EACH)),
        rows(or_none(_summed(_IDLE_COST, "/ 60"), _EACH)),
        columns=(
            Column("cluster", "Cluster"),
            Column("namespace", "Namespace", links=_ROW),
            Column("Value #A", "GPU-hours", unit="short", states=NONE),
            Column("Value #B", "Idle GPU-hours", unit="short", states=NONE),
            Column("Value #C", "Energy", unit="kwatth", states=NONE),
            Column("Value #D", "Cost", unit="short", states=NONE),
            Column("Value #E", "Idle cost", unit="short", states=NONE),
        ),
        sort="GPU-hours",
        width=16,
    ),
    bars(
        "Share of the monthly budget",
        "What a month costs at the pace of the last day, of the namespace's budget; only of "
        "namespaces that have one (threshold:gpu_namespace_cost_per_month:max).",
        now(f"topk(20, {_budget()})", _LINE),
        unit="percentunit",
        steps=(Step(0.8, "orange"), Step(1, "red")),
        links=_HERE,
    ),
)


_OVER_TIME: Final = (
    graph(
        "Allocated by namespace",
        "GPUs that pods hold.",
        over_time(_HELD, _LINE),
        unit="short",
        stacked=True,
        links=_HERE,
    ),
    graph(
        "Utilisation by namespace",
        "Mean over the GPUs that the namespace holds.",
        over_time(_USED, _LINE),
        unit=RATIO,
        links=_HERE,
    ),
    graph(
        "Idle by namespace",
        "GPUs that are held and did nothing for half an hour.",
        over_time(_IDLE, _LINE),
        unit="short",
        stacked=True,
        links=_HERE,
    ),
    graph(
        "Pending by namespace",
        "GPUs that pods ask for and no node has given them.",
        over_time(_PENDING, _LINE),
        unit="short",
        stacked=True,
        links=_HERE,
    ),
    graph(
        "Cost per hour by namespace",
        f"Of all that is held, used or not, {_COSTS}.",
        over_time(_COST, _LINE),
        unit="short",
        stacked=True,
        links=_HERE,
    ),
    graph(
        "Idle cost per hour by namespace",
        f"What is paid for idle GPUs, {_COSTS}.",
        over_time(_IDLE_COST, _LINE),
        unit="short",
        stacked=True,
        links=_HERE,
    ),
    graph(
        "Power by namespace",
        "Drawn by the devices that the namespace holds.",
        over_time(_POWER, _LINE),
        unit="watt",
        stacked=True,
        links=_HERE,
    ),
    graph(
        "Energy of the last hour",
        "Used by the devices that the namespace held.",
        over_time(f"namespace:gpu_energy_joules:sum1h{{{_NS}}}", _LINE),
        unit="joule",
        stacked=True,
        links=_HERE,
    ),
)


BOARD: Final = Board(
    uid="gpu-namespaces",
    title="GPU namespaces and cost",
    description="What each namespace holds, uses and leaves idle, and what that costs.",
    variables=(variables.cluster(), variables.namespace()),
    rows=(
        Row("Now", (*_TOTALS, _BY_NAMESPACE)),
        Row("In the chosen time", _IN_THE_TIME),
        Row("Over time", _OVER_TIME),
    ),
    annotations=(firing('namespace=~"$namespace"'),),
)
