"""How services are by what Prometheus tells of their targets: one question per cluster."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from queryapi.errors import QueryRejected, UpstreamError
from queryapi.promql.client import PrometheusClient
from queryapi.promql.selection import Selection
from queryapi.promql.targets import targets
from queryapi.promql.values import Sample
from queryapi.services.vitals.examining.observation import Observation, unanswered
from queryapi.services.vitals.examining.slot import Moment
from queryapi.services.vitals.model import Status
from queryapi.services.vitals.stack import Target
from queryapi.telemetry.logs import Sparing

_LOG = logging.getLogger(__name__)

_Counts = Mapping[str, float]
_NOBODY = Observation(Status.NOT_CONFIGURED, "Prometheus has no target of this job")


@dataclass(frozen=True, slots=True)
class Targets:
    """What Prometheus told of targets.

    Args:
        at: When, in Unix time.
        seconds: How long it took to answer.
        counts: By target, what promql.targets names.
    """

    at: float
    seconds: float
    counts: Mapping[Target, _Counts]

    @property
    def alertmanagers(self) -> int | None:
        """How many Alertmanagers Prometheus sends to; None when it does not say."""
        found = self.counts.get(("", ""), {}).get("alertmanagers")
        return None if found is None else int(found)

    @property
    def has_lost_api_server(self) -> bool:
        """Whether a cluster exporter cannot follow its API server."""
        return self.counts.get(("", ""), {}).get("lost", 0) > 0

    def told(self, target: Target, min_up: float) -> Observation:
        """Return how a service is that is well when a share of its targets is up."""
        counts = self.counts.get(target, {})
        count = int(counts.get("targets", 0))
        if not count:
            return _NOBODY
        up, checks = counts.get("up", 0.0), int(counts.get("checks", 0))
        well = up / count >= min_up
        return Observation(
            Status.HEALTHY if well else Status.UNHEALTHY,
            "" if well else _are_down(count - int(up), count),
            response_time=counts.get("seconds"),
            uptime=_since(counts.get("started"), self.at),
            checks=checks,
            failures=max(0, checks - int(counts.get("passed", 0))),
        )


class TargetsQuestion:
    """Asks one cluster's Prometheus for targets; see Targets.

    Args:
        client: The Prometheus.
        selection: The cluster's series.
        wanted: The targets.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        client: PrometheusClient,
        selection: Selection,
        wanted: Sequence[Target],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        jobs = sorted({job for job, instance in wanted if not instance})
        self._query = targets(jobs, sorted({target for target in wanted if target[1]}))(selection)
        self._monotonic = monotonic
        self._sparing = Sparing(monotonic)

    def __call__(self, moment: Moment) -> Targets | Observation:
        """Return what Prometheus tells, or why it does not."""
        started = self._monotonic()
        left = max(moment.deadline - started, 0.001)
        try:
            found = self._client.read(self._query, _counts, at=moment.at, seconds=left)
        except UpstreamError as error:
            if isinstance(error, QueryRejected) and self._sparing.is_due():
                _LOG.exception("Prometheus refuses a query of ours")
            return unanswered(error, rejected="Prometheus refuses this service's query")
        return Targets(moment.at, self._monotonic() - started, found.value)


def _counts(samples: Iterable[Sample]) -> Mapping[Target, _Counts]:
    found: dict[Target, dict[str, float]] = {}
    for sample in samples:
        if math.isfinite(sample.value):
            target = (sample.label("job"), sample.label("instance"))
            found.setdefault(target, {})[sample.label("told")] = sample.value
    return found


def _are_down(down: int, count: int) -> str:
    if count == 1:
        return "its target is down"
    return f"{down} of {count} targets {'is' if down == 1 else 'are'} down"


def _since(started: float | None, at: float) -> float | None:
    return None if started is None else max(0.0, at - started)
