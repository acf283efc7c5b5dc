"""The cluster role put together: reflectors feed the fleet, a scrape gets its page."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from exporter import catalogue
from exporter.cluster import feeds, report
from exporter.cluster.api.backoff import Backoff
from exporter.cluster.api.election import Election
from exporter.cluster.api.listing import Source
from exporter.cluster.api.lookup import RESULTS, Api, OwnerLookup
from exporter.cluster.api.reflector import Reflector
from exporter.cluster.feeds import Watched
from exporter.cluster.fleet import Fleet, Scope
from exporter.cluster.objects.nodes import Reading
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.cluster.objects.workload import controller_of
from exporter.exposition import Block, Page, Samples
from exporter.tables import Table
from exporter.version import __version__

_log = logging.getLogger(__name__)

# What changed is rendered soon after, so that a scrape finds little to do.
_RENDER_SECONDS = 0.2
# At a time, under the lock that events wait for: some milliseconds, and a moment for them between.
_PORTION = 100
_TURN_SECONDS = 0.0005
# Long enough to finish an event, too short to wait for an API server.
_FAREWELL_SECONDS = 0.05
# Long enough to let go of a lease, which spares the next leader a quarter of a minute.
_HANDOVER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set about the cluster role; times in seconds."""

    cluster_name: str = ""
    stale_after: float = 120.0
    first_backoff: float = 0.8
    refused_pause: float = 300.0
    stream_lists: bool = True
    scope: Scope = field(default_factory=Scope)
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class ApiServerAccess:
    """How the API server is asked.

    Args:
        source: Where the lists and watches of a resource come from.
        owners: Where owners that are not followed are asked for.
        reloads: How many times its credentials were read again.
    """

    source: Callable[[Watched], Source]
    owners: Api
    reloads: Callable[[], int]


class ClusterPublisher:
    """Publishes one cluster.

    Args:
        access: How the API server is asked.
        options: Settings.
        clock: Now, in Unix seconds, for what is published.
        monotonic: A clock that never jumps, for ages.
        random: A number in [0, 1), for jitter.
        election: Decides which of several replicas publishes the cluster; None: there is only one.
        settled: Called once, when all that was there at the start has been taken in.
    """

    def __init__(
        self,
        access: ApiServerAccess,
        options: Options,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        random: Callable[[], float],
        election: Election | None = None,
        settled: Callable[[], object] = lambda: None,
    ) -> None:
        self._access = access
        self._options = options
        self._clock = clock
        self._election = election
        self._lock = threading.Lock()
        self._fleet = Fleet(clock, scope=options.scope, wanted=self._want)
        self._lookup = OwnerLookup(access.owners, self._answer, monotonic=monotonic, random=random)
        self._intakes = feeds.intakes(self._fleet, options.reading, self._lock)
        self._reflectors = {
            watched.resource: Reflector(
                access.source(watched),
                self._intakes[watched.resource],
                clock=clock,
                monotonic=monotonic,
                random=random,
                backoff=Backoff(random, monotonic, first=options.first_backoff),
                stream=options.stream_lists,
                refused_pause=None if watched in feeds.REQUIRED else options.refused_pause,
            )
            for watched in (*feeds.REQUIRED, *feeds.OPTIONAL)
        }

        self._settled = settled
        self._has_first_page = False
        self._stopping = threading.Event()
        self._renderer = threading.Thread(target=self._render_ahead, name="renderer", daemon=True)

    def start(self) -> None:
        """Begin to follow the cluster."""
        self._renderer.start()
        for reflector in self._reflectors.values():
            reflector.start()
        self._lookup.start()
        if self._election:
            self._election.start()

    def stop(self) -> None:
        """Stop following it."""
        if self._election:
            self._election.stop()
        self._stopping.set()
        self._lookup.stop()
        for reflector in self._reflectors.values():
            reflector.stop()
        for reflector in self._reflectors.values():
            reflector.join(_FAREWELL_SECONDS)
        self._lookup.join(_FAREWELL_SECONDS)
        if self._renderer.is_alive():
            self._renderer.join(_FAREWELL_SECONDS)
        if self._election:
            self._election.join(_HANDOVER_SECONDS)

    def not_alive(self) -> str | None:
        """Return what only a restart of the process cures; None when nothing is."""
        return None

    def tables(self) -> Sequence[Table]:
        """Return what the landing page shows of this role."""
        return ()

    def not_ready(self) -> str | None:
        """Return why the cluster is not followed, or not published yet; None when it is."""
        # Whoever waits for readiness gets the first page at once, and not after seconds.
        unmade = None if self._has_first_page else "the first page is being made"
        return self._not_followed() or unmade

    def _not_followed(self) -> str | None:
        for reflector in self._required():
            if self._is_stale(reflector) and reflector.synced:
                age = f"nothing heard for {self._options.stale_after:g} s"
                return f"{reflector.resource}: {age}: {reflector.trouble or 'no bookmark came'}"
            if reflector.trouble is not None:
                return f"{reflector.resource}: {reflector.trouble}"
        if self._election and self._election.trouble and not self._election.leading():
            return f"leader election: {self._election.trouble}"
        return None

    def page(self) -> Page:
        """Return what to answer to a scrape: the fleet while it is known, ourselves always."""
        known = self._leads() and not any(map(self._is_stale, self._required()))
        fleet = self._fleet_blocks() if known else ()
        # Rendering takes its time: a lease that ended meanwhile may be another's by now.
        told = known and self._leads()
        own = self._own_page(told=told)
        return Page((*fleet, *own.blocks)) if told else own

    def _leads(self) -> bool:
        return self._election is None or self._election.leading()

    def _required(self) -> Iterator[Reflector]:
        return (self._reflectors[watched.resource] for watched in feeds.REQUIRED)

    def _render_ahead(self) -> None:
        while not self._stopping.wait(_RENDER_SECONDS):
            synced = all(reflector.synced for reflector in self._required())
            try:
                self._render_in_turns()
                if synced and not self._has_first_page:
                    self._make_first_page()
            except Exception:  # noqa: BLE001 - a defect of ours must not end the rendering in silence
                _log.exception("an object could not be rendered and is not published as it is")
            # Nor keep everything else from being read.
            self._has_first_page = self._has_first_page or synced

    def _make_first_page(self) -> None:
        """Join and compress all blocks, most of which the first scrape then finds as they are."""
        Page(self._fleet_blocks()).gzipped()
        self._settled()

    def _render_in_turns(self) -> None:
        while True:
            with self._lock:
                if not self._fleet.render(_PORTION):
                    return
            # A lock that is taken again at once would leave the watches waiting.
            self._stopping.wait(_TURN_SECONDS)

    def _fleet_blocks(self) -> tuple[Block, ...]:
        self._render_in_turns()
        with self._lock:
            return tuple(self._fleet.blocks())

    def _is_stale(self, reflector: Reflector) -> bool:
        age = reflector.silence()
        return age is None or age > self._options.stale_after

    def _known_until(self) -> float:
        now = self._clock()
        return min(
            now if each.trouble is None else now - (each.silence() or 0.0)
            for each in self._required()
        )

    # --- what others of our parts ask and tell ---

    def _want(self, namespace: str, owner: OwnerReference) -> None:
        if not feeds.is_watched(owner):
            self._lookup.want(namespace, owner)

    def _answer(self, owner: OwnerReference, found: ObjectWire) -> None:
        with self._lock:
            self._fleet.answer_owner(owner.uid, controller_of(found))

    # --- ourselves ---

    def _own_page(self, *, told: bool) -> Page:
        own = Samples()
        own.add(catalogue.BUILD_INFO, (__version__, "cluster"), 1)
        if self._options.cluster_name:
            own.add(catalogue.CLUSTER_INFO, (self._options.cluster_name,), 1)
        own.add(catalogue.APISERVER_UP, (), self._not_followed() is None)
        if told:
            own.add(catalogue.CLUSTER_STATE, (), self._known_until())
        if self._election:
            own.add(catalogue.LEADER, (), self._leads())
        shard = self._options.scope.shard
        if shard.total > 1:
            own.add(catalogue.SHARD_INFO, (shard.label, str(shard.total)), 1)
        with self._lock:
            counts = self._fleet.counts()
        report.add_objects(own, counts)
        own.add(catalogue.CREDENTIAL_RELOADS, (), self._access.reloads())
        report.add_lookups(own, self._lookup.results, RESULTS)
        for name, reflector in self._reflectors.items():
            report.add_reflector(own, reflector, self._intakes[name].malformed)
        return own.page()
