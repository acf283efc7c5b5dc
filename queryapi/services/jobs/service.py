"""Jobs: what is said of them goes to the intake, what is told of them comes from the store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.access.principal import NOBODY
from queryapi.errors import ResourceNotFound
from queryapi.services.jobs.answers import (
    Completed,
    Created,
    JobItem,
    JobsTold,
    LogsTold,
    MetricsTold,
    Monitor,
    Told,
)
from queryapi.services.jobs.ingesting.intake import Intake
from queryapi.services.jobs.model import Caller, Completion, Draft, Report
from queryapi.services.jobs.reading.asked import JobsAsked, LogsAsked
from queryapi.services.jobs.reading.items import Terms, ending_of, item_of, told_of
from queryapi.services.jobs.reading.logs import logs_of, text_of
from queryapi.services.jobs.reading.metrics import Metrics, Window
from queryapi.services.jobs.reading.monitor import monitor_of
from queryapi.services.jobs.visible import visible
from queryapi.storage.jobrecords import Job

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store


class Jobs:
    """Jobs, as their workers, pages and people know them.

    Args:
        store: Where they are kept.
        intake: Takes in what is said of them.
        metrics: Tells what was measured.
        terms: How they are told of.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: "Store",
        intake: Intake,
        metrics: Metrics,
        terms: Terms,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._intake = intake
        self._metrics = metrics
        self._terms = terms
        self._clock = clock

    def report(self, job_id: str, report: Report, caller: Caller) -> Told:
        """Take in a worker's report; raises what Intake.report raises."""
        return told_of(self._intake.report(job_id, report, caller))

    def complete(self, job_id: str, completion: Completion, caller: Caller) -> Completed:
        """Take in the end of a job; raises what Intake.complete raises."""
        job = self._intake.complete(job_id, completion, caller)
        return Completed(success=True, job=ending_of(job))

    def create(self, draft: Draft, caller: Caller) -> Created:
        """Take in a new job; raises what Intake.create raises."""
        job = self._intake.create(draft, caller)
        return Created(success=True, job=item_of(job, self._clock(), self._terms))

    def one(self, job_id: str, caller: Caller) -> JobItem:
        """Return one job.

        Raises:
            ResourceNotFound: When there is none that the caller may know of.
            StoreUnavailable: When the database does not answer.
        """
        with self._found(job_id, caller) as (_, job):
            return item_of(job, self._clock(), self._terms)

    def list(self, asked: JobsAsked, caller: Caller) -> JobsTold:
        """Return the jobs that a caller may know of; raises StoreUnavailable."""
        scope, named = caller.scope, caller.name != NOBODY.name
        with self._store.reading() as session:
            found = storage.jobs.page(
                session,
                # One more tells whether there is another page.
                limit=asked.limit + 1,
                before=asked.before,
                statuses=asked.statuses,
                clusters=scope.clusters,
                namespaces=scope.namespaces,
                owner=caller.name if named else None,
            )
        now, told = self._clock(), found[: asked.limit]
        return JobsTold(
            success=True,
            jobs=tuple(item_of(job, now, self._terms) for job in told),
            next=str(told[-1].number) if len(found) > len(told) else None,
        )

    def monitor(self, job_id: str, caller: Caller) -> Monitor:
        """Return all that a page about a job begins with; raises as `one`."""
        with self._found(job_id, caller) as (session, job):
            return monitor_of(session, job, self._clock(), self._terms)

    def metrics(self, job_id: str, window: Window, caller: Caller) -> MetricsTold:
        """Return what was measured of a job.

        Raises:
            InvalidParameter: When the window is too long, or has too many rows.
            ResourceNotFound: As `one`; StoreUnavailable too.
        """
        window.check()
        now = self._clock()
        with self._found(job_id, caller) as (session, job):
            step, stored = self._metrics.stored(session, job, window, now)
        # Prometheus may take its time: the database does not wait with it.
        return self._metrics.told(job, window, now, step, stored)

    def logs(self, job_id: str, asked: LogsAsked, caller: Caller) -> LogsTold:
        """Return a page of a job's log; raises as `one`."""
        with self._found(job_id, caller) as (session, job):
            return logs_of(session, job, asked)

    def log_text(self, job_id: str, asked: LogsAsked, caller: Caller) -> Iterator[bytes]:
        """Return a job's log as text, piece by piece; raises as `one`, and so may each piece."""
        with self._found(job_id, caller) as (_, job):
            pass
        return text_of(self._store, job, asked)

    @contextmanager
    def _found(self, job_id: str, caller: Caller) -> Iterator[tuple["Session", Job]]:
        with self._store.reading() as session:
            job = storage.jobs.one(session, job_id)
            if job is None or not visible(job, caller):
                raise ResourceNotFound("Job not found")
            yield session, job
