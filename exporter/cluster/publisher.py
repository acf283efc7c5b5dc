"""The cluster role put together: reflectors feed the fleet, a scrape gets its page."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from exporter import catalogue
from exporter.cluster import nodes, pods, wire
from exporter.cluster.fleet import Fleet
from exporter.cluster.intake import Intake
from exporter.cluster.journal import Journal
from exporter.cluster.reflector import Backoff, Reflector, Source
from exporter.exposition import JoinedPage, Page, Samples
from exporter.version import __version__

# Long enough to finish an event, too short to wait for an API server.
_FAREWELL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Watched:
    """One resource that is followed, and how little of it is enough."""

    resource: str
    field_selector: str | None = None
    metadata_only: bool = False


# Terminal pods hold nothing and are most of the traffic; the scheduler leaves them out as well.
_LIVE_PODS = "status.phase!=Succeeded,status.phase!=Failed"
REQUIRED = (Watched("nodes"), Watched("pods", _LIVE_PODS))
"""Without these nothing can be said about the cluster."""
OWNERS = tuple(
    Watched(kind, metadata_only=True) for kind in ("replicasets", "statefulsets", "jobs")
)
"""Without these, workloads are named from the pods' own labels and references."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set about the cluster role; times in seconds."""

    cluster_name: str = ""
    stale_after: float = 120.0
    events: int = 100
    first_backoff: float = 0.8


class ClusterPublisher:
    """Publishes one cluster.

    Args:
        source: Where the lists and watches of a resource come from.
        options: Settings.
        clock: Now, in Unix seconds, for what is published.
        monotonic: A clock that never jumps, for ages.
        random: A number in [0, 1), for jitter.
    """

    def __init__(
        self,
        source: Callable[[Watched], Source],
        options: Options,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._fleet = Fleet(Journal(options.events), clock)
        self._intakes = self._make_intakes()
        self._reflectors = {
            watched.resource: Reflector(
                source(watched),
                self._intakes[watched.resource],
                clock=clock,
                monotonic=monotonic,
                random=random,
                backoff=Backoff(random, monotonic, first=options.first_backoff),
            )
            for watched in (*REQUIRED, *OWNERS)
        }
        self._rendered: Page | None = None

    def start(self) -> None:
        """Begin to follow the cluster."""
        for reflector in self._reflectors.values():
            reflector.start()

    def stop(self) -> None:
        """Stop following it."""
        for reflector in self._reflectors.values():
            reflector.stop()
        for reflector in self._reflectors.values():
            reflector.join(_FAREWELL_SECONDS)

    def not_ready(self) -> str | None:
        """Return why the cluster is not followed just now; None when it is."""
        for reflector in self._required():
            if self._is_stale(reflector) and reflector.synced:
                age = f"nothing heard for {self._options.stale_after:g} s"
                return f"{reflector.resource}: {age}: {reflector.trouble or 'no bookmark came'}"
            if reflector.trouble is not None:
                return f"{reflector.resource}: {reflector.trouble}"
        return None

    def page(self) -> Page:
        """Return what to answer to a scrape: the fleet while it is known, ourselves always."""
        known = not any(self._is_stale(reflector) for reflector in self._required())
        own = self._own_page(known=known)
        return JoinedPage(self._fleet_page(), own) if known else own

    def _required(self) -> Iterator[Reflector]:
        return (self._reflectors[watched.resource] for watched in REQUIRED)

    def _fleet_page(self) -> Page:
        with self._lock:
            if self._fleet.changed or self._rendered is None:
                self._rendered = Page(b"".join(self._fleet.blocks()))
            return self._rendered

    def _is_stale(self, reflector: Reflector) -> bool:
        age = reflector.silence()
        return age is None or age > self._options.stale_after

    def _known_until(self) -> float:
        now = self._clock()
        return min(
            now if each.trouble is None else now - (each.silence() or 0.0)
            for each in self._required()
        )

    def _own_page(self, *, known: bool) -> Page:
        own = Samples()
        own.add(catalogue.BUILD_INFO, (__version__, "cluster"), 1)
        if self._options.cluster_name:
            own.add(catalogue.CLUSTER_INFO, (self._options.cluster_name,), 1)
        own.add(catalogue.APISERVER_UP, (), self.not_ready() is None)
        if known:
            own.add(catalogue.CLUSTER_STATE, (), self._known_until())
        with self._lock:
            counts = self._fleet.counts()
        for resource, count in counts.items():
            own.add(catalogue.OBJECTS, (resource,), count)
        for name, reflector in self._reflectors.items():
            self._add_reflector(own, name, reflector)
        return own.page()

    def _add_reflector(self, own: Samples, name: str, reflector: Reflector) -> None:
        for result in ("success", "error", "expired"):
            own.add(catalogue.LISTS, (name, result), reflector.lists[result])
            own.add(catalogue.WATCHES, (name, result), reflector.watches[result])
        for kind in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"):
            own.add(catalogue.WATCH_EVENTS, (name, kind.lower()), reflector.events[kind])
        own.add(catalogue.MALFORMED_OBJECTS, (name,), self._intakes[name].malformed)
        if reflector.last_heard is not None:
            own.add(catalogue.LAST_HEARD, (name,), reflector.last_heard)

    def _make_intakes(self) -> dict[str, Intake[Any]]:
        fleet, lock = self._fleet, self._lock
        intakes: dict[str, Intake[Any]] = {
            "nodes": Intake(
                "nodes",
                convert=lambda raw: nodes.from_wire(wire.decode(raw, wire.NODE)),
                put=fleet.put_node,
                drop=fleet.drop_node,
                replace=fleet.replace_nodes,
                lock=lock,
            ),
            "pods": Intake(
                "pods",
                convert=lambda raw: pods.from_wire(wire.decode(raw, wire.POD)),
                put=fleet.put_pod,
                drop=fleet.drop_pod,
                replace=fleet.replace_pods,
                lock=lock,
            ),
        }
        for kind in (watched.resource for watched in OWNERS):
            intakes[kind] = Intake(
                kind,
                convert=lambda raw: wire.decode(raw, wire.OBJECT),
                put=partial(fleet.put_owner, kind),
                drop=partial(fleet.drop_owner, kind),
                replace=partial(fleet.replace_owners, kind),
                lock=lock,
            )
        return intakes
