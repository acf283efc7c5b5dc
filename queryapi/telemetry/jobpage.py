"""What Prometheus reads of jobs: made from the store, the same whichever process is asked."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

Encode = Callable[[Collector], bytes]

_PLACED = ("job_id", "cluster", "namespace")
# Versions that clients ask for are in the content type: few of them are real.
_FORMATS = 8
_OPENMETRICS_END = b"# EOF\n"


@dataclass(frozen=True, slots=True)
class JobFamily:
    """One metric of each job.

    Args:
        name: As Prometheus has it.
        help: What it means.
        kind: Of the metric.
        labels: Whatever it has besides the job's id, cluster and namespace.
    """

    name: str
    help: str
    kind: Literal["gauge", "counter"] = "gauge"
    labels: tuple[str, ...] = ()


INFO = JobFamily(
    "gpuscope_job_info",
    "Always 1: a job, who works on it, on which GPUs, and where it is in its life.",
    labels=("worker_id", "gpu_model", "status"),
)
PROGRESS = JobFamily("gpuscope_job_progress_ratio", "How far a job is, 0 to 1.")
COST = JobFamily(
    "gpuscope_job_cost",
    "What a job has cost so far, in the currency of the settings; rounded, as floats are.",
    labels=("currency",),
)
LAST_REPORT = JobFamily(
    "gpuscope_job_last_report_timestamp_seconds", "When a job was last heard of, in Unix time."
)
START = JobFamily("gpuscope_job_start_timestamp_seconds", "When a job first ran, in Unix time.")
UTILIZATION = JobFamily(
    "gpuscope_job_gpu_utilization_ratio", "How busy a job's GPUs are, 0 to 1, as last reported."
)
MEMORY_USED = JobFamily(
    "gpuscope_job_gpu_memory_used_bytes", "GPU memory that a job uses, as last reported."
)
MEMORY_TOTAL = JobFamily(
    "gpuscope_job_gpu_memory_total_bytes", "GPU memory that a job has, as last reported."
)
TEMPERATURE = JobFamily(
    "gpuscope_job_gpu_temperature_celsius", "Temperature of a job's GPUs, as last reported."
)
POWER = JobFamily("gpuscope_job_power_watts", "What a job's GPUs draw, as last reported.")
LOG_LINES = JobFamily(
    "gpuscope_job_log_lines_total", "Log lines of a job that were taken in.", "counter"
)
FAMILIES = (
    *(INFO, PROGRESS, COST, LAST_REPORT, START, UTILIZATION, MEMORY_USED, MEMORY_TOTAL),
    *(TEMPERATURE, POWER, LOG_LINES),
)
"""All metrics of each job, in the order of the page."""

JOBS = ("gpuscope_jobs", "Jobs that are known, by status.")
LEFT_OUT = (
    "gpuscope_jobs_left_out",
    "Jobs without metrics of their own, because there are more than jobs.exported.",
)


@dataclass(frozen=True, slots=True)
class JobShown:
    """One job.

    Args:
        id: What clients call it.
        cluster: Where it runs.
        namespace: The same; empty = nobody knows.
        info: The values of the labels of `INFO`, in their order.
        values: What is known of it, by family; nothing stands for what is not.
    """

    id: str
    cluster: str
    namespace: str
    info: tuple[str, ...]
    values: Mapping[JobFamily, float]


@dataclass(frozen=True, slots=True)
class JobsShown:
    """All there is to tell at a moment.

    Args:
        currency: What costs are in.
        jobs: Those with metrics of their own.
        statuses: How many there are, by status.
        left_out: How many have none, though they go on.
    """

    currency: str
    jobs: tuple[JobShown, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0


class JobPage:
    """The part of `/metrics` that is about jobs, written once for what is told.

    Args:
        shown: Returns what is told, the same object while it is; None = nobody can tell now.
    """

    def __init__(self, shown: Callable[[], JobsShown | None]) -> None:
        self._shown = shown
        self._lock = threading.Lock()
        self._told: JobsShown | None = None
        self._written: dict[str, bytes] = {}

    def added_to(self, page: bytes, encode: Encode, content_type: str) -> bytes:
        """Return *page*, and what is told of jobs, in the same format."""
        shown = self._shown()
        if shown is None:
            return page
        return page.removesuffix(_OPENMETRICS_END) + self._page(shown, encode, content_type)

    def _page(self, shown: JobsShown, encode: Encode, content_type: str) -> bytes:
        with self._lock:
            if shown is not self._told or len(self._written) >= _FORMATS:
                self._told, self._written = shown, {}
            found = self._written.get(content_type)
            if found is None:
                found = self._written[content_type] = encode(_Told(shown))
            return found


class _Told(Collector):
    """Writes what is told of jobs as families."""

    def __init__(self, shown: JobsShown) -> None:
        self._shown = shown

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have something to tell."""
        statuses = GaugeMetricFamily(*JOBS, labels=("status",))
        for status, count in self._shown.statuses.items():
            statuses.add_metric((status,), count)
        yield statuses
        yield GaugeMetricFamily(*LEFT_OUT, value=self._shown.left_out)
        yield from map(self._family, FAMILIES)

    def _family(self, family: JobFamily) -> Metric:
        make = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
        made = make(family.name, family.help, labels=(*_PLACED, *family.labels))
        for job in self._shown.jobs:
            if family in job.values:
                told = (job.id, job.cluster, job.namespace, *self._more(family, job))
                made.add_metric(told, job.values[family])
        return made

    def _more(self, family: JobFamily, job: JobShown) -> tuple[str, ...]:
        if family is INFO:
            return job.info
        return (self._shown.currency,) if family is COST else ()
