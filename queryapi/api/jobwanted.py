"""What workers may send of a job, for their description; `jobbodies` reads it, and more kindly."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queryapi.api.bounds import NAME_CHARACTERS
from queryapi.services.jobs.bounds import (
    ERROR_BYTES,
    GPUS,
    ID_CHARACTERS,
    LINES,
    MOST_NUMBER,
    OPERATION_CHARACTERS,
    RESULT_BYTES,
)
from queryapi.storage.jobrecords import Level

_Number = float | None
_Name = Annotated[str, Meta(max_length=NAME_CHARACTERS)] | None
_Worker = Annotated[
    _Name | UnsetType,
    Meta(description="Who reports: the first who is named is the only one who may."),
]


class MeasuredSent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What was measured; what is no number counts as not measured."""

    gpu_utilization: Annotated[_Number | UnsetType, Meta(description="In percent.")] = UNSET
    gpu_memory_used: Annotated[_Number | UnsetType, Meta(description="In MiB.")] = UNSET
    gpu_memory_total: Annotated[_Number | UnsetType, Meta(description="In MiB.")] = UNSET
    gpu_temperature: Annotated[_Number | UnsetType, Meta(description="In degrees Celsius.")] = UNSET
    power_usage: Annotated[_Number | UnsetType, Meta(description="In watts.")] = UNSET


class LineSent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One log line; a bare string is its message."""

    message: str
    level: Annotated[
        Level | UnsetType, Meta(description="Any other word counts as info; warn as warning.")
    ] = UNSET
    timestamp: Annotated[
        str | UnsetType, Meta(description="ISO 8601; without a zone in UTC; default: now.")
    ] = UNSET


Measured = Annotated[
    MeasuredSent | UnsetType | None, Meta(description="null or {}: nothing was measured.")
]


class ReportSent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a worker says of a job; what is left out stays as it was."""

    worker_id: _Worker = UNSET
    progress: Annotated[
        float | UnsetType | None,
        Meta(description="0 to 100; what is beyond is cut off. 100 completes the job."),
    ] = UNSET
    current_operation: Annotated[
        Annotated[str, Meta(max_length=OPERATION_CHARACTERS)] | UnsetType | None,
        Meta(description="What it is doing."),
    ] = UNSET
    metrics: Measured = UNSET
    log_lines: Annotated[
        Annotated[tuple[LineSent | str, ...], Meta(max_length=LINES)] | UnsetType | None,
        Meta(description="Oldest first."),
    ] = UNSET
    restart: Annotated[
        bool | UnsetType | None, Meta(description="Whether it begins anew: progress may go back.")
    ] = UNSET
    sequence: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_NUMBER)] | UnsetType | None,
        Meta(description="Its own number of the report, from 1; twice the same is stored once."),
    ] = UNSET
    timestamp: Annotated[
        str | float | UnsetType | None,
        Meta(description="When it was true, by the worker's clock: ISO 8601 or Unix seconds."),
    ] = UNSET
    sent_at: Annotated[
        str | float | UnsetType | None,
        Meta(description="When it was sent, by the same clock: without it timestamp is ignored."),
    ] = UNSET
    namespace: Annotated[_Name | UnsetType, Meta(description="Where the job runs.")] = UNSET


class CompletionSent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The end of a job."""

    status: Annotated[
        str | UnsetType | None, Meta(description="completed (default), failed or cancelled.")
    ] = UNSET
    worker_id: _Worker = UNSET
    result: Annotated[Any, Meta(description=f"Any JSON value of up to {RESULT_BYTES} bytes.")] = (
        UNSET
    )
    error: Annotated[
        str | UnsetType | None,
        Meta(description=f"Why it failed; what is beyond {ERROR_BYTES} bytes is cut off."),
    ] = UNSET
    final_metrics: Measured = UNSET
    metrics: Measured = UNSET


class JobSent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A job that is created before a worker reports."""

    id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS)] | UnsetType | None,
        Meta(description="Default: a new one. The same again creates nothing: 409."),
    ] = UNSET
    cluster: Annotated[_Name | UnsetType, Meta(description="Default: default_cluster.")] = UNSET
    namespace: Annotated[_Name | UnsetType, Meta(description="Where it will run.")] = UNSET
    worker_id: _Worker = UNSET
    gpu_model: Annotated[_Name | UnsetType, Meta(description="Prices are by this.")] = UNSET
    instance_type: Annotated[_Name | UnsetType, Meta(description="Or by this.")] = UNSET
    pool: Annotated[_Name | UnsetType, Meta(description="Or by this.")] = UNSET
    gpus: Annotated[
        Annotated[int, Meta(ge=1, le=GPUS)] | UnsetType | None, Meta(description="How many.")
    ] = UNSET
    estimated_cost: Annotated[
        float | str | UnsetType | None, Meta(description="In providers.currency; as text exact.")
    ] = UNSET
    qubic_address: Annotated[_Name | UnsetType, Meta(description="Of its user.")] = UNSET
    username: Annotated[_Name | UnsetType, Meta(description="Of its user.")] = UNSET
