"""The replicas of one Prometheus: which to ask, and which to leave alone."""

import logging
from collections.abc import Callable

from queryapi.outbound.breaker import Breaker
from queryapi.settings import Cluster, Upstream
from queryapi.telemetry.logs import fields
from queryapi.telemetry.querying import Querying

_LOG = logging.getLogger(__name__)


class Replicas:
    """The servers that know one cluster, by index; URLs never leave this class but to be asked.

    Args:
        cluster: Its settings.
        upstream: When a replica is left alone.
        metrics: Where that is shown.
        clock: Monotonic seconds.
    """

    def __init__(
        self, cluster: Cluster, upstream: Upstream, metrics: Querying, clock: Callable[[], float]
    ) -> None:
        self._name = cluster.name
        self._urls = cluster.urls
        self._breakers = tuple(
            Breaker(failures=upstream.failures, pause=upstream.pause) for _ in cluster.urls
        )
        self._metrics = metrics
        self._clock = clock
        # Replicas scrape at different moments: staying with one keeps its times comparable.
        self._preferred = 0
        self._last_failure = ""
        for index in range(len(cluster.urls)):
            metrics.upstream(self._name, index, is_open=False)

    @property
    def last_failure(self) -> str:
        """Why the last query failed that did: the words to tell while none is asked."""
        return self._last_failure

    def url(self, index: int) -> str:
        """Return the base URL of a replica."""
        return self._urls[index]

    def order(self) -> tuple[int, ...]:
        """Return all of them, the one that answered last first."""
        first, count = self._preferred, len(self._urls)
        return tuple((first + step) % count for step in range(count))

    def admits(self, index: int) -> bool:
        """Tell whether a replica may be asked now."""
        return self._breakers[index].admits(self._clock())

    def answered(self, index: int) -> None:
        """Note that a replica answered."""
        if self._breakers[index].succeeded():
            self._metrics.upstream(self._name, index, is_open=False)
            _LOG.info("Prometheus answers again", extra=fields(cluster=self._name, replica=index))

    def pass_over(self, index: int) -> None:
        """Ask another one first from now on: this one answers, and does not know what it should."""
        if self._preferred == index:
            self._preferred = (index + 1) % len(self._urls)

    def failed(self, index: int, why: str) -> None:
        """Note that a replica gave no usable answer: another one is asked first from now on."""
        self._last_failure = why
        self.pass_over(index)
        if self._breakers[index].failed(self._clock()):
            self._metrics.upstream(self._name, index, is_open=True)
            _LOG.warning(
                "Prometheus failed again and again and is left alone for a while",
                extra=fields(cluster=self._name, replica=index, detail=why),
            )
