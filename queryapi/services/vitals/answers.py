"""The answer of real-time metrics, field by field, as its description tells of it."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queryapi.services.wording import TIME_SCHEMA, Number


class Trend(StrEnum):
    """Where a number went since the period before."""

    UP = "↑"
    DOWN = "↓"
    LEVEL = "→"


Previous = Annotated[
    dict[str, Number] | UnsetType,
    Meta(
        description="With `compare`: numbers of the period before, by field name; those that can"
        " be compared."
    ),
]
Trends = Annotated[
    dict[str, Trend] | UnsetType,
    Meta(description="With `compare`: where these numbers went since; → within 5 %."),
]


class ServiceItem(msgspec.Struct, frozen=True, kw_only=True):
    """One service. Numbers of its own stand beside these fields; what is not known is 0."""

    service: Annotated[str, Meta(description="Its name in the settings.")]
    status: Annotated[
        str,
        Meta(
            description="healthy, unhealthy, error, timeout or not_configured; for"
            " `status_style: homeiq` active and inactive in place of the first two."
        ),
    ]
    response_time_ms: Annotated[float, Meta(description="Milliseconds it took; 0 = it did not.")]
    events_per_second: Annotated[Number, Meta(description="Its rate of events.")]
    events_per_hour: Annotated[Number, Meta(description="The same in an hour.")]
    uptime_seconds: Annotated[Number, Meta(description="Seconds since it started.")]
    error_count: Annotated[
        int, Meta(description="How often it was found ill in the last five minutes.")
    ]
    error_rate: Annotated[float, Meta(description="That in percent of how often it was looked at.")]
    last_success: Annotated[
        str | None,
        Meta(
            description="When it was last found healthy; null if unknown.",
            extra_json_schema=TIME_SCHEMA,
        ),
    ]
    error_message: Annotated[
        str | UnsetType, Meta(description="Why it is not healthy; absent when it is.")
    ] = UNSET
    is_fallback: Annotated[
        bool, Meta(description="Whether it is not healthy: zeros then stand for what is unknown.")
    ]
    previous: Previous = UNSET
    trend: Trends = UNSET


class HealthSummary(msgspec.Struct, frozen=True):
    """How many services are well."""

    healthy: Annotated[int, Meta(description="As api_calls_active.")]
    unhealthy: Annotated[int, Meta(description="inactive_apis and error_apis together.")]
    total: Annotated[int, Meta(description="As total_apis.")]
    health_percentage: Annotated[float, Meta(description="healthy in percent of total; 0 of none.")]


class RealTimeMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer; what is not known is 0, and `error` is there when nothing is known."""

    events_per_second: Annotated[Number, Meta(description="The rate of events.")]
    events_per_hour: Annotated[Number, Meta(description="The same in an hour.")]
    api_calls_active: Annotated[int, Meta(description="Services that are healthy.")]
    data_sources_active: Annotated[
        tuple[str, ...], Meta(description="The data sources that healthy services stand for.")
    ]
    api_metrics: Annotated[
        tuple[ServiceItem, ...], Meta(description="Every service, healthy ones first.")
    ]
    inactive_apis: Annotated[
        int, Meta(description="Services that are unhealthy, late or not configured.")
    ]
    error_apis: Annotated[int, Meta(description="Services that could not be asked.")]
    total_apis: Annotated[int, Meta(description="Active, inactive and error ones together.")]
    error_count: Annotated[
        int, Meta(description="How often any was found ill in the last five minutes.")
    ]
    error_rate: Annotated[float, Meta(description="That in percent of all looks at any.")]
    health_summary: HealthSummary
    timestamp: Annotated[
        str, Meta(description="When all this was looked at.", extra_json_schema=TIME_SCHEMA)
    ]
    error: Annotated[str | UnsetType, Meta(description="Only when nothing could be read: why.")] = (
        UNSET
    )
    compare: Annotated[
        str | UnsetType, Meta(description="With `compare`: the period, as it was asked for.")
    ] = UNSET
    previous: Previous = UNSET
    trend: Trends = UNSET
