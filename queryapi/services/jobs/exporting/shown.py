"""What Prometheus is told of each job; nothing that is old, and nothing that nobody said."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.services.jobs.money import cost_of
from queryapi.settings import Jobs
from queryapi.storage.jobrecords import Job, JobStatus, Sample
from queryapi.telemetry import jobpage
from queryapi.telemetry.jobpage import JobFamily, JobShown, JobsShown

if TYPE_CHECKING:
    from queryapi.storage.engine import Store

_MEBIBYTE = 2**20


def read(store: "Store", settings: Jobs, currency: str, now: float) -> JobsShown:
    """Return what is told of jobs now.

    Raises:
        StoreUnavailable: When the database does not answer.
    """
    ended_after, since = now - settings.exported_for, now - settings.stalled_after
    with store.reading() as session:
        statuses = storage.jobs.count_by_status(session)
        chosen = storage.jobs.lately(session, ended_after=ended_after, limit=settings.exported)
        count = len(chosen)
        if count >= settings.exported:
            count = storage.jobs.count_lately(session, ended_after=ended_after)
        heard = [job.number for job in chosen if (job.reported_at or 0) >= since]
        samples = storage.jobsamples.newest(session, heard, since=since)
    return JobsShown(
        currency,
        tuple(shown(job, samples.get(job.number), cost_of(job, now)) for job in chosen),
        {str(status): statuses.get(status, 0) for status in JobStatus},
        count - len(chosen),
    )


def shown(job: Job, sample: Sample | None, cost: Decimal | None) -> JobShown:
    """Return what is told of one job, by what is known of it."""
    info = (job.worker or "", job.gpu_model or "", str(job.status))
    return JobShown(job.id, job.cluster, job.namespace or "", info, _values(job, sample, cost))


def _values(job: Job, sample: Sample | None, cost: Decimal | None) -> Mapping[JobFamily, float]:
    return {
        jobpage.INFO: 1.0,
        jobpage.PROGRESS: job.progress / 100,
        jobpage.LOG_LINES: float(job.log_lines),
        **dict(_said(jobpage.COST, cost)),
        **dict(_said(jobpage.LAST_REPORT, job.reported_at)),
        **dict(_said(jobpage.START, job.started_at)),
        **dict(_measured(sample or Sample())),
    }


def _measured(sample: Sample) -> Iterator[tuple[JobFamily, float]]:
    yield from _said(jobpage.UTILIZATION, sample.utilization, 1 / 100)
    yield from _said(jobpage.MEMORY_USED, sample.memory_used, _MEBIBYTE)
    yield from _said(jobpage.MEMORY_TOTAL, sample.memory_total, _MEBIBYTE)
    yield from _said(jobpage.TEMPERATURE, sample.temperature)
    yield from _said(jobpage.POWER, sample.power)


def _said(
    family: JobFamily, value: float | Decimal | None, each: float = 1.0
) -> Iterator[tuple[JobFamily, float]]:
    if value is not None:
        yield family, float(value) * each
