"""All that a page about a job begins with, as of one moment."""

from typing import TYPE_CHECKING

from msgspec import UNSET

from queryapi import storage
from queryapi.services.jobs import estimates
from queryapi.services.jobs.answers import JobMetrics, Monitor
from queryapi.services.jobs.frames import epoch_of
from queryapi.services.jobs.money import cost_of, exact, written
from queryapi.services.jobs.reading.items import (
    Terms,
    item_of,
    log_of,
    metric_of,
)
from queryapi.storage.jobrecords import Job, JobStatus

if TYPE_CHECKING:
    from queryapi.storage.engine import Session

HISTORY_SECONDS = 60.0
HISTORY = 30
LINES = 100


def monitor_of(session: "Session", job: Job, at: float, terms: Terms) -> Monitor:
    """Return what is told of *job* at a moment."""
    measured = storage.jobsamples.since(session, job.number, at - HISTORY_SECONDS, limit=HISTORY)
    history = tuple(metric_of(job, span) for span in measured)
    lines = storage.joblogs.page(session, job.number, limit=LINES)
    running = job.status is JobStatus.RUNNING
    cost = cost_of(job, at) if running else None
    return Monitor(
        success=True,
        job=item_of(job, at, terms),
        metrics=JobMetrics(history[-1] if history else None, history),
        logs=tuple(log_of(job, line) for line in lines),
        seq=job.seq,
        epoch=epoch_of(job),
        time_remaining=estimates.told(estimates.remaining(job, at) if running else None),
        time_remaining_recent=estimates.told(estimates.recent(job, at) if running else None),
        cost_so_far=UNSET if cost is None else written(cost),
        cost_exact=UNSET if cost is None else exact(cost),
    )
