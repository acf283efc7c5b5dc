"""What one way of knowing a service tells of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from queryapi.errors import QueryRejected, UpstreamError, UpstreamUnavailable
from queryapi.services.vitals.model import Status


@dataclass(frozen=True, slots=True)
class Observation:
    """One way's word; see Finding for what each means."""

    status: Status
    error: str = ""
    response_time: float | None = None
    uptime: float | None = None
    checks: int = 0
    failures: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)


def together(told: Sequence[Observation]) -> Observation:
    """Return what several ways tell: well when all say so, else what the first other one says."""
    verdict = next((one for one in told if one.status is not Status.HEALTHY), told[0])
    return Observation(
        verdict.status,
        verdict.error,
        response_time=next((t.response_time for t in told if t.response_time is not None), None),
        uptime=next((t.uptime for t in told if t.uptime is not None), None),
        checks=sum(one.checks for one in told),
        failures=sum(one.failures for one in told),
        numbers={name: value for one in told for name, value in one.numbers.items()},
    )


def unanswered(error: UpstreamError, *, rejected: str) -> Observation:
    """Return what is told when Prometheus did not answer; *rejected* when it refused the query."""
    if isinstance(error, QueryRejected):
        return Observation(Status.ERROR, rejected)
    if isinstance(error, UpstreamUnavailable) and error.reason == "timeout":
        return Observation(Status.TIMEOUT, "Prometheus did not answer in time")
    return Observation(Status.ERROR, str(error))
