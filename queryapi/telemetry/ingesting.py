"""Metrics of what is taken in of jobs; there only where a database is configured."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

Became = Literal["stored", "duplicate", "refused", "failed"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Ingested:
    """What workers tell of their jobs, and how it is stored."""

    def __init__(self, registry: CollectorRegistry) -> None:
        taken = Counter(
            "gpuscope_api_job_reports",
            "What was said of jobs: duplicate was stored before, refused is the caller's fault,"
            " failed the database's.",
            ("outcome",),
            registry=registry,
        )
        # Touched even when nothing happened: a counter that is missing cannot be alerted on.
        self._taken = {became: taken.labels(became) for became in get_args(Became)}
        self._lines = Counter(
            "gpuscope_api_job_log_lines", "Log lines of jobs that were stored.", registry=registry
        )
        self._sizes = Histogram(
            "gpuscope_api_job_batch_reports",
            "Reports that were stored together.",
            registry=registry,
            buckets=_SIZES,
        )
        self._commits = Histogram(
            "gpuscope_api_job_commit_duration_seconds",
            "Time that the database took to store reports together.",
            registry=registry,
            buckets=_SECONDS,
        )

    def taken(self, became: Became, count: int) -> None:
        """Count what became of reports."""
        self._taken[became].inc(count)

    def lines(self, count: int) -> None:
        """Count log lines that were stored."""
        self._lines.inc(count)

    def committed(self, size: int, seconds: float) -> None:
        """Count one transaction."""
        self._sizes.observe(size)
        self._commits.observe(seconds)
