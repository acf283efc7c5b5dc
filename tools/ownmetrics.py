"""The metrics that the query API and its gateway declare of themselves."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from queryapi.telemetry.caching import Caching
from queryapi.telemetry.ingesting import Ingested
from queryapi.telemetry.judging import Judging
from queryapi.telemetry.keeping import Keeping
from queryapi.telemetry.looking import Looking
from queryapi.telemetry.observing import Observing
from queryapi.telemetry.querying import Querying
from queryapi.telemetry.serving import Serving
from queryapi.telemetry.sharing import Sharing
from queryapi.telemetry.storing import Storing
from queryapi.telemetry.streaming import Following, Streaming

_OF_THE_API = (
    *(Serving, Caching, Querying, Judging, Looking),
    *(Sharing, Storing, Ingested, Keeping, Observing),
)
_OF_THE_GATEWAY = (Streaming, Following)


class _Declared(CollectorRegistry):
    """Keeps what registers, because a scrape shows no labels of what nothing has counted yet."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: list[Any] = []

    def register(self, collector: Any) -> None:
        super().register(collector)
        self.metrics.append(collector)


def of_the_api() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield name, type, labels and help of each metric of `gpuscope-api`."""
    return _rows(_OF_THE_API)


def of_the_gateway() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield the same of the WebSockets' own port."""
    return _rows(_OF_THE_GATEWAY)


def _rows(parts: tuple[type[Any], ...]) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    registry = _Declared()
    for part in parts:
        part(registry)
    for metric in registry.metrics:
        for family in metric.describe():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = tuple(metric._labelnames)  # noqa: SLF001 - there is no other way to them
            yield name, family.type, labels, family.documentation
