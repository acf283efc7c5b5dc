"""Metrics of what is asked of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Querying:
    """How queries end, and which replicas are left alone."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._queries = Histogram(
            "gpuscope_api_upstream_query_duration_seconds",
            "Time a query to Prometheus took, retries included, and how it ended.",
            ("cluster", "outcome"),
            registry=registry,
            buckets=_SECONDS,
        )
        self._open = Gauge(
            "gpuscope_api_upstream_open",
            "1 for a replica of a cluster's Prometheus that failed again and again and has not"
            " answered since, else 0; numbered from 0 in the order of the settings.",
            ("cluster", "replica"),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._openings = Counter(
            "gpuscope_api_upstream_openings",
            "How often a replica failed so often that it was left alone.",
            ("cluster", "replica"),
            registry=registry,
        )

    def query(self, cluster: str, outcome: str, seconds: float) -> None:
        """Count one query to Prometheus; *outcome* is `ok`, `warned` or why it failed."""
        self._queries.labels(cluster, outcome).observe(seconds)

    def upstream(self, cluster: str, replica: int, *, is_open: bool) -> None:
        """Show whether a replica is left alone, and count that it begins to be."""
        self._open.labels(cluster, str(replica)).set(is_open)
        # Touched even when nothing happened: a counter that is missing cannot be alerted on.
        self._openings.labels(cluster, str(replica)).inc(is_open)
