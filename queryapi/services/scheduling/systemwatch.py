"""Whether what scheduler monitoring tells of a cluster is good; nobody waits for a Prometheus."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from queryapi.access.principal import Scope
from queryapi.cache.bulkhead import Seats
from queryapi.errors import ClusterNotFound, UpstreamError
from queryapi.services.freshness import Freshness
from queryapi.services.lookout import Lookout
from queryapi.services.scheduling.answers import Condition, SystemHealth


class SystemWatch:
    """Looks after every cluster's data in the background, while somebody asks.

    Args:
        reads: Reads as little of a cluster as tells its age, by name: Freshness or UpstreamError.
        executor: Runs them.
        uptime: Seconds since the service was started.
        holds: Tells whether callers are given something of a cluster, however old; never waits.
        seats: Where callers wait, see Lookout.
        clock: Unix seconds.
    """

    def __init__(
        self,
        reads: Mapping[str, Callable[[], Freshness]],
        executor: Executor,
        uptime: Callable[[], int],
        *,
        holds: Callable[[str], bool],
        seats: Seats | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._uptime = uptime
        self._holds = holds
        self._clock = clock
        self._lookouts = {
            name: Lookout(_examination(read), executor, seats=seats) for name, read in reads.items()
        }

    def health(self, cluster: str, scope: Scope) -> SystemHealth:
        """Return what is known after at most a second; raises ClusterNotFound."""
        lookout = self._lookouts.get(cluster) if scope.shows(cluster) else None
        if lookout is None:
            raise ClusterNotFound("Cluster not found")
        lookout.look()
        return SystemHealth(
            status=lookout.tell() or self._unanswered(cluster),
            timestamp=int(self._clock()),
            uptime_seconds=self._uptime(),
        )

    def _unanswered(self, cluster: str) -> Condition:
        """Return how it is while Prometheus is silent and nobody has asked for a while."""
        return Condition.DEGRADED if self._holds(cluster) else Condition.UNHEALTHY


def _examination(read: Callable[[], Freshness]) -> Callable[[], Condition]:
    def examine() -> Condition:
        try:
            freshness = read()
        except UpstreamError:
            return Condition.UNHEALTHY
        return Condition.DEGRADED if freshness.stale else Condition.HEALTHY

    return examine
