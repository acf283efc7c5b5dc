"""Jobs: how far they are, what they cost and use, as their workers report."""

from typing import Final

from grafana.builders import links, variables
from grafana.builders.alerts import firing_table
from grafana.builders.board import Board, Row
from grafana.builders.panels import RATIO, Column, Step, bars, graph, number, table
from grafana.builders.queries import CLUSTER, NONE, firing, now, or_none, over_time, rows

_JOB: Final = f'{CLUSTER}, namespace=~"$namespace", job_id=~"$job_id"'
_BY: Final = "cluster, namespace, job_id"
_LINE: Final = "{{namespace}} {{job_id}}"
_HERE: Final = (
    links.to("gpu-jobs", "This job", cluster="cluster", namespace="namespace", job_id="job_id"),
)
_MOST: Final = 200
_STALLED_SECONDS: Final = 600
"""As the alert GpuscopeJobStalled has it."""


def _of(name: str, by: str = _BY, more: str = "") -> str:
    """Return a metric of each job once: all replicas of the query API tell the same."""
    return f"max by ({by}) (gpuscope_job_{name}{{{_JOB}{more}}})"


_RUNNING: Final = _of("info", more=', status="RUNNING"')
_SILENT: Final = f"time() - {_of('last_report_timestamp_seconds')}"
_STALLED: Final = f"({_SILENT} > {_STALLED_SECONDS} and on ({_BY}) {_RUNNING})"
_LISTED: Final = f"topk({_MOST}, {_of('info', f'{_BY}, status, worker_id, gpu_model')})"


def _beside(expr: str) -> str:
    return or_none(f"({expr}) * on ({_BY}) group_right () {_LISTED}", _LISTED)


_JOBS = f"max by (status) (gpuscope_jobs{{{CLUSTER}}})"
_HERE_TOTALS = f"0 * count({_of('info')})"
_TOTALS: Final = (
    number(
        "Running",
        "Jobs of this choice that run.",
        now(f"count({_RUNNING}) or {_HERE_TOTALS}"),
        unit="short",
    ),
    number(
        "Stalled",
        "Running jobs that were not heard of for ten minutes.",
        now(f"count({_STALLED}) or {_HERE_TOTALS}"),
        unit="short",
        steps=(Step(1, "red"),),
    ),
    number(
        "Mean progress",
        "Of running jobs that tell theirs.",
        now(f"avg({_of('progress_ratio')} and on ({_BY}) {_RUNNING})"),
        unit=RATIO,
    ),
    number(
        "Cost so far",
        "Of all jobs that are told of, in the currency of the settings.",
        now(f"sum by (currency) ({_of('cost', f'{_BY}, currency')})", "{{currency}}"),
        unit="short",
    ),
    number(
        "Left out",
        "Jobs without metrics of their own: there are more than jobs.exported.",
        now(f"max(gpuscope_jobs_left_out{{{CLUSTER}}})"),
        unit="short",
        steps=(Step(1, "orange"),),
    ),
    bars(
        "All jobs by status",
        "Every job that is known, whatever is chosen above.",
        now(_JOBS, "{{status}}"),
        unit="short",
        width=4,
    ),
)


_TABLE: Final = table(
    "Jobs",
    f"Who works on what, and how far it is. At most {_MOST} are shown; n/a is what the worker "
    "does not tell.",
    rows(_beside(_of("progress_ratio"))),
    rows(_beside(f"1000 * {_of('start_timestamp_seconds')}")),
    rows(_beside(_SILENT)),
    rows(_beside(_of("cost"))),
    rows(_beside(_of("gpu_utilization_ratio"))),
    columns=(
        Column("cluster", "Cluster"),
        Column("namespace", "Namespace"),
        Column(
            "job_id",
            "Job",
            links=(
                links.to(
                    "gpu-jobs",
                    "This job",
                    cluster="row:Cluster",
                    namespace="row:Namespace",
                    job_id="row:Job",
                ),
            ),
        ),
        Column("status", "Status"),
        Column("worker_id", "Worker"),
        Column("gpu_model", "Model"),
        Column("Value #A", "Progress", unit=RATIO, states=NONE),
        Column("Value #B", "Began", unit="dateTimeAsIso", states=NONE),
        Column("Value #C", "Last heard of", unit="s", states=NONE),
        Column("Value #D", "Cost", unit="short", states=NONE),
        Column("Value #E", "Utilisation", unit=RATIO, states=NONE),
    ),
    sort="Began",
)


_LINES = f"rate(gpuscope_job_log_lines_total{{{_JOB}}}[$__rate_interval])"
_OVER_TIME: Final = (
    graph(
        "Progress",
        "How far each job is.",
        over_time(_of("progress_ratio"), _LINE),
        unit=RATIO,
        links=_HERE,
    ),
    graph(
        "Cost",
        "What each job has cost so far, in the currency of the settings.",
        over_time(_of("cost", f"{_BY}, currency"), f"{_LINE} {{{{currency}}}}"),
        unit="short",
        links=_HERE,
    ),
    graph(
        "Since the last report",
        "Only of jobs that run.",
        over_time(f"{_SILENT} and on ({_BY}) {_RUNNING}", _LINE),
        unit="s",
        steps=(Step(_STALLED_SECONDS, "red"),),
        links=_HERE,
    ),
    graph(
        "Log lines",
        "Taken in per second.",
        over_time(f"max by ({_BY}) ({_LINES})", _LINE),
        unit="cps",
        links=_HERE,
    ),
)


_USED, _TOTAL = _of("gpu_memory_used_bytes"), _of("gpu_memory_total_bytes")
_DEVICES: Final = (
    graph(
        "GPU utilisation",
        "Of the job's GPUs, as last reported.",
        over_time(_of("gpu_utilization_ratio"), _LINE),
        unit=RATIO,
        links=_HERE,
    ),
    graph(
        "GPU memory used",
        "Of what the job has.",
        over_time(f"{_USED} / ({_TOTAL} > 0)", _LINE),
        unit=RATIO,
        links=_HERE,
    ),
    graph(
        "GPU temperature",
        "As last reported.",
        over_time(_of("gpu_temperature_celsius"), _LINE),
        unit="celsius",
        links=_HERE,
    ),
    graph(
        "Power",
        "What the job's GPUs draw.",
        over_time(_of("power_watts"), _LINE),
        unit="watt",
        links=_HERE,
    ),
)


BOARD: Final = Board(
    uid="gpu-jobs",
    title="GPU jobs",
    description="How far jobs are, what they cost and use, as their workers report.",
    variables=(
        variables.cluster(),
        # A worker need not say a namespace.
        variables.query(
            "namespace", "Namespace", f"gpuscope_job_info{{{CLUSTER}}}", "namespace"
        ).all_value(".*"),
        variables.query(
            "job_id",
            "Job",
            f'gpuscope_job_info{{{CLUSTER}, namespace=~"$namespace"}}',
            "job_id",
        ),
    ),
    rows=(
        Row("Now", (*_TOTALS, _TABLE)),
        Row("Over time", _OVER_TIME),
        Row("Their GPUs", _DEVICES),
        Row("Alerts", (firing_table('category="jobs"'),)),
    ),
    annotations=(firing('job_id=~"$job_id"'),),
)
