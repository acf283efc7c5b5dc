"""What was measured of a job's GPUs before the store begins, as Prometheus keeps it."""

import math
from collections.abc import Callable, Mapping, Sequence

from queryapi.cache.bulkhead import Bulkhead
from queryapi.errors import UpstreamError, UpstreamUnavailable
from queryapi.promql import jobqueries
from queryapi.promql.client import PrometheusClient
from queryapi.promql.selection import Selection
from queryapi.promql.values import Matrix
from queryapi.storage.jobrecords import Job, Sample

Row = tuple[float, Sample]

_MIB = 2**20
_MOST_POINTS = 10_000
# By metric name: the member of a sample, and what a value is multiplied with.
_MEMBERS: Mapping[str, tuple[str, float]] = {
    jobqueries.JOB_UTILIZATION: ("utilization", 100.0),
    jobqueries.JOB_MEMORY_USED: ("memory_used", 1 / _MIB),
    jobqueries.JOB_MEMORY_TOTAL: ("memory_total", 1 / _MIB),
    jobqueries.JOB_TEMPERATURE: ("temperature", 1.0),
    jobqueries.JOB_POWER: ("power", 1.0),
}
# Whoever scrapes the query API may name any of its clusters: a job's id is its only name.
_ANYWHERE = Selection(())


class Past:
    """Reads what this service has told Prometheus of jobs.

    Args:
        clients: Each cluster's Prometheus, by name, for this purpose alone.
        home: The cluster whose Prometheus scrapes this service, where a job's own does not.
        clock: Unix seconds.
        seconds: What one question may take.
        seats: Where whoever asks waits; there may be none free.
    """

    def __init__(
        self,
        clients: Mapping[str, PrometheusClient],
        home: str,
        clock: Callable[[], float],
        *,
        seconds: float,
        seats: Bulkhead,
    ) -> None:
        self._seats = seats
        self._clients = clients
        self._home = home
        self._clock = clock
        self._seconds = seconds

    def earlier(self, job: Job, since: float, until: float, step: float) -> tuple[Row, ...]:
        """Return what was measured, at most every *step* seconds, oldest first.

        Args:
            job: Which; what was told before it was created is another one's of its id.
            since: Unix seconds, included.
            until: The same; not beyond now.
            step: Seconds; more where there would be too many rows.

        Raises:
            UpstreamUnavailable: When Prometheus cannot tell, or too many wait for it.
        """
        start, end = max(since, job.created_at), min(until, self._clock())
        if start > end:
            return ()
        step = max(step, 1.0, (end - start) / _MOST_POINTS)
        self._seats.take()
        try:
            return self._found(job, start, end, step)
        finally:
            self._seats.give_back()

    def _found(self, job: Job, start: float, end: float, step: float) -> tuple[Row, ...]:
        failure: UpstreamUnavailable | None = None
        # Its own cluster's Prometheus may not scrape this service.
        for cluster in dict.fromkeys((job.cluster, self._home)):
            try:
                found = self._read(cluster, job.id, start, end, step)
            except UpstreamUnavailable as error:
                failure = error
                continue
            if found:
                return found
        if failure is not None:
            raise failure
        return ()

    def _read(
        self, cluster: str, job_id: str, start: float, end: float, step: float
    ) -> tuple[Row, ...]:
        client = self._clients.get(cluster)
        if client is None:
            return ()
        query = jobqueries.past(_ANYWHERE, job_id)
        try:
            found = client.range(query, start=start, end=end, step=step, seconds=self._seconds)
            return rows(found.value)
        except UpstreamUnavailable:
            raise
        except UpstreamError as error:
            # To whoever asks it is the same: there is no answer.
            raise UpstreamUnavailable(
                "Prometheus does not answer what was measured of jobs", reason="faulty"
            ) from error


def rows(matrix: Matrix) -> tuple[Row, ...]:
    """Return the samples of a job by their time; what nobody measured is None in them."""
    found: dict[float, dict[str, float]] = {}
    for series in matrix:
        if series.name not in _MEMBERS:
            continue
        member, factor = _MEMBERS[series.name]
        for at, value in series.points():
            if math.isfinite(value):
                found.setdefault(at, {})[member] = value * factor
    return _ordered(found)


def _ordered(found: Mapping[float, Mapping[str, float]]) -> tuple[Row, ...]:
    moments: Sequence[float] = sorted(found)
    return tuple((at, Sample(**found[at])) for at in moments)
