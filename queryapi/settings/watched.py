"""Settings of the services that `/api/v1/real-time-metrics` tells of."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

Name = Annotated[str, Meta(min_length=1, max_length=253)]
PromQL = Annotated[str, Meta(min_length=1, max_length=10_000)]


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service, known by its targets in Prometheus, by its health URL, or by its numbers."""

    name: Annotated[Name, Meta(description="What the answer calls it.")]
    cluster: Annotated[
        str | None, Meta(description="Whose Prometheus knows it; default: default_cluster.")
    ] = None
    job: Annotated[str | None, Meta(description="Its scrape job.")] = None
    instance: Annotated[str | None, Meta(description="Its one target; default: all of them.")] = (
        None
    )
    min_up: Annotated[
        float,
        Meta(gt=0, le=1, description="Share of its targets that must be up for it to be healthy."),
    ] = 1.0
    health_url: Annotated[
        str | None, Meta(description="Asked by GET: 2xx means healthy. Redirects are not followed.")
    ] = None
    timeout: Annotated[
        float, Meta(gt=0, le=60, description="Seconds that the health URL is given.")
    ] = 0.35
    headers: Annotated[dict[str, str], Meta(description="Headers to send to the health URL.")] = (
        field(default_factory=dict)
    )
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities that its https URL is held to.")
    ] = None
    numbers: Annotated[
        dict[str, PromQL],
        Meta(
            description="Its own numbers as PromQL, by field name, such as"
            " {events_per_minute: sum(rate(events_total[1m])) * 60}."
        ),
    ] = field(default_factory=dict)
    data_source: Annotated[
        str | None, Meta(description="What data_sources_active names while it is healthy.")
    ] = None


class RealTimeMetrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the services are looked at."""

    refresh_interval: Annotated[
        float, Meta(ge=1, le=300, description="Seconds between two looks while somebody asks.")
    ] = 5.0
    deadline: Annotated[
        float, Meta(ge=0.05, le=10, description="Seconds that one look may take altogether.")
    ] = 0.4
    events_per_second: Annotated[
        PromQL, Meta(description="PromQL for the rate of events, asked of default_cluster.")
    ] = "sum(rate(prometheus_tsdb_head_samples_appended_total[1m]))"
    built_in: Annotated[
        bool, Meta(description="Whether the stack's own parts are listed without being configured.")
    ] = True
    status_style: Annotated[
        Literal["document", "homeiq"],
        Meta(description="Words: healthy and unhealthy, or active and inactive as HomeIQ's."),
    ] = "document"
