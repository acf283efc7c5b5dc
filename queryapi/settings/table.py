"""The table of settings.

Every row stands in one of the structures below with its type, default and a sentence. A setting
of section `cache` called `ttl` is `cache: {ttl: …}` in the file and `GPUSCOPE_CACHE_TTL` in the
environment, which wins; lists and objects are written there as JSON, plain lists with commas too.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from queryapi.settings.access import Api, Auth
from queryapi.settings.jobs import Jobs, Providers
from queryapi.settings.watched import RealTimeMetrics, Service

Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]
Seconds = Annotated[float, Meta(gt=0, le=86400)]
Name = Annotated[str, Meta(min_length=1, max_length=253)]

LISTEN_APIS: Mapping[int, tuple[Api, ...]] = {50062: (Api.MONITORING,)}
"""The document of scheduler monitoring has a port of its own."""


class BasicAuth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user name and its password, given here or in a file."""

    username: Annotated[str, Meta(description="User name.")]
    password: Annotated[str | None, Meta(description="The password itself.")] = None
    password_file: Annotated[str | None, Meta(description="File that holds the password.")] = None


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster and the Prometheus that knows it."""

    name: Annotated[Name, Meta(description="What clients call it.")]
    prometheus_url: Annotated[
        str | tuple[str, ...], Meta(description="Base URL; several are replicas, tried in turn.")
    ]
    matchers: Annotated[
        dict[str, str] | None,
        Meta(description="Labels added to every selector; default: cluster = the name."),
    ] = None
    bearer_token_file: Annotated[
        str | None, Meta(description="File with a token to send; read again when it changes.")
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities that https URLs are held to.")
    ] = None
    basic_auth: Annotated[BasicAuth | None, Meta(description="User and password to send.")] = None
    cert_file: Annotated[
        str | None, Meta(description="PEM file of our own certificate, for mutual TLS.")
    ] = None
    key_file: Annotated[str | None, Meta(description="PEM file of its key.")] = None
    headers: Annotated[
        dict[str, str], Meta(description="Headers to send, such as a tenant's X-Scope-OrgID.")
    ] = field(default_factory=dict)
    source: Annotated[
        Literal["gpuscope", "nativelink"],
        Meta(description="Whose series tell of it: the exporters', or a NativeLink's own."),
    ] = "gpuscope"

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs without a trailing slash."""
        given = self.prometheus_url
        return tuple(url.rstrip("/") for url in ((given,) if isinstance(given, str) else given))

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels which select this cluster's series."""
        return {"cluster": self.name} if self.matchers is None else self.matchers


class Cache(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long what was read is served."""

    ttl: Annotated[Seconds, Meta(description="Seconds for which a snapshot is fresh.")] = 30.0
    stale: Annotated[
        Seconds, Meta(description="Age in seconds up to which one is served in need.")
    ] = 60.0
    lag: Annotated[
        Seconds,
        Meta(
            description="Age in seconds up to which what Prometheus has is served; more than its"
            " scrape and rule intervals together."
        ),
    ] = 150.0


class Monitoring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What scheduler monitoring tells."""

    ttl: Annotated[Seconds, Meta(description="Seconds for which a snapshot is fresh.")] = 5.0
    completed_for: Annotated[
        Annotated[float, Meta(ge=0, le=86400)],
        Meta(description="Seconds for which an operation that ended stays listed once it is gone."),
    ] = 300.0


class Pools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Compute pools: how current their numbers are, how they live, what is remembered of them."""

    ttl: Annotated[Seconds, Meta(description="Seconds for which their numbers are fresh.")] = 15.0
    observe: Annotated[
        Annotated[float, Meta(ge=1, le=3600)],
        Meta(description="Seconds between two looks at the nodes, which move pools between states"),
    ] = 15.0
    settle: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        Meta(description="Seconds for which a change must last before it counts."),
    ] = 60.0
    join_within: Annotated[
        Annotated[float, Meta(ge=0, le=7 * 86400)],
        Meta(description="Seconds that a pool which was told to grow has before it is degraded."),
    ] = 600.0
    activate_after: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description="Seconds after which a pool without any node counts as active; default: it"
            " stays initializing."
        ),
    ] = None
    activity_days: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="Days for which activities are kept.")
    ] = 400.0
    activity_count: Annotated[
        int, Meta(ge=1, description="Activities that are kept; the oldest go first.")
    ] = 100_000
    idempotency_hours: Annotated[
        Annotated[float, Meta(gt=0, le=720)],
        Meta(description="Hours for which an Idempotency-Key is remembered."),
    ] = 24.0


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """WebSockets: how many, and how patient the service is with slow ones."""

    connections: Annotated[int, Meta(ge=1, description="Clients at a time.")] = 5000
    per_client: Annotated[
        int, Meta(ge=1, description="Connections of one token, or of one address without a token.")
    ] = 100
    patience: Annotated[
        Seconds,
        Meta(description="Seconds for which a client may take nothing before it is closed."),
    ] = 30.0
    ping_interval: Annotated[
        Seconds, Meta(description="Seconds between two pings, and for which one may go unanswered.")
    ] = 20.0


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long anything may take, in seconds."""

    connect: Annotated[Seconds, Meta(description="Connecting to Prometheus.")] = 1.0
    query: Annotated[Seconds, Meta(description="One query, retries included.")] = 5.0
    request: Annotated[
        Seconds,
        # The clients in the API's document give up after 5 s: an old answer must reach them first.
        Meta(description="What one request waits for queries before it makes do with less."),
    ] = 4.5


class Upstream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one answer of Prometheus may be, and when it is left alone."""

    max_bytes: Annotated[int, Meta(ge=1024, description="Bytes of an answer, unpacked.")] = (
        64 * 1024 * 1024
    )
    max_series: Annotated[int, Meta(ge=1, description="Series of an answer.")] = 500_000
    failures: Annotated[
        int, Meta(ge=1, description="Failures in a row after which one is left alone.")
    ] = 3
    pause: Annotated[Seconds, Meta(description="Seconds for which it is left alone.")] = 5.0


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much one client may ask of one endpoint."""

    per_minute: Annotated[
        int, Meta(ge=0, description="Requests a minute in the long run; 0 = no limit.")
    ] = 500
    burst: Annotated[int, Meta(ge=1, description="Requests at once after a pause.")] = 1000
    reports_per_minute: Annotated[
        int,
        Meta(ge=0, description="Reports a minute of all jobs of a client together; 0 = no limit."),
    ] = 30_000
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Networks whose X-Forwarded-For names the client, such as 10.0.0.0/8."),
    ] = ()


class Traces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """OpenTelemetry traces; the standard OTEL_ variables say the rest."""

    endpoint: Annotated[
        str | None,
        Meta(description="OTLP over HTTP, as in http://127.0.0.1:4318/v1/traces; default: none."),
    ] = None
    sample: Annotated[float, Meta(ge=0, le=1, description="Share of requests traced.")] = 1.0


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged on stderr."""

    level: Annotated[Level, Meta(description="The least level that is logged.")] = "info"
    format: Annotated[Format, Meta(description="json or text.")] = "json"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of the query service."""

    listen: Annotated[
        tuple[str, ...], Meta(min_length=1, description="HTTP addresses, host:port.")
    ] = ("127.0.0.1:8080", "127.0.0.1:50062")
    listen_apis: Annotated[
        dict[int, tuple[Api, ...]],
        Meta(
            description="What some listeners serve, by port, beside /healthz and /metrics; the"
            " others serve everything."
        ),
    ] = field(default_factory=lambda: dict(LISTEN_APIS))
    stream_listen: Annotated[
        str | None, Meta(description="Address for WebSockets, host:port; null = none.")
    ] = "127.0.0.1:8081"
    clusters: Annotated[
        tuple[Cluster, ...], Meta(min_length=1, description="The clusters of the fleet.")
    ] = (Cluster("prod-cluster", "http://127.0.0.1:9090"),)
    default_cluster: Annotated[
        str, Meta(description="For APIs whose requests name no cluster; default: the first.")
    ] = ""
    cache: Annotated[Cache, Meta(description="How long what was read is served.")] = Cache()
    monitoring: Annotated[Monitoring, Meta(description="What scheduler monitoring tells.")] = (
        Monitoring()
    )
    services: Annotated[
        tuple[Service, ...], Meta(description="What /api/v1/real-time-metrics tells of besides.")
    ] = ()
    real_time_metrics: Annotated[
        RealTimeMetrics, Meta(description="How the services are looked at.")
    ] = RealTimeMetrics()
    database_url: Annotated[
        str | None,
        Meta(
            description="Where pools and jobs are kept: sqlite:///FILE, or postgresql+psycopg://"
            "user:password@host/name, which several processes or replicas need; null = no jobs, and"
            " pools are only what nodes' labels say, and cannot be changed."
        ),
    ] = "sqlite:///gpuscope.db"
    database_password_file: Annotated[
        str | None, Meta(description="What holds PostgreSQL's password; read for each connection.")
    ] = None
    pools: Annotated[Pools, Meta(description="Compute pools.")] = Pools()
    jobs: Annotated[Jobs, Meta(description="What workers tell of jobs.")] = Jobs()
    providers: Annotated[Providers, Meta(description="What jobs cost.")] = Providers()
    stream: Annotated[Stream, Meta(description="WebSockets.")] = Stream()
    timeouts: Annotated[Timeouts, Meta(description="How long anything may take.")] = Timeouts()
    upstream: Annotated[Upstream, Meta(description="What Prometheus may answer.")] = Upstream()
    workers: Annotated[
        int, Meta(ge=1, le=64, description="HTTP processes; several need redis_url.")
    ] = 1
    redis_url: Annotated[
        str | None,
        Meta(
            description="Shared cache and limits of several processes: redis://host:6379/0, rediss://"
            " or unix://; user and password before the host."
        ),
    ] = None
    auth: Annotated[Auth, Meta(description="Who may ask.")] = Auth()
    limits: Annotated[Limits, Meta(description="How much one client may ask.")] = Limits()
    cors_origins: Annotated[
        tuple[str, ...],
        Meta(description="Origins whose pages may call, such as https://grafana.example; * = all."),
    ] = ()
    traces: Annotated[Traces, Meta(description="OpenTelemetry traces.")] = Traces()
    log: Annotated[Log, Meta(description="What is logged on stderr.")] = Log()

    def __post_init__(self) -> None:
        """Set `default_cluster` where nobody has."""
        if not self.default_cluster and self.clusters:
            msgspec.structs.force_setattr(self, "default_cluster", self.clusters[0].name)
