"""Metrics of the looks at the services around the clusters."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

from queryapi.telemetry.family import Family

LookOutcome = Literal["whole", "late", "failed"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Looking:
    """How looks go, and what they find. There are none while nobody asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._looks = Family(
            Histogram(
                "gpuscope_api_look_duration_seconds",
                "Time a look at all services took, by outcome: whole, late = a service did not"
                " answer in time, failed = a defect of ours.",
                ("outcome",),
                registry=registry,
                buckets=_SECONDS,
            )
        )
        self._findings = Family(
            Counter(
                "gpuscope_api_look_findings",
                "What looks found, by service and status.",
                ("service", "status"),
                registry=registry,
            )
        )

    def look(self, outcome: LookOutcome, seconds: float) -> None:
        """Count one look."""
        self._looks.child(outcome).observe(seconds)

    def finding(self, service: str, status: str) -> None:
        """Count what one look found of one service; names come from the settings."""
        self._findings.child(service, status).inc()
