"""Makes the client of a cluster from the settings."""

from collections.abc import Callable, Mapping

import msgspec

from queryapi.outbound.transport import HttpTransport, StreamingTransport
from queryapi.promql.client import PrometheusClient
from queryapi.promql.clocks import Clocks
from queryapi.settings import Cluster, Settings
from queryapi.telemetry.querying import Querying

# What one snapshot asks for at the same time, and one more may be late.
QUERIES_AT_ONCE = 4
# Whoever looks at services reads single numbers, not whole clusters.
_MOST_SERIES = 10_000
_NEVER = 2**31


def transport_of(cluster: Cluster, settings: Settings) -> StreamingTransport:
    """Return the transport over HTTP to a cluster's Prometheus."""
    cert, key = cluster.cert_file, cluster.key_file
    numbers = sum(len(service.numbers) for service in settings.services)
    return HttpTransport(
        connect=settings.timeouts.connect,
        ca_file=cluster.ca_file,
        identity=(cert, key) if cert and key else None,
        # Health is asked for besides; what does not fit is closed after use, with a warning.
        connections=2 * QUERIES_AT_ONCE + numbers,
        max_bytes=settings.upstream.max_bytes,
    )


def client_of(
    cluster: Cluster,
    settings: Settings,
    metrics: Querying,
    transport: StreamingTransport | None = None,
    *,
    headers: Callable[[], Mapping[str, str]] = dict,
) -> PrometheusClient:
    """Return the client of *cluster*; close it to close its connections.

    Args:
        cluster: One of the settings' clusters.
        settings: Time and size limits.
        metrics: Where queries are counted.
        transport: Carries the queries; default: HTTP.
        headers: Returns what else to send with a query, such as `traceparent`.
    """
    return PrometheusClient(
        cluster,
        transport or transport_of(cluster, settings),
        seconds=settings.timeouts.query,
        metrics=metrics,
        upstream=settings.upstream,
        headers=headers,
        clocks=_clocks(settings),
    )


def watcher_of(
    cluster: Cluster, settings: Settings, metrics: Querying, transport: StreamingTransport
) -> PrometheusClient:
    """Return the client that services are looked at with; its failures are for the caller to log.

    It is one of its own: what is late for a short look, or an administrator's own slow number,
    must not make the others leave a Prometheus alone. It leaves none alone itself, as one slow
    number would cost all others; of several replicas the next is asked first after a failure.
    """
    return PrometheusClient(
        cluster,
        transport,
        seconds=settings.real_time_metrics.deadline,
        metrics=metrics,
        upstream=msgspec.structs.replace(
            settings.upstream, failures=_NEVER, max_series=_MOST_SERIES
        ),
        quiet=True,
        clocks=_clocks(settings),
    )


def _clocks(settings: Settings) -> Clocks:
    # So old may be what is told unmarked, and what is told at all.
    return Clocks(ahead=settings.cache.stale, behind=settings.cache.lag)
