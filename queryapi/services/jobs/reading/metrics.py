"""What was measured of a job: as it was told or, over a long time, span by span."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from msgspec import UNSET

from queryapi import storage
from queryapi.errors import InvalidParameter, Overloaded, QueryApiError, UpstreamError
from queryapi.services.jobs.answers import MetricsTold
from queryapi.services.jobs.bounds import (
    MOST_ROWS,
    MOST_SECONDS,
    MOST_SECONDS_STEPPED,
    SECONDS_BEFORE,
)
from queryapi.services.jobs.reading.items import row_of
from queryapi.storage.jobrecords import Job, Sample, Span

if TYPE_CHECKING:
    from queryapi.storage.engine import Session

_LOG = logging.getLogger(__name__)


class Past(Protocol):
    """What Prometheus remembers of jobs."""

    def earlier(
        self, job: Job, since: float, until: float, step: float
    ) -> Sequence[tuple[float, Sample]]:
        """Return what was measured of a job's GPUs in a time, every *step* seconds, oldest first.

        Raises:
            UpstreamError: When that cannot be told now.
            Overloaded: When too many others wait.
        """
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """A time to tell of.

    Args:
        seconds: How far to look back.
        step: How long each span is; None = each measurement is told.
    """

    seconds: int
    step: int | None = None

    def check(self) -> None:
        """Raise InvalidParameter where it is too long, or would have too many rows."""
        most = MOST_SECONDS if self.step is None else MOST_SECONDS_STEPPED
        if self.seconds > most:
            raise InvalidParameter(
                f"timeRange must be a whole number from 1 to {MOST_SECONDS} or, with step, to"
                f" {MOST_SECONDS_STEPPED}"
            )
        if self.step is not None and self.seconds > self.step * MOST_ROWS:
            raise InvalidParameter(
                f"step is too short: at most {MOST_ROWS} rows are told, so that timeRange"
                f" {self.seconds} takes a step of {math.ceil(self.seconds / MOST_ROWS)}s or longer"
            )


class Metrics:
    """Tells what was measured.

    Args:
        past: What Prometheus remembers; None = nothing.
        kept: Seconds for which the store keeps it.
    """

    def __init__(self, past: Past | None, kept: float) -> None:
        self._past = past
        self._kept = kept

    def stored(
        self, session: "Session", job: Job, window: Window, now: float
    ) -> tuple[int | None, Sequence[Span]]:
        """Return the step, None = each measurement, and what is stored.

        Of more measurements than can be told at once, spans are told although nobody asked.
        """
        since, step = now - window.seconds, window.step
        if step is None:
            each = storage.jobsamples.since(session, job.number, since, limit=MOST_ROWS + 1)
            if len(each) <= MOST_ROWS:
                return None, each
            step = math.ceil(window.seconds / MOST_ROWS)
        begin = max(_begin(since, step), self._stored_since(now, step))
        return step, storage.jobsamples.spans(session, job.number, begin, step=step)

    def told(
        self, job: Job, window: Window, now: float, step: int | None, stored: Sequence[Span]
    ) -> MetricsTold:
        """Return the answer, with what is older than the store keeps; asks Prometheus for that."""
        older = self._older(job, now - window.seconds, now, step)
        found = [*(older or ()), *stored]
        return MetricsTold(
            success=True,
            metrics=tuple(row_of(job, span, counted=step is not None) for span in found),
            time_range=window.seconds,
            step=UNSET if step is None else step,
            partial=UNSET if older is not None else True,
        )

    def _stored_since(self, now: float, step: int) -> float:
        """Return where the first span begins that the store has whole."""
        return math.ceil((now - self._kept) / step) * step

    def _older(self, job: Job, since: float, now: float, step: int | None) -> Sequence[Span] | None:
        """Return what the store has forgotten; None = it cannot be had."""
        begin = _begin(max(since, job.created_at - SECONDS_BEFORE), step or 1)
        end = self._stored_since(now, step or 1)
        if begin >= end:
            return ()
        # It remembers no single measurements.
        if self._past is None or step is None:
            return None
        try:
            found = self._past.earlier(job, begin, end, step)
        except (UpstreamError, Overloaded) as error:
            _log(error)
            return None
        return [Span(_begin(at, step), 0, 0, sample) for at, sample in found if at < end]


def _begin(since: float, step: int) -> float:
    # The same spans whenever they are asked for: a chart that is drawn anew does not tremble.
    return math.floor(since / step) * step


def _log(error: QueryApiError) -> None:
    _LOG.warning("what Prometheus remembers of a job could not be read: %s", error)
