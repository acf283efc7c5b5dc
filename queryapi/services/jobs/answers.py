"""The answers about jobs, field by field, as the description tells of them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queryapi.services.wording import TIME_SCHEMA
from queryapi.storage.jobrecords import JobStatus, Level

Instant = Annotated[str, Meta(description="With milliseconds.", extra_json_schema=TIME_SCHEMA)]
Percentage = Annotated[float, Meta(description="0 to 100.")]
Seconds = Annotated[float, Meta(ge=0)]
Remaining = Annotated[
    Seconds | UnsetType, Meta(description="Seconds, as if it went on as it did on average.")
]
Recent = Annotated[
    Seconds | UnsetType, Meta(description="Seconds, as if it went on as it did of late.")
]
Cost = Annotated[float | UnsetType, Meta(description="In providers.currency.")]
ExactCost = Annotated[str | UnsetType, Meta(description="The same, as a decimal number.")]
Seq = Annotated[int, Meta(description="The job's last frame; see WebSockets.")]
Epoch = Annotated[str, Meta(description="Which row of frames `seq` is of; see WebSockets.")]


class JobMetric(msgspec.Struct, frozen=True, rename="camel"):
    """What was measured at a moment; null where nobody measured it."""

    id: Annotated[str, Meta(description="Its name, unique in its job.")]
    job_id: str
    timestamp: Instant
    gpu_utilization: Annotated[float | None, Meta(description="In percent.")]
    gpu_memory_used: Annotated[float | None, Meta(description="In MiB, as nvidia-smi has it.")]
    gpu_memory_total: Annotated[float | None, Meta(description="In MiB.")]
    gpu_temperature: Annotated[float | None, Meta(description="In degrees Celsius.")]
    power_usage: Annotated[float | None, Meta(description="In watts.")]


class JobLog(msgspec.Struct, frozen=True, rename="camel"):
    """One log line."""

    id: Annotated[str, Meta(description="Its name in `before`; rises by job.")]
    job_id: str
    timestamp: Instant
    level: Level
    message: str


class Provider(msgspec.Struct, frozen=True, rename="camel"):
    """Who works on a job; null where nobody has said."""

    id: str | None
    worker_id: str | None
    gpu_model: str | None
    price_per_hour: Annotated[float | None, Meta(description="As it is now, all GPUs together.")]


class User(msgspec.Struct, frozen=True, rename="camel"):
    """Whose job it is; null where nobody has said."""

    qubic_address: str | None
    username: str | None


class JobItem(msgspec.Struct, frozen=True, rename="camel"):
    """One job."""

    id: str
    status: JobStatus
    progress: Percentage
    current_operation: str | None
    estimated_cost: float
    actual_cost: Annotated[float | None, Meta(description="Once it has ended.")]
    created_at: Instant
    started_at: Instant | None
    completed_at: Instant | None
    provider: Provider
    user: User
    liveness: Annotated[
        str | None,
        Meta(
            description="STALLED when a running job was not heard of for long, else LIVE; null"
            " when it does not run."
        ),
    ]
    last_report_at: Instant | None
    attempt: int
    cluster: str
    namespace: str | None
    gpus: int | None
    cost_exact: Annotated[str | None, Meta(description="So far, as a decimal number.")]
    currency: str


class Told(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """That a report is stored; what nobody can tell is left out."""

    success: bool
    time_remaining: Remaining = UNSET
    time_remaining_recent: Recent = UNSET
    cost_so_far: Cost = UNSET
    cost_exact: ExactCost = UNSET
    duplicate: Annotated[bool | UnsetType, Meta(description="True when it was stored before.")] = (
        UNSET
    )
    seq: Annotated[int | UnsetType, Meta(description="The job's last frame; see WebSockets.")] = (
        UNSET
    )


class JobMetrics(msgspec.Struct, frozen=True):
    """What was measured within the last 60 seconds."""

    latest: Annotated[JobMetric | None, Meta(description="The newest.")]
    history: Annotated[
        tuple[JobMetric, ...], Meta(description="The newest 30, oldest first.", max_length=30)
    ]


class Monitor(msgspec.Struct, frozen=True, rename="camel"):
    """All that a page about a job begins with; what nobody can tell is left out."""

    success: bool
    job: JobItem
    metrics: JobMetrics
    logs: Annotated[
        tuple[JobLog, ...], Meta(description="The newest 100, oldest first.", max_length=100)
    ]
    seq: Seq
    epoch: Epoch
    time_remaining: Remaining = UNSET
    time_remaining_recent: Recent = UNSET
    cost_so_far: Cost = UNSET
    cost_exact: ExactCost = UNSET


class Extremes(msgspec.Struct, frozen=True, rename="camel"):
    """The least or the most of each that was measured in a span; null where nothing was."""

    gpu_utilization: float | None
    gpu_memory_used: float | None
    gpu_memory_total: float | None
    gpu_temperature: float | None
    power_usage: float | None


class MetricRow(JobMetric, frozen=True, rename="camel"):
    """What was measured at a moment or, with `step`, on average in a span that begins then."""

    min: Annotated[Extremes | UnsetType, Meta(description="With `step`: the least.")] = UNSET
    max: Annotated[Extremes | UnsetType, Meta(description="With `step`: the most.")] = UNSET
    count: Annotated[
        int | UnsetType, Meta(description="With `step`: how many measurements there are.")
    ] = UNSET


class MetricsTold(msgspec.Struct, frozen=True, rename="camel"):
    """What was measured of a job, oldest first."""

    success: bool
    metrics: tuple[MetricRow, ...]
    time_range: Annotated[int, Meta(description="Seconds, as asked for.")]
    step: Annotated[
        int | UnsetType, Meta(description="Seconds of each span; left out: each measurement.")
    ] = UNSET
    partial: Annotated[
        bool | UnsetType,
        Meta(description="True: what only Prometheus remembers could not be had, or not all."),
    ] = UNSET


class LogsTold(msgspec.Struct, frozen=True):
    """A page of log lines, oldest first."""

    success: bool
    logs: tuple[JobLog, ...]
    total: Annotated[int, Meta(description="How many there are on all pages.")]
    limit: int
    offset: int
    next: Annotated[
        str | None, Meta(description="The `before` of the page of older lines; null: none.")
    ]


class JobsTold(msgspec.Struct, frozen=True):
    """Jobs, newest first."""

    success: bool
    jobs: tuple[JobItem, ...]
    next: Annotated[
        str | None, Meta(description="The `before` of the page of older jobs; null: none.")
    ]


class Created(msgspec.Struct, frozen=True):
    """A job that was created."""

    success: bool
    job: JobItem


class Ending(msgspec.Struct, frozen=True, rename="camel"):
    """How a job has ended."""

    id: str
    status: JobStatus
    completed_at: Instant | None
    actual_cost: Annotated[float | None, Meta(description="In providers.currency.")]
    actual_duration: Annotated[float | None, Meta(description="Seconds from start to end.")]


class Completed(msgspec.Struct, frozen=True, rename="camel"):
    """That the end of a job is stored."""

    success: bool
    job: Ending
    payment: Annotated[None, Meta(description="Nothing is paid here.")] = None
    release_tx_hash: Annotated[None, Meta(description="The same.")] = None
