"""From what is stored of a job to what is told of it."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from queryapi.services.jobs import estimates
from queryapi.services.jobs.answers import (
    Ending,
    Extremes,
    JobItem,
    JobLog,
    JobMetric,
    MetricRow,
    Provider,
    Told,
    User,
)
from queryapi.services.jobs.ended import lasted
from queryapi.services.jobs.model import Acknowledged
from queryapi.services.jobs.moments import is_silent
from queryapi.services.jobs.money import cost_of, exact, written
from queryapi.services.wording import instant
from queryapi.storage.jobrecords import FINAL, Job, JobStatus, LogLine, Sample, Span


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of how jobs are told of.

    Args:
        stalled_after: Seconds without a report after which a running job counts as stalled.
        currency: What prices are in.
    """

    stalled_after: float
    currency: str


def item_of(job: Job, at: float, terms: Terms) -> JobItem:
    """Return *job* as it is told of at a moment."""
    cost = cost_of(job, at)
    return JobItem(
        id=job.id,
        status=job.status,
        progress=job.progress,
        current_operation=job.operation,
        estimated_cost=float(job.estimated_cost),
        actual_cost=written(cost) if job.status in FINAL and cost is not None else None,
        created_at=instant(job.created_at),
        started_at=_when(job.started_at),
        completed_at=_when(job.ended_at),
        provider=Provider(job.worker, job.worker, job.gpu_model, _price(job, at)),
        user=User(job.address, job.username),
        liveness=_liveness(job, at, terms.stalled_after),
        last_report_at=_when(job.reported_at),
        attempt=job.attempt,
        cluster=job.cluster,
        namespace=job.namespace,
        gpus=job.gpus,
        cost_exact=None if cost is None else exact(cost),
        currency=terms.currency,
    )


def metric_of(job: Job, span: Span) -> JobMetric:
    """Return one measurement."""
    return JobMetric(str(span.seq), job.id, instant(span.at), *_numbers(span.mean))


def row_of(job: Job, span: Span, *, counted: bool) -> MetricRow:
    """Return one measurement or, where they are *counted*, those of a span."""
    name = str(span.seq) if span.seq else f"p{int(span.at)}"
    return MetricRow(
        name,
        job.id,
        instant(span.at),
        *_numbers(span.mean),
        min=_extremes(span.least) if counted else UNSET,
        max=_extremes(span.most) if counted else UNSET,
        count=span.count if counted and span.count else UNSET,
    )


def log_of(job: Job, line: LogLine) -> JobLog:
    """Return one line."""
    return JobLog(str(line.number), job.id, instant(line.at), line.level, line.message)


def told_of(taken: Acknowledged) -> Told:
    """Return what a worker is told whose report is stored."""
    return Told(
        success=True,
        time_remaining=estimates.told(taken.remaining),
        time_remaining_recent=estimates.told(taken.recent),
        cost_so_far=UNSET if taken.cost is None else written(taken.cost),
        cost_exact=UNSET if taken.cost is None else exact(taken.cost),
        duplicate=taken.duplicate or UNSET,
        seq=taken.seq,
    )


def ending_of(job: Job) -> Ending:
    """Return how *job* has ended."""
    end = job.ended_at
    cost = None if end is None else cost_of(job, end)
    return Ending(
        id=job.id,
        status=job.status,
        completed_at=_when(end),
        actual_cost=None if cost is None else written(cost),
        actual_duration=None if end is None else lasted(job, end),
    )


def _when(at: float | None) -> str | None:
    return None if at is None else instant(at)


def _liveness(job: Job, at: float, stalled_after: float) -> str | None:
    if job.status is not JobStatus.RUNNING:
        return None
    return "STALLED" if is_silent(job, at, stalled_after) else "LIVE"


def _price(job: Job, at: float) -> float | None:
    known = [tariff for tariff in job.tariffs if tariff.since <= at]
    price = known[-1].price if known else None
    return None if price is None else float(price)


def _numbers(
    sample: Sample,
) -> tuple[float | None, float | None, float | None, float | None, float | None]:
    return (
        sample.utilization,
        sample.memory_used,
        sample.memory_total,
        sample.temperature,
        sample.power,
    )


def _extremes(sample: Sample | None) -> Extremes | UnsetType:
    return UNSET if sample is None else Extremes(*_numbers(sample))
