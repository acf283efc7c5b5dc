"""What one look at the services found, as plain values.

Other processes get these values as MessagePack.
"""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """How a service is. Only `healthy` counts as active; all but `error` else as inactive."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    """It says so itself, or too few of its targets are up."""
    ERROR = "error"
    """It could not be asked, or answered what nobody understands."""
    TIMEOUT = "timeout"
    NOT_CONFIGURED = "not_configured"
    """Prometheus has no target of that name."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one service.

    Args:
        service: Its name.
        cluster: Whose it is: callers who may not see the cluster are not told; None = everybody's.
        status: How it is.
        response_time: Seconds it took to answer; None = it did not.
        numbers: Its own numbers that could be read, by field name; finite.
        error: Why it is not healthy, in a short text that names no address; empty when it is.
        checks: How often it was looked at in the last five minutes.
        failures: How many of these it failed.
        last_success: When it was last found healthy, in Unix time; None = not known.
        uptime: Seconds since it started; None = not known.
        data_source: What `data_sources_active` names while it is healthy.
    """

    service: str
    status: Status
    cluster: str | None = None
    response_time: float | None = None
    numbers: dict[str, float] = {}
    error: str = ""
    checks: int = 0
    failures: int = 0
    last_success: float | None = None
    uptime: float | None = None
    data_source: str | None = None


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One look at all services.

    Args:
        at: When it was taken, in Unix time.
        findings: One per service, in the order of the settings, the stack's own parts first.
        events_per_second: The rate of events; None = it could not be read.
        events_error: Why not.
    """

    at: float
    findings: tuple[Finding, ...]
    events_per_second: float | None = None
    events_error: str = ""
