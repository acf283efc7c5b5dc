"""The service's own metrics, in a registry of their own.

No label ever holds what a client sent: routes are templates, clusters come from the settings.
"""

from functools import cached_property
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

from queryapi.telemetry import processes
from queryapi.telemetry.sharing import Sharing

M = TypeVar("M", bound=MetricWrapperBase)

ReadyOutcome = Literal["ready", "miss"]


AccessSource = Literal["tokens", "oidc", "review", "anonymous", "open", "unknown"]
AccessOutcome = Literal["admitted", "absent", "malformed", "wrong", "forbidden", "unavailable"]
PartOutcome = Literal["fresh", "shared", "fetched", "stale", "failed"]
_KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_QUERY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class _Family(Generic[M]):
    """A metric whose children are kept at hand: finding one anew costs more than counting.

    Only for labels of few values.
    """

    def __init__(self, metric: M) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], M] = {}

    def child(self, *labels: str) -> M:
        """Return the child with these labels' values."""
        found = self._children.get(labels)
        if found is None:
            found = self._children[labels] = self._metric.labels(*labels)
        return found


class Metrics:
    """Everything the service counts; one instance per application."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = _Family(
            Histogram(
                "gpuscope_api_request_duration_seconds",
                "Time from the request's arrival to its answer.",
                ("route", "method", "status"),
                registry=self._registry,
                buckets=_REQUEST_SECONDS,
            )
        )
        self._in_flight = Gauge(
            "gpuscope_api_requests_in_flight",
            "Requests that are being answered.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._ready = _Family(
            Counter(
                "gpuscope_api_ready_answers",
                "Requests for what may be ready: ready was answered at once, miss had to ask.",
                ("route", "outcome"),
                registry=self._registry,
            )
        )
        self._limited = _Family(
            Counter(
                "gpuscope_api_rate_limited_requests",
                "Requests refused because their client asks too much.",
                ("route",),
                registry=self._registry,
            )
        )
        self._parts = _Family(
            Counter(
                "gpuscope_api_snapshot_part_requests",
                "Parts of a cluster's snapshot that answers were made of: fresh was there, shared"
                " waited for another's fetch, fetched asked Prometheus, stale is old, failed is"
                " missing. An answer that is ready needs none.",
                ("cluster", "part", "outcome"),
                registry=self._registry,
            )
        )
        self._queries = Histogram(
            "gpuscope_api_upstream_query_duration_seconds",
            "Time a query to Prometheus took, retries included, and how it ended.",
            ("cluster", "outcome"),
            registry=self._registry,
            buckets=_QUERY_SECONDS,
        )
        self._open = Gauge(
            "gpuscope_api_upstream_open",
            "1 for a replica of a cluster's Prometheus that failed again and again and has not"
            " answered since, else 0; numbered from 0 in the order of the settings.",
            ("cluster", "replica"),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._openings = Counter(
            "gpuscope_api_upstream_openings",
            "How often a replica failed so often that it was left alone.",
            ("cluster", "replica"),
            registry=self._registry,
        )
        self._authentications = _Family(
            Counter(
                "gpuscope_api_authentications",
                "Callers that were judged, by what judged them and how: absent sent no credential,"
                " malformed no bearer token, wrong one that is not valid, forbidden may not do"
                " what they asked for, unavailable could not be judged.",
                ("source", "outcome"),
                registry=self._registry,
            )
        )
        self._sources = Gauge(
            "gpuscope_api_access_source_up",
            "Whether what judges credentials could be read or asked the last time: the file of"
            " tokens, the issuer's keys, the API server's reviews.",
            ("source",),
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        build = Gauge(
            "gpuscope_api_build_info",
            "Always 1; which version this is.",
            ("version",),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        build.labels(version).set(1)

    def arrived(self) -> None:
        """Count one request as being answered."""
        self._in_flight.inc()

    @cached_property
    def sharing(self) -> Sharing:
        """What is shared through Redis; told from the first use on, so never without one."""
        return Sharing(self._registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; *route* is a template such as `/api/v1/realtime/status`."""
        known = method if method in _KNOWN_METHODS else "other"
        self._requests.child(route, known, str(status)).observe(seconds)

    def left(self) -> None:
        """Count one request as no longer being answered."""
        self._in_flight.dec()

    def ready(self, route: str, outcome: ReadyOutcome) -> None:
        """Count one request for an answer that may be ready."""
        self._ready.child(route, outcome).inc()

    def limited(self, route: str) -> None:
        """Count one request that was too many."""
        self._limited.child(route).inc()

    def part(self, cluster: str, part: str, outcome: PartOutcome) -> None:
        """Count one part that one answer needed."""
        self._parts.child(cluster, part, outcome).inc()

    def query(self, cluster: str, outcome: str, seconds: float) -> None:
        """Count one query to Prometheus; *outcome* is `ok`, `warned` or why it failed."""
        self._queries.labels(cluster, outcome).observe(seconds)

    def upstream(self, cluster: str, replica: int, *, is_open: bool) -> None:
        """Show whether a replica is left alone, and count that it begins to be."""
        self._open.labels(cluster, str(replica)).set(is_open)
        # Touched even when nothing happened: a counter that is missing cannot be alerted on.
        self._openings.labels(cluster, str(replica)).inc(is_open)

    def authentication(self, source: AccessSource, outcome: AccessOutcome) -> None:
        """Count one caller that was judged."""
        self._authentications.child(source, outcome).inc()

    def access_source(self, source: AccessSource, *, up: bool) -> None:
        """Tell whether what judges credentials could be read or asked just now."""
        self._sources.labels(source).set(up)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the best format that *accept* allows, and its content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):
            # The library cannot compare a version that is no number with its own.
            encode, content_type = choose_encoder("")
        return encode(processes.everywhere(self._registry)), content_type
