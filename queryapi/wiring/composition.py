"""What all APIs of one application share: who is asked, what is kept, and where callers wait."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from queryapi.cache.bulkhead import Bulkhead, Seats
from queryapi.cache.grid import Grid
from queryapi.cache.memo import Answers
from queryapi.cache.renewals import Renewals
from queryapi.cache.shared import elsewhere_of
from queryapi.cache.windows import Windows
from queryapi.promql.connect import QUERIES_AT_ONCE, client_of
from queryapi.promql.selection import Selection
from queryapi.services.fleet import Fleet, Namespaces, Views
from queryapi.services.part import Part
from queryapi.services.reading import Source
from queryapi.services.snapshot import Snapshots, Terms
from queryapi.services.timeline import Timeline
from queryapi.settings import Cluster
from queryapi.shared.choice import store_of
from queryapi.wiring.database import database_of
from queryapi.wiring.ground import Ground

# Of a process' 16 threads some stay free for those who need not wait, such as /healthz, even when
# every cluster's Prometheus hangs.
_WAITING_AT_ONCE = 14
# Of the time for which a window is fresh; the rest is for the next one to be read.
CELL = 4 / 5
# Of one cluster: each waits, it fetches nothing itself.
_RENEWED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Course:
    """How one kind of snapshot is kept.

    Args:
        timeline: Which moment it describes.
        leads: The parts that answers begin with.
        ttl: Seconds for which it is fresh.
    """

    timeline: Timeline
    leads: tuple[Part[Any], ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What all kinds of snapshots of one cluster share.

    One each: a cluster whose Prometheus hangs must not use up the others' threads and seats.
    """

    executor: Executor
    bulkhead: Bulkhead
    renewals: Renewals


class Composition:
    """What the APIs of one application share.

    Args:
        ground: What they stand on.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.shared = store_of(ground.settings, ground.metrics)
        """What processes share; None = nothing."""
        if self.shared is not None:
            ground.resources.callback(self.shared.close)
        self.elsewhere = elsewhere_of(ground.settings, self.shared, ground.metrics)
        """Where processes share what they have read; None = nowhere."""
        self.database = database_of(ground)
        """Where pools are kept; None = nowhere."""
        self.with_nodes = tuple(
            cluster for cluster in ground.settings.clusters if cluster.source == "gpuscope"
        )
        """The clusters that tell of nodes: a NativeLink has none."""
        self.answers = Answers()
        """Keeps what was made for callers."""
        self.house = Seats(_WAITING_AT_ONCE)
        """Where whoever waits for any Prometheus has a seat."""
        self.clients = {
            cluster.name: client_of(
                cluster,
                ground.settings,
                ground.metrics.querying,
                ground.transport(cluster),
                headers=ground.tracer.headers,
            )
            for cluster in ground.settings.clusters
        }
        """Each cluster's Prometheus, by name."""
        self._waiting = {
            name: _Waiting(
                ground.executor(QUERIES_AT_ONCE, name),
                Bulkhead(house=self.house),
                Renewals(ground.executor(_RENEWED_AT_ONCE, f"{name}-next")),
            )
            for name in self.clients
        }

    def fleet(self, courses: Mapping[str, Course]) -> Fleet:
        """Return the snapshots of some clusters, each on its course, by name."""
        return Fleet(
            {
                cluster.name: self._views(cluster, courses[cluster.name])
                for cluster in self.ground.settings.clusters
                if cluster.name in courses
            }
        )

    def _views(self, cluster: Cluster, course: Course) -> Views:
        ground = self.ground
        cache, timeouts = ground.settings.cache, ground.settings.timeouts
        terms = Terms(course.ttl, cache.stale, cache.lag, timeouts.request)
        grid = Grid.of(cluster.name, course.ttl * CELL)
        waiting = self._waiting[cluster.name]

        def make(namespaces: Namespaces) -> Snapshots:
            source = Source(
                self.clients[cluster.name],
                Selection.of(cluster.labels, namespaces),
                urls=cluster.urls,
                elsewhere=self.elsewhere,
                keep=course.ttl + cache.stale,
                patience=timeouts.query,
                tracer=ground.tracer,
            )
            windows = Windows(
                [lead.key for lead in course.leads],
                grid=grid,
                stale=cache.stale,
                clock=ground.clock,
                executor=waiting.executor,
                answers=self.answers,
            )
            return Snapshots(
                source,
                windows,
                waiting.bulkhead,
                terms,
                renewals=waiting.renewals,
                timeline=course.timeline,
                metrics=ground.metrics.caching,
                clock=ground.clock,
            )

        return Views(make)
