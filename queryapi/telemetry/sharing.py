"""Metrics of what processes share through Redis; there only where it is configured."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

FetchOutcome = Literal["shared", "loaded", "alone"]


class Sharing:
    """Whether Redis answers, and what it saves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "gpuscope_api_shared_up",
            "1 when Redis answered the last time it was asked, 0 when it did not or was not asked.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._errors = Counter(
            "gpuscope_api_shared_errors",
            "Exchanges with Redis that failed; those spared after a failure are not counted.",
            registry=registry,
        )
        self._fetches = Counter(
            "gpuscope_api_shared_fetches",
            "Parts that were wanted: shared came from another process, loaded was made here for"
            " all, alone was made here because nobody else could give it in time.",
            ("outcome",),
            registry=registry,
        )

    def up(self, value: Literal[0, 1]) -> None:
        """Tell whether Redis answers."""
        self._up.set(value)

    def error(self) -> None:
        """Count one exchange that failed."""
        self._errors.inc()

    def fetch(self, outcome: FetchOutcome) -> None:
        """Count one part that was wanted."""
        self._fetches.labels(outcome).inc()
