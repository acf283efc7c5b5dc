"""Metrics of the database; there only where one is configured."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

Outcome = Literal["done", "failed"]


class Storing:
    """Whether the database can be used, and how often it is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "gpuscope_api_database_up",
            "1 when the database did what it was last asked, 0 when it did not or was not asked.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._transactions = Counter(
            "gpuscope_api_database_transactions",
            "Uses of the database: of kind read or write; failed is the database's fault. Those"
            " spared after a failure are not counted.",
            ("kind", "outcome"),
            registry=registry,
        )

    def used(self, outcome: Outcome, *, writing: bool) -> None:
        """Count one use."""
        self._transactions.labels("write" if writing else "read", outcome).inc()

    def up(self, *, value: bool) -> None:
        """Tell whether it can be used."""
        self._up.set(value)
