"""The service's own metrics, in a registry of their own.

No label ever holds what a client sent: routes are templates, clusters come from the settings.
"""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

PartOutcome = Literal["fresh", "shared", "fetched", "stale", "failed"]
_KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_QUERY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Everything the service counts; one instance per application."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "gpuscope_api_request_duration_seconds",
            "Time from the request's arrival to its answer.",
            ("route", "method", "status"),
            registry=self._registry,
            buckets=_REQUEST_SECONDS,
        )
        self._parts = Counter(
            "gpuscope_api_snapshot_part_requests",
            "Parts of a cluster's snapshot that answers needed: fresh was there, shared waited"
            " for another's fetch, fetched asked Prometheus, stale is old, failed is missing.",
            ("cluster", "part", "outcome"),
            registry=self._registry,
        )
        self._queries = Histogram(
            "gpuscope_api_upstream_query_duration_seconds",
            "Time a query to Prometheus took, retries included, and how it ended.",
            ("cluster", "outcome"),
            registry=self._registry,
            buckets=_QUERY_SECONDS,
        )
        build = Gauge(
            "gpuscope_api_build_info",
            "Always 1; which version this is.",
            ("version",),
            registry=self._registry,
        )
        build.labels(version).set(1)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; *route* is a template such as `/api/v1/realtime/status`."""
        known = method if method in _KNOWN_METHODS else "other"
        self._requests.labels(route, known, str(status)).observe(seconds)

    def part(self, cluster: str, part: str, outcome: PartOutcome) -> None:
        """Count one part that one answer needed."""
        self._parts.labels(cluster, part, outcome).inc()

    def query(self, cluster: str, outcome: str, seconds: float) -> None:
        """Count one query to Prometheus; *outcome* is `ok`, `warned` or why it failed."""
        self._queries.labels(cluster, outcome).observe(seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the best format that *accept* allows, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
