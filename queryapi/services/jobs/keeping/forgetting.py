"""What one pass forgets of jobs: batch by batch, each a short transaction of its own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from queryapi import storage
from queryapi.services.tenure import Tenure
from queryapi.settings import Jobs
from queryapi.telemetry.keeping import Forgotten

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store
    from queryapi.storage.jobkeeping import Gone

T = TypeVar("T")

_DAY = 86400.0
_MEGABYTE = 1_000_000
# What others wait for: a few milliseconds.
BATCH = 200


class TaskTakenError(Exception):
    """Another process has the task now."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did.

    Args:
        kind: What it forgot.
        rows: How much of it.
        seconds: What it took, its wait for others included.
    """

    kind: Forgotten
    rows: int
    seconds: float


class Forgetting:
    """Forgets by age and by size, as the settings say.

    Args:
        store: Where jobs are.
        tenure: Whether this process may.
        settings: What is kept.
        clock: Unix seconds.
        batch: The most rows in one transaction.
    """

    def __init__(
        self,
        store: "Store",
        tenure: Tenure,
        settings: Jobs,
        clock: Callable[[], float],
        *,
        batch: int = BATCH,
    ) -> None:
        self._store = store
        self._tenure = tenure
        self._settings = settings
        self._clock = clock
        self._batch = batch

    def batches(self) -> Iterator[Batch]:
        """Forget, and tell of each batch when it is stored; whoever goes on has it go on.

        Raises:
            TaskTakenError: When another process has the task.
            StoreUnavailable: When the database does not answer.
        """
        yield from self._jobs()
        yield from self._events()
        yield from self._lines_by_age()
        yield from self._lines_by_size()

    def _jobs(self) -> Iterator[Batch]:
        before = self._clock() - self._settings.finished_days * _DAY
        forget = partial(storage.jobkeeping.jobs_before, at=before, batch=self._batch)
        while True:
            # Its rows go after it: nobody sees a half of a job.
            gone, seconds = self._done(forget)
            if gone:
                yield Batch("jobs", len(gone), seconds)
            for job in gone:
                rest = partial(storage.jobkeeping.told_by, job=job, batch=self._batch)
                yield from self._whole("rows", rest)
            if len(gone) < self._batch:
                return

    def _events(self) -> Iterator[Batch]:
        before, place = self._clock() - self._settings.samples_days * _DAY, None
        while True:
            # Most of what is old may be needed: it is looked at without keeping writers waiting.
            with self._store.reading() as session:
                old = storage.jobkeeping.old_events(session, before, place, batch=self._batch)
            if old.unneeded:
                gone, seconds = self._done(
                    partial(storage.jobkeeping.drop_events, frames=old.unneeded)
                )
                yield Batch("samples", gone.rows, seconds)
            if old.upto is None:
                return
            place = old.upto

    def _lines_by_age(self) -> Iterator[Batch]:
        before = self._clock() - self._settings.logs_days * _DAY
        old = partial(storage.jobkeeping.lines_before, at=before, batch=self._batch)
        yield from self._whole("lines", old)

    def _lines_by_size(self) -> Iterator[Batch]:
        each = int(self._settings.log_megabytes * _MEGABYTE)
        with self._store.reading() as session:
            above = storage.jobkeeping.above(session, each)
        for job, excess in above.items():
            yield from self._oldest_lines(excess, job)
        with self._store.reading() as session:
            kept = storage.jobkeeping.kept(session)
        yield from self._oldest_lines(kept - int(self._settings.total_megabytes * _MEGABYTE))

    def _oldest_lines(self, excess: int, job: int | None = None) -> Iterator[Batch]:
        while excess > 0:
            oldest = partial(
                storage.jobkeeping.oldest_lines, excess=excess, job=job, batch=self._batch
            )
            gone, seconds = self._done(oldest)
            if not gone.rows:
                return
            excess -= gone.size
            yield Batch("lines", gone.rows, seconds)

    def _whole(self, kind: Forgotten, act: "Callable[[Session], Gone]") -> Iterator[Batch]:
        """Have an act done until there is nothing left for it."""
        while True:
            gone, seconds = self._done(act)
            if not gone.rows:
                return
            yield Batch(kind, gone.rows, seconds)

    def _done(self, act: "Callable[[Session], T]") -> tuple[T, float]:
        began = time.monotonic()
        with self._store.writing() as session:
            ours = self._tenure.confirm(session)
            result = act(session) if ours else None
        if result is None:
            raise TaskTakenError
        return result, time.monotonic() - began
