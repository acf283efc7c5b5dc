"""Metrics of the requests that clients send."""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from queryapi.telemetry.family import Family

ReadyOutcome = Literal["ready", "miss"]

_DURATION = "gpuscope_api_request_duration_seconds"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Served:
    """How many requests were answered, and the seconds that this took together."""

    requests: float
    seconds: float


def served(registry: CollectorRegistry) -> Served:
    """Return what the *registry* of one or of all processes tells of answered requests."""
    requests = seconds = 0.0
    for family in registry.collect():
        if family.name != _DURATION:
            continue
        for sample in family.samples:
            requests += sample.value if sample.name.endswith("_count") else 0.0
            seconds += sample.value if sample.name.endswith("_sum") else 0.0
    return Served(requests, seconds)


class Serving:
    """What is asked of the service, and how it answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Family(
            Histogram(
                _DURATION,
                "Time from the request's arrival to its answer.",
                ("route", "method", "status"),
                registry=registry,
                buckets=_SECONDS,
            )
        )
        self._in_flight = Gauge(
            "gpuscope_api_requests_in_flight",
            "Requests that are being answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._ready = Family(
            Counter(
                "gpuscope_api_ready_answers",
                "Requests for what may be ready: ready was answered at once, miss had to ask.",
                ("route", "outcome"),
                registry=registry,
            )
        )
        self._limited = Family(
            Counter(
                "gpuscope_api_rate_limited_requests",
                "Requests refused because their client asks too much.",
                ("route",),
                registry=registry,
            )
        )

    def arrived(self) -> None:
        """Count one request as being answered."""
        self._in_flight.inc()

    def left(self) -> None:
        """Count one request as no longer being answered."""
        self._in_flight.dec()

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; *route* is a template such as `/api/v1/realtime/status`."""
        known = method if method in _KNOWN_METHODS else "other"
        self._requests.child(route, known, str(status)).observe(seconds)

    def ready(self, route: str, outcome: ReadyOutcome) -> None:
        """Count one request for an answer that may be ready."""
        self._ready.child(route, outcome).inc()

    def limited(self, route: str) -> None:
        """Count one request that was too many."""
        self._limited.child(route).inc()
