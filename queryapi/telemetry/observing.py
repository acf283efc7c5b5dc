"""Metrics of the looks at pools' nodes; there only where a database is configured."""

from collections.abc import Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from queryapi.telemetry.family import Family

ObservationOutcome = Literal[
    "changed", "unchanged", "stale", "unreadable", "unstored", "elsewhere", "failed"
]


class Observing:
    """How pools are observed, and what comes of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._looks = Family(
            Counter(
                "gpuscope_api_pool_looks",
                "Looks at the nodes of pools: changed was stored, unchanged needed no storing;"
                " stale = Prometheus has only old data, or a clock was set back, unreadable = none,"
                " unstored = the database does not answer, failed = a defect of ours;"
                " elsewhere = another process looks.",
                ("cluster", "outcome"),
                registry=registry,
            )
        )
        self._looked = Family(
            Gauge(
                "gpuscope_api_pool_look_timestamp_seconds",
                "When the nodes of pools were last looked at and what was seen is stored; the start"
                " of the process until then.",
                ("cluster",),
                registry=registry,
                multiprocess_mode="livemax",
            )
        )
        self._pools = Family(
            Gauge(
                "gpuscope_api_pools",
                "Pools, by the state that counts; 0 where another process looks.",
                ("cluster", "status"),
                registry=registry,
                multiprocess_mode="livesum",
            )
        )
        self._activities = Counter(
            "gpuscope_api_pool_activities",
            "Entries in pools' activity that the service itself has written.",
            registry=registry,
        )

    def look(self, cluster: str, outcome: ObservationOutcome) -> None:
        """Count one look."""
        self._looks.child(cluster, outcome).inc()

    def looked(self, cluster: str, at: float) -> None:
        """Note when a look has come to its end."""
        self._looked.child(cluster).set(at)

    def pools(self, cluster: str, statuses: Mapping[str, int]) -> None:
        """Tell how many pools are in which state."""
        for status, count in statuses.items():
            self._pools.child(cluster, status).set(count)

    def activities(self, count: int) -> None:
        """Count entries that were written."""
        self._activities.inc(count)
