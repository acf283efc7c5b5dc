"""What is said of jobs, read and held to its bounds; see `storage.jobrecords` for what is kept."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from queryapi.access.principal import EVERYTHING, Scope
from queryapi.storage.jobrecords import JobStatus, Level, Sample


@dataclass(frozen=True, slots=True)
class Caller:
    """Who says it.

    Args:
        name: As principals are called.
        scope: What they may see.
        operates: Whether they may say it of jobs that are bound to another worker.
        client: The name under which what they do is counted; empty = by their own.
    """

    name: str
    scope: Scope = EVERYTHING
    operates: bool = False
    client: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One log line.

    Args:
        level: How grave it is.
        message: What it says.
        at: Unix seconds, by the worker's clock; None = it did not say.
    """

    level: Level
    message: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of a job.

    Args:
        worker: Who it is; None = it did not say.
        progress: In percent, 0 to 100; None = as before.
        operation: What it is doing; None = as before.
        sample: What it measured; None = nothing.
        lines: What it has logged, oldest first.
        restart: Whether it begins anew: progress may go back.
        sequence: Its own number of the report, rising from 1 in each attempt; None = it has none.
        age: Seconds since it was true, by the worker's own clock: it may have waited to be sent.
        sent_at: Unix seconds at which it was sent, by the worker's clock; None = it did not say.
        namespace: Where it says that it runs; None = it did not say.
    """

    worker: str | None = None
    progress: float | None = None
    operation: str | None = None
    sample: Sample | None = None
    lines: tuple[Line, ...] = ()
    restart: bool = False
    sequence: int | None = None
    age: float = 0.0
    sent_at: float | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of a job, as its worker or an operator says.

    Args:
        status: COMPLETED, FAILED or CANCELLED.
        worker: Who says it; None = they did not say.
        result: Any JSON value; None = nothing.
        error: Why it failed; None = nothing.
        sample: What was measured last; None = nothing.
    """

    status: JobStatus
    worker: str | None = None
    result: Any = None
    error: str | None = None
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A job that somebody creates before a worker reports.

    Args:
        id: What it shall be called; None = a new name.
        cluster: Where it will run; None = the default, or the only one that the caller sees.
    """

    id: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    worker: str | None = None
    gpu_model: str | None = None
    instance_type: str | None = None
    pool: str | None = None
    gpus: int | None = None
    estimated_cost: Decimal = field(default=Decimal())
    address: str | None = None
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """That a report is stored, and what its worker is told of the job.

    Args:
        seq: The number of the last frame that tells of the job.
        status: Of the job as it is now.
        progress: The same, in percent.
        remaining: Seconds left by the document's estimate; None = nobody can tell.
        recent: Seconds left by the recent pace; None = nobody can tell.
        cost: So far; None = nobody can tell.
        duplicate: Whether it was stored before, and nothing was now.
    """

    seq: int
    status: JobStatus
    progress: float
    remaining: float | None = None
    recent: float | None = None
    cost: Decimal | None = None
    duplicate: bool = False
