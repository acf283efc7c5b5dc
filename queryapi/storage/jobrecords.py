"""What is stored of jobs, as plain values; times in Unix seconds, money in decimal text."""

from enum import StrEnum
from typing import Literal

import msgspec

LINES_EACH = 1000
"""The number of a log line is that of the frame that tells of it, times this, plus its place."""


class JobStatus(StrEnum):
    """Where a job is in its life, in the words of the document's clients."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
"""A job that is one of these stays as it is."""

Level = Literal["info", "warning", "error"]
Kind = Literal["progress", "completed"]


class Tariff(msgspec.Struct, frozen=True):
    """What an hour costs from a moment on.

    Args:
        since: Unix seconds.
        price: Of one hour, all GPUs together, as decimal text; None = nobody knows.
        source: What said so, such as `worker`, `gpu_model` or `label`.
    """

    since: float
    price: str | None
    source: str = ""


class Step(msgspec.Struct, frozen=True, array_like=True):
    """How far a job was at a moment."""

    at: float
    progress: float


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """Which numbered reports of an attempt are stored.

    Args:
        highest: The highest number.
        others: Bit *n* is set when the one that is *n* + 1 below it is stored too.
    """

    highest: int = 0
    others: int = 0


class Job(msgspec.Struct, frozen=True):
    """One job.

    Args:
        number: Its key in the tables; 0 = not stored yet.
        id: What clients call it.
        cluster: The cluster that it runs in.
        namespace: The namespace of its pod; None = nobody knows.
        anywhere: Whether, without a namespace, it may be a pod of any: its creator sees all.
        pod: The GPU pod that it is; None = none is known.
        owner: Who created it, as principals are called.
        worker: Who works on it, and reports; None = nobody has said.
        bound_by: Whose report has bound it to that worker, as principals are called; None = none.
        gpu_model: Of its GPUs; None = nobody knows.
        instance_type: Of its node; None = nobody knows.
        pool: Of its node; None = nobody knows.
        gpus: How many it has; None = nobody knows.
        status: Where it is in its life.
        attempt: Rises when a worker says that it begins anew.
        attempted_at: When a worker last said so; None = never.
        progress: In percent.
        operation: What it is doing; None = nobody has said.
        seq: The number of the last frame that tells of it.
        created_at: When it became known here.
        started_at: When it first ran; None = it has not.
        reported_at: When it was last heard of; None = never.
        ended_at: When it reached a final status; None = it has not.
        tariffs: What it costs, oldest first.
        steps: Its latest progress, oldest first; of this attempt.
        seen: Which numbered reports are stored; of this attempt.
        estimated_cost: What somebody expects it to cost.
        result: What it came to, as JSON; None = nothing was said.
        error: Why it failed; None = nothing was said.
        address: Of its user; None = nobody has said.
        username: Of its user; None = nobody has said.
        log_lines: How many lines were taken in.
        log_bytes: How large they are together, as `LogLine.size` has it.
        log_forgotten: How large those are together that are not kept any more.
        lines_forgotten: How many those are.
        forgotten: The last frame of which not all is kept any more.
    """

    number: int
    id: str
    cluster: str
    owner: str
    created_at: float
    namespace: str | None = None
    anywhere: bool = False
    pod: str | None = None
    worker: str | None = None
    bound_by: str | None = None
    gpu_model: str | None = None
    instance_type: str | None = None
    pool: str | None = None
    gpus: int | None = None
    status: JobStatus = JobStatus.PENDING
    attempt: int = 1
    attempted_at: float | None = None
    progress: float = 0.0
    operation: str | None = None
    seq: int = 0
    started_at: float | None = None
    reported_at: float | None = None
    ended_at: float | None = None
    tariffs: tuple[Tariff, ...] = ()
    steps: tuple[Step, ...] = ()
    seen: Seen = Seen()
    estimated_cost: str = "0"
    result: str | None = None
    error: str | None = None
    address: str | None = None
    username: str | None = None
    log_lines: int = 0
    log_bytes: int = 0
    log_forgotten: int = 0
    lines_forgotten: int = 0
    forgotten: int = 0


class Sample(msgspec.Struct, frozen=True):
    """What a worker measured; None = it did not.

    Args:
        utilization: Of its GPUs, in percent.
        memory_used: In MiB.
        memory_total: In MiB.
        temperature: In degrees Celsius.
        power: In watts.
    """

    utilization: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    temperature: float | None = None
    power: float | None = None


MEASURED = Sample.__struct_fields__
"""What is measured, by name."""


class Span(msgspec.Struct, frozen=True):
    """What was measured in a span of time.

    Args:
        at: When it begins.
        seq: The number of the first frame of those that tell of it; 0 = none of ours does.
        count: How many measurements there are; 0 = nobody counted.
        mean: Of each, what was measured on average.
        least: Of each, the least; None = nobody knows.
        most: Of each, the most; None = nobody knows.
    """

    at: float
    seq: int
    count: int
    mean: Sample
    least: Sample | None = None
    most: Sample | None = None


class Event(msgspec.Struct, frozen=True):
    """One frame of a job's story, but for its log lines, which are rows of their own.

    Args:
        job: The job's number.
        seq: The frame's number, rising by job.
        at: When it happened.
        kind: `progress`: a report; `completed`: the end, or what was said of it later.
        attempt: Which attempt it is of.
        progress: In percent, of the job as it was then.
        operation: The same.
        sample: What was measured; None = nothing.
        source: Who measured it: the `worker` itself, or `prometheus`.
        remaining: Seconds left by the document's estimate; None = nobody can tell.
        recent: Seconds left by the recent pace; None = nobody can tell.
        cost: So far, as decimal text; None = nobody can tell.
        body: What a `completed` says besides, as JSON.
    """

    job: int
    seq: int
    at: float
    kind: Kind
    attempt: int
    progress: float
    operation: str | None = None
    sample: Sample | None = None
    source: Literal["worker", "prometheus"] = "worker"
    remaining: float | None = None
    recent: float | None = None
    cost: str | None = None
    body: str | None = None


class LogLine(msgspec.Struct, frozen=True):
    """One line of a job's log.

    Args:
        job: The job's number.
        number: Rises by job; see LINES_EACH.
        at: When it was written, as its worker's clock has it, held to what can be.
        level: How grave it is.
        message: What it says.
        heard: When it came, as our clock has it: never before what has a lower number.
    """

    job: int
    number: int
    at: float
    level: Level
    message: str
    heard: float

    @property
    def seq(self) -> int:
        """The number of the frame that tells of it."""
        return self.number // LINES_EACH

    @property
    def size(self) -> int:
        """How large it counts: what its message takes as UTF-8."""
        return len(self.message.encode())
