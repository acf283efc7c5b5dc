"""What prometheus_client needs for a page of ours: its own rendering of the same samples."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families


class Reference:
    """The samples of a page, as prometheus_client has them.

    Attributes:
        samples: How many there are.
    """

    def __init__(self, page: str) -> None:
        self._families = list(text_string_to_metric_families(page))
        self.samples = sum(len(family.samples) for family in self._families)
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families

    def render(self) -> bytes:
        """Return the page that prometheus_client makes of them."""
        return generate_latest(self._registry)
