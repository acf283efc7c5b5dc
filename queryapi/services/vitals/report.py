"""What callers are told of one look at the services: pure, and whole for whatever was found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import UNSET

from queryapi.access.principal import Scope
from queryapi.services.vitals.answers import HealthSummary, RealTimeMetrics, ServiceItem
from queryapi.services.vitals.model import Finding, Round, Status
from queryapi.services.vitals.trend import Comparison, Pair
from queryapi.services.wording import Number

Style = Literal["document", "homeiq"]

_HOUR = 3600
# A service may tell its rate in any of these; the others follow.
_RATES = {"events_per_second": 1, "events_per_minute": 60, "events_per_hour": _HOUR}
_STYLES: Mapping[Style, Mapping[Status, str]] = {
    "document": {},
    "homeiq": {Status.HEALTHY: "active", Status.UNHEALTHY: "inactive"},
}
_UNREAD = frozenset({Status.ERROR, Status.TIMEOUT})
_FIELDS = frozenset(ServiceItem.__struct_fields__)
# Beyond this a float is whole for want of digits, and some readers of JSON lose the last ones.
_EXACT = 2**53
_NOTHING_READ = "None of the services could be asked"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a look is told.

    Args:
        style: Whose words for the states.
        events_of: The cluster whose Prometheus told the rate of events; None = everybody's.
        itself: What the service that tells all this calls itself, and what is in it; empty = it
            does not tell of itself.
    """

    style: Style = "document"
    events_of: str | None = None
    itself: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Compared:
    """What `compare` asked for, and what is known of it.

    Args:
        period: As it was asked for, such as `1h`.
        known: The numbers; None = they could not be read in time.
    """

    period: str
    known: Comparison | None


def told(
    found: Round, scope: Scope, manner: Manner, compared: Compared | None = None
) -> dict[str, object]:
    """Return what callers of *scope* are told of a look, as JSON has it.

    Nobody is told of services of clusters that they do not see; all counts are of what is shown.
    """
    shown = [one for one in found.findings if one.cluster is None or scope.shows(one.cluster)]
    events_shown = manner.events_of is None or scope.shows(manner.events_of)
    events = found.events_per_second if events_shown else None
    healthy = [one for one in shown if one.status is Status.HEALTHY]
    ill = [one for one in shown if one.status is not Status.HEALTHY]
    known = compared.known if compared else None
    metrics = _whole(found.at, shown, events)
    metrics |= {
        "data_sources_active": sorted({one.data_source for one in healthy if one.data_source}),
        "api_metrics": [_entry(one, manner.style, known) for one in (*healthy, *ill)],
    }
    # That this service answers says nothing of what it looks at.
    others = [one for one in shown if one.service not in manner.itself]
    # Nor does it to whoever sees nothing that anything failed.
    asked = others or (events_shown and not shown)
    if events is None and asked and all(one.status in _UNREAD for one in others):
        metrics["error"] = _NOTHING_READ
    if compared is not None:
        metrics["compare"] = compared.period
    if known is not None:
        whole = known.of(None) if events_shown else {}
        metrics |= _history(whole | known.together([one.service for one in shown]))
    return metrics


def nothing(at: float, error: str) -> dict[str, object]:
    """Return what is told when there was no look at all: the same fields, all of them zero."""
    return {**_whole(at, (), None), "error": error}


def millisecond(at: float) -> str:
    """Return a Unix time with exactly three fractional digits; one that no calendar has is 0."""
    try:
        moment = datetime.fromtimestamp(math.floor(at * 1000) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def number(value: float) -> Number:
    """Return a number as JSON has it, with six decimals at most; 0 when it is none."""
    if not math.isfinite(value):
        return 0
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() and abs(rounded) < _EXACT else rounded


def _whole(at: float, shown: Sequence[Finding], events: float | None) -> dict[str, object]:
    active = sum(one.status is Status.HEALTHY for one in shown)
    failed = sum(one.status is Status.ERROR for one in shown)
    total = len(shown)
    failures = sum(one.failures for one in shown)
    whole = RealTimeMetrics(
        events_per_second=number(events or 0),
        events_per_hour=number((events or 0) * _HOUR),
        api_calls_active=active,
        data_sources_active=(),
        api_metrics=(),
        inactive_apis=total - active - failed,
        error_apis=failed,
        total_apis=total,
        error_count=failures,
        error_rate=_percent(failures, sum(one.checks for one in shown)),
        health_summary=HealthSummary(
            healthy=active,
            unhealthy=total - active,
            total=total,
            health_percentage=_percent(active, total),
        ),
        timestamp=millisecond(at),
    )
    built: dict[str, object] = msgspec.to_builtins(whole)
    return built


def _entry(one: Finding, style: Style, known: Comparison | None) -> dict[str, object]:
    healthy = one.status is Status.HEALTHY
    rates = _rates(one.numbers)
    item = ServiceItem(
        service=one.service,
        status=_STYLES[style].get(one.status, one.status.value),
        response_time_ms=_rounded((one.response_time or 0.0) * 1000),
        events_per_second=rates["events_per_second"],
        events_per_hour=rates["events_per_hour"],
        uptime_seconds=number(one.numbers.get("uptime_seconds", one.uptime or 0)),
        error_count=one.failures,
        error_rate=_percent(one.failures, one.checks),
        last_success=None if one.last_success is None else millisecond(one.last_success),
        error_message=UNSET if healthy else one.error,
        is_fallback=not healthy,
    )
    entry: dict[str, object] = msgspec.to_builtins(item)
    entry |= {name: number(v) for name, v in one.numbers.items() if name not in _FIELDS}
    return entry if known is None else entry | _history(known.of(one.service))


def _rates(numbers: Mapping[str, float]) -> dict[str, Number]:
    """Return the rate in a second and in an hour, each as it is given or else by another."""
    each = next((numbers[name] / many for name, many in _RATES.items() if name in numbers), 0.0)
    return {name: number(numbers.get(name, each * many)) for name, many in _RATES.items()}


def _history(pairs: Mapping[str, Pair]) -> dict[str, object]:
    return {
        "previous": {field: number(pair.before.mean) for field, pair in pairs.items()},
        "trend": {field: pair.trend.value for field, pair in pairs.items()},
    }


def _percent(part: float, whole: float) -> float:
    return round(part / whole * 100, 1) if whole else 0.0


def _rounded(value: float) -> float:
    return round(value, 1) if math.isfinite(value) else 0.0
