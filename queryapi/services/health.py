"""Whether this service can answer: which Prometheus can be reached, and why one cannot."""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import msgspec

from queryapi.access.principal import EVERYTHING, Scope
from queryapi.cache.bulkhead import Seats
from queryapi.errors import QueryRejected, UpstreamError
from queryapi.promql.client import PrometheusClient
from queryapi.services.lookout import Lookout

if TYPE_CHECKING:
    # 14 MB: the gateway, which needs this module's words, has no database.
    from queryapi.storage.engine import Store

_LOG = logging.getLogger(__name__)
_RECENT_SECONDS = 15.0
_PROBE_SECONDS = 2.0
# Costs no series and is understood by everything that speaks Prometheus' API.
_PROBE = "vector(1)"


class Liveness(msgspec.Struct, frozen=True):
    """The process works; nothing is said of what it reads."""

    alive: bool


class ClusterHealth(msgspec.Struct, frozen=True):
    """Whether one cluster's Prometheus answers, and how that is known."""

    ready: bool
    reason: str


class DatabaseHealth(msgspec.Struct, frozen=True):
    """Whether the database did what it was last asked, and what it said if not."""

    ready: bool
    reason: str


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Ready when at least one cluster can be told about, and the process is not about to end."""

    ready: bool
    clusters: Mapping[str, ClusterHealth]
    database: DatabaseHealth | None = None
    draining: bool = False


_UNKNOWN = ClusterHealth(ready=False, reason="was asked and has not answered so far")


class Probe:
    """Knows whether one Prometheus answers, without making anybody wait for one that hangs.

    Args:
        client: The Prometheus.
        executor: Asks it.
        seats: Where callers wait, see Lookout.
        clock: Unix seconds, sent as the evaluation time.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        client: PrometheusClient,
        executor: Executor,
        *,
        seats: Seats | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._lookout = Lookout(self._ask, executor, seats=seats, monotonic=monotonic)

    def begin(self) -> None:
        """Begin to ask, unless that is not needed."""
        if self._answered_of_late() is None:
            self._lookout.look()

    def health(self) -> ClusterHealth:
        """Return what is known, after at most a second."""
        known = self._answered_of_late()
        return known or self._lookout.tell() or _UNKNOWN

    def _answered_of_late(self) -> ClusterHealth | None:
        since = self._client.seconds_since_answer()
        if since is None or since >= _RECENT_SECONDS:
            return None
        return ClusterHealth(ready=True, reason=f"answered {_ago(since)}")

    def _ask(self) -> ClusterHealth:
        try:
            self._client.instant(_PROBE, at=self._clock(), seconds=_PROBE_SECONDS)
        except UpstreamError as error:
            return ClusterHealth(ready=False, reason=reason_of(error))
        return ClusterHealth(ready=True, reason=f"answered {_ago(0)}")


class Health:
    """The readiness of the whole service.

    Args:
        probes: One per cluster, by name.
        database: Where pools are kept, which decides nothing: all but pools goes on without it.
    """

    def __init__(self, probes: Mapping[str, Probe], database: "Store | None" = None) -> None:
        self._probes = probes
        self._database = database
        self._draining = False

    def drain(self) -> None:
        """Be ready no more: the process ends soon, and whoever chooses among several goes on."""
        self._draining = True

    def readiness(self, scope: Scope = EVERYTHING) -> Readiness:
        """Return what can be said, in the settings' order, naming the clusters that *scope* shows.

        All of them decide, whoever asks.
        """
        for probe in self._probes.values():
            probe.begin()
        clusters = {name: probe.health() for name, probe in self._probes.items()}
        return Readiness(
            ready=not self._draining and any(health.ready for health in clusters.values()),
            clusters={name: told for name, told in clusters.items() if scope.shows(name)},
            database=None if self._database is None else _database_health(self._database),
            draining=self._draining,
        )


def _database_health(database: "Store") -> DatabaseHealth:
    trouble = database.trouble
    return DatabaseHealth(trouble is None, trouble or "did what it was last asked")


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s ago" if seconds >= 1 else "just now"


def reason_of(error: UpstreamError) -> str:
    """Return why Prometheus is of no use, in words that a caller may read."""
    if isinstance(error, QueryRejected):
        _LOG.error("Prometheus refuses a query of ours", exc_info=error)
        return "Prometheus refuses this service's query: the log has its words"
    return str(error)
