"""Metrics of what is kept of the clusters."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter

from queryapi.telemetry.family import Family

PartOutcome = Literal["fresh", "shared", "fetched", "stale", "failed"]


class Caching:
    """How the parts of answers were had."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._parts = Family(
            Counter(
                "gpuscope_api_snapshot_part_requests",
                "Parts of a cluster's snapshot that answers were made of: fresh was there, shared"
                " waited for another's fetch, fetched asked Prometheus, stale is old, failed is"
                " missing. An answer that is ready needs none.",
                ("cluster", "part", "outcome"),
                registry=registry,
            )
        )

    def part(self, cluster: str, part: str, outcome: PartOutcome) -> None:
        """Count one part that one answer needed."""
        self._parts.child(cluster, part, outcome).inc()
