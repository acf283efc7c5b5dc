"""What streams tell of jobs, made of nothing but rows: live and told again are the same bytes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from queryapi.services.jobs import estimates
from queryapi.services.jobs.ended import Ended, ended_of
from queryapi.services.jobs.money import written
from queryapi.services.wording import instant
from queryapi.storage.jobrecords import FINAL, Event, Job, JobStatus, Level, LogLine, Sample

FrameType = Literal["JOB_PROGRESS", "JOB_LOGS", "JOB_COMPLETED"]

_ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Frame:
    """One part of a job's story.

    Args:
        seq: Its number in the story.
        type: What it tells of.
        at: When that happened, in Unix seconds.
        message: As clients are sent it.
    """

    seq: int
    type: FrameType
    at: float
    message: bytes


class _Metrics(msgspec.Struct, rename="camel", omit_defaults=True):
    # What was not measured is left out: clients draw what there is.
    id: str
    job_id: str
    timestamp: str
    gpu_utilization: float | None = None
    gpu_memory_used: float | None = None
    gpu_memory_total: float | None = None
    gpu_temperature: float | None = None
    power_usage: float | None = None


class _Progress(msgspec.Struct, rename="camel", omit_defaults=True):
    # Clients compare with undefined and would stumble over null.
    job_id: str
    progress: float
    timestamp: str
    current_operation: str | UnsetType = UNSET
    metrics: _Metrics | UnsetType = UNSET
    time_remaining: float | UnsetType = UNSET
    time_remaining_recent: float | UnsetType = UNSET
    cost_so_far: float | UnsetType = UNSET


class _Log(msgspec.Struct, rename="camel"):
    id: str
    job_id: str
    level: Level
    message: str
    timestamp: str


class _Logs(msgspec.Struct, rename="camel"):
    job_id: str
    logs: list[_Log]
    timestamp: str


class _Result(msgspec.Struct, rename="camel"):
    result: Any
    error: str | None
    actual_cost: float | None
    actual_duration: float | None
    release_tx_hash: None
    completed_at: str


class _Completed(msgspec.Struct, rename="camel"):
    job_id: str
    status: JobStatus
    result: _Result
    timestamp: str


class _Message(msgspec.Struct, rename="camel"):
    type: FrameType
    seq: int
    subscription_id: str
    data: _Progress | _Logs | _Completed


def epoch_of(job: Job) -> str:
    """Return what tells a job's story from that of another that had its id before."""
    return f"{job.number}-{int(job.created_at * 1000)}"


def story(job_id: str, events: Iterable[Event], lines: Iterable[LogLine]) -> tuple[Frame, ...]:
    """Return the frames of some rows in their order; each report's lines must be whole."""
    frames = [_of_event(job_id, event) for event in events]
    frames += _of_lines(job_id, lines)
    frames.sort(key=lambda frame: frame.seq)
    return tuple(frames)


def state(job: Job, newest: Event | None, ended: Event | None) -> tuple[Frame, ...]:
    """Return frames that tell how a job is now, numbered as its last one.

    Args:
        job: The job.
        newest: What was told of its progress last; None = nothing that is still known.
        ended: What was told of its end last; the same.
    """
    event = newest or Event(
        job=job.number,
        seq=job.seq,
        at=job.reported_at or job.created_at,
        kind="progress",
        attempt=job.attempt,
        progress=job.progress,
        operation=job.operation,
    )
    told = _Message("JOB_PROGRESS", job.seq, job.id, _progress(job.id, event))
    frames = [Frame(job.seq, "JOB_PROGRESS", event.at, _ENCODE(told))]
    if job.status in FINAL:
        at = (job.ended_at or event.at) if ended is None else ended.at
        how = _end_of(job, at) if ended is None or ended.body is None else ended_of(ended.body)
        told = _Message("JOB_COMPLETED", job.seq, job.id, _completed(job.id, how, at))
        frames.append(Frame(job.seq, "JOB_COMPLETED", at, _ENCODE(told)))
    return tuple(frames)


def _of_event(job_id: str, event: Event) -> Frame:
    if event.kind == "progress" or event.body is None:
        told = _Message("JOB_PROGRESS", event.seq, job_id, _progress(job_id, event))
    else:
        ended = _completed(job_id, ended_of(event.body), event.at)
        told = _Message("JOB_COMPLETED", event.seq, job_id, ended)
    return Frame(event.seq, told.type, event.at, _ENCODE(told))


def _of_lines(job_id: str, lines: Iterable[LogLine]) -> Iterator[Frame]:
    for seq, group in groupby(lines, key=lambda line: line.seq):
        held = list(group)
        logs = [
            _Log(str(line.number), job_id, line.level, line.message, instant(line.at))
            for line in held
        ]
        at = _newest(held)
        told = _Message("JOB_LOGS", seq, job_id, _Logs(job_id, logs, instant(at)))
        yield Frame(seq, "JOB_LOGS", at, _ENCODE(told))


def _newest(lines: Sequence[LogLine]) -> float:
    return max(line.at for line in lines)


def _progress(job_id: str, event: Event) -> _Progress:
    return _Progress(
        job_id,
        event.progress,
        instant(event.at),
        UNSET if event.operation is None else event.operation,
        UNSET if event.sample is None else _metrics(job_id, event, event.sample),
        estimates.told(event.remaining),
        estimates.told(event.recent),
        UNSET if event.cost is None else written(Decimal(event.cost)),
    )


def _metrics(job_id: str, event: Event, sample: Sample) -> _Metrics:
    return _Metrics(
        str(event.seq),
        job_id,
        instant(event.at),
        sample.utilization,
        sample.memory_used,
        sample.memory_total,
        sample.temperature,
        sample.power,
    )


def _completed(job_id: str, ended: Ended, at: float) -> _Completed:
    cost = ended.actual_cost
    result = _Result(
        ended.result,
        ended.error,
        None if cost is None else written(Decimal(cost)),
        ended.actual_duration,
        None,
        instant(ended.completed_at),
    )
    return _Completed(job_id, ended.status, result, instant(at))


def _end_of(job: Job, at: float) -> Ended:
    """Return what the job itself still says of its end."""
    result = None if job.result is None else msgspec.json.decode(job.result)
    return Ended(job.status, at, result, job.error)
