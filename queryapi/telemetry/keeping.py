"""Metrics of what is forgotten of jobs; there only where a database is configured."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

Forgotten = Literal["samples", "lines", "jobs", "rows"]


class Keeping:
    """What is forgotten of jobs, and when that was last looked after."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._forgotten = Counter(
            "gpuscope_api_job_forgotten",
            "What was forgotten of jobs because it was too old or too much: samples = reports,"
            " lines = log lines, jobs = whole jobs, rows = what those had told.",
            ("kind",),
            registry=registry,
        )
        self._kept = Gauge(
            "gpuscope_api_job_keeping_timestamp_seconds",
            "When jobs were last held to the bounds of the settings; the start of the process until"
            " then. One process of all does it.",
            registry=registry,
            multiprocess_mode="livemax",
        )

    def forgotten(self, kind: Forgotten, count: int) -> None:
        """Count what is forgotten."""
        self._forgotten.labels(kind).inc(count)

    def kept(self, at: float) -> None:
        """Note when a pass has come to its end."""
        self._kept.set(at)
