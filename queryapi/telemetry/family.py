"""Metrics with labels of few values."""

from typing import Generic, TypeVar

from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound=MetricWrapperBase)


class Family(Generic[M]):
    """A metric whose children are kept at hand: finding one anew costs more than counting.

    Only for labels of few values.
    """

    def __init__(self, metric: M) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], M] = {}

    def child(self, *labels: str) -> M:
        """Return the child with these labels' values."""
        found = self._children.get(labels)
        if found is None:
            found = self._children[labels] = self._metric.labels(*labels)
        return found
