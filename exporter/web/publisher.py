"""What a role of the exporter offers to whoever serves it."""

from collections.abc import Sequence
from typing import Protocol

from exporter.exposition import Page
from exporter.tables import Table


class Publisher(Protocol):
    """One role of the exporter, seen from the server."""

    def start(self) -> None:
        """Begin to collect."""

    def stop(self) -> None:
        """Stop collecting."""

    def page(self) -> Page:
        """Return what to answer to a scrape."""

    def not_ready(self) -> str | None:
        """Return why there is nothing to publish yet; None when there is."""

    def not_alive(self) -> str | None:
        """Return what only a restart of the process cures; None when nothing is."""

    def tables(self) -> Sequence[Table]:
        """Return what the landing page shows of this role."""
