"""An examiner that a test holds up, counts and tells what to find."""

import threading
from collections.abc import Callable

from queryapi.services.vitals.model import Finding, Round, Status

HEALTHY = Finding(service="a", status=Status.HEALTHY, response_time=0.0452, checks=60)
ZEROS = {
    "events_per_second": 0,
    "events_per_hour": 0,
    "api_calls_active": 0,
    "data_sources_active": [],
    "api_metrics": [],
    "inactive_apis": 0,
    "error_apis": 0,
    "total_apis": 0,
    "error_count": 0,
    "error_rate": 0.0,
    "health_summary": {"healthy": 0, "unhealthy": 0, "total": 0, "health_percentage": 0.0},
}
"""What an answer tells that knows nothing."""


class FakeExaminer:
    """Finds `findings`, or raises `broken`, once its gate is open; counts looks in `looks`.

    Args:
        clock: Unix seconds.
        findings: What it finds.
    """

    def __init__(self, clock: Callable[[], float], *findings: Finding) -> None:
        self.clock = clock
        self.findings = findings or (HEALTHY,)
        self.events: float | None = 12.5
        self.broken: Exception | None = None
        self.looks: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def examine(self) -> Round:
        """Look."""
        at = self.clock()
        self.looks.append(at)
        assert self.gate.wait(timeout=30), "a test left the gate closed"
        if self.broken:
            raise self.broken
        return Round(at=at, findings=self.findings, events_per_second=self.events)
