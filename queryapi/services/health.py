"""Whether this service can answer: which Prometheus can be reached, and why one cannot."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

import msgspec

from queryapi.errors import UpstreamError
from queryapi.promql.client import PrometheusClient

_RECENT_SECONDS = 15.0
_PROBE_SECONDS = 2.0
_PROBE_KEPT_SECONDS = 1.0
# Costs no series and is understood by everything that speaks Prometheus' API.
_PROBE = "vector(1)"


class ClusterHealth(msgspec.Struct, frozen=True):
    """Whether one cluster's Prometheus answers, and how that is known."""

    ready: bool
    reason: str


class Readiness(msgspec.Struct, frozen=True):
    """Ready when at least one cluster can be told about."""

    ready: bool
    clusters: Mapping[str, ClusterHealth]


class Probe:
    """Knows whether one Prometheus answers, asking it at most once a second.

    Args:
        client: The Prometheus.
        clock: Unix seconds, sent as the evaluation time.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        client: PrometheusClient,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last: tuple[float, ClusterHealth] | None = None

    def health(self) -> ClusterHealth:
        """Return what is known, asking only when nothing was answered of late."""
        since = self._client.seconds_since_answer()
        if since is not None and since < _RECENT_SECONDS:
            return ClusterHealth(ready=True, reason=f"answered {since:.0f} s ago")
        with self._lock:
            now = self._monotonic()
            if self._last is None or now - self._last[0] >= _PROBE_KEPT_SECONDS:
                health = self._ask()
                self._last = (self._monotonic(), health)
            return self._last[1]

    def _ask(self) -> ClusterHealth:
        try:
            self._client.instant(_PROBE, at=self._clock(), seconds=_PROBE_SECONDS)
        except UpstreamError as error:
            return ClusterHealth(ready=False, reason=str(error))
        return ClusterHealth(ready=True, reason="answered just now")


class Health:
    """The readiness of the whole service.

    Args:
        probes: One per cluster, by name.
        executor: Asks them at the same time.
    """

    def __init__(self, probes: Mapping[str, Probe], executor: Executor) -> None:
        self._probes = probes
        self._executor = executor

    def readiness(self) -> Readiness:
        """Return what can be said of every cluster, in the settings' order."""
        asked = {name: self._executor.submit(probe.health) for name, probe in self._probes.items()}
        clusters = {name: future.result() for name, future in asked.items()}
        return Readiness(any(health.ready for health in clusters.values()), clusters)
