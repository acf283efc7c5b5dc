"""One cluster's state, all of it read at one moment, fresh or of a known age."""

import logging
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from queryapi.cache.bulkhead import Bulkhead, Patience
from queryapi.cache.prepared import Prepared, prepare
from queryapi.cache.renewals import Renewals
from queryapi.cache.windows import Outcome, Window, Windows
from queryapi.errors import NoData, UpstreamError, UpstreamUnavailable
from queryapi.services.earlier import Earlier
from queryapi.services.freshness import Freshness, Provenance, provenance
from queryapi.services.model import Stamps
from queryapi.services.part import Moment, Part, Reading
from queryapi.services.reading import Source
from queryapi.services.timeline import Parts, Timeline
from queryapi.telemetry.caching import Caching, PartOutcome
from queryapi.telemetry.logs import Sparing, fields

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

# While fetches fail, the next attempt goes on behind the clients' backs: a hung Prometheus must
# not make every one of them wait for the full time.
_ILL_PATIENCE_SECONDS = 0.5
# Who comes when all seats are taken and there is nothing else to be told yet: a first read is
# worth standing for, a hung Prometheus is not.
# Standing readers take up every thread: less than a prober of /healthz waits.
_STANDING_SECONDS = 0.75


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Bytes that are the same for everybody who may see them, and how old they are."""

    prepared: Prepared
    freshness: Freshness


class Snapshot:
    """The parts of one window which one answer needs."""

    def __init__(self, cluster: str, window: Window, freshness: Freshness) -> None:
        self.cluster = cluster
        self.freshness = freshness
        self._window = window

    def part(self, part: Part[T]) -> T:
        """Return a part that this snapshot was read with."""
        return self._window.value(part.key).value

    def derived(self, name: str, make: Callable[[], T]) -> T:
        """Return what *make* makes of parts of this snapshot, kept as long as they are.

        Two readers may make it at the same time: what they make is equal.
        """
        known = self._window.worked_out
        if name not in known:
            known[name] = make()
        found: T = known[name]
        return found

    def answer(self, view: Hashable, build: Callable[["Snapshot"], bytes]) -> Answer:
        """Return what *build* makes of this snapshot, made once per window and *view*."""
        prepared = self._window.answers.get(view, lambda: prepare(build(self)))
        return Answer(prepared, self.freshness)


@dataclass(frozen=True, slots=True)
class Terms:
    """Until when what was read is served, in seconds.

    Args:
        ttl: For how long a snapshot is fresh.
        stale: Age from which on what Prometheus has counts as stale.
        lag: Age from which on it is not served at all.
        patience: What one reader waits for parts.
    """

    ttl: float
    stale: float
    lag: float
    patience: float


class Snapshots:
    """Reads snapshots of one cluster, or of some namespaces of it.

    Args:
        source: Where parts come from.
        windows: Keep the parts.
        bulkhead: Where clients wait for this cluster.
        renewals: Where the next window is read while the last one is fresh.
        terms: Until when what was read is served.
        timeline: Which moment they describe.
        metrics: Where parts are counted.
        clock: Unix seconds.
    """

    def __init__(
        self,
        source: Source,
        windows: Windows,
        bulkhead: Bulkhead,
        terms: Terms,
        *,
        renewals: Renewals,
        timeline: Timeline,
        metrics: Caching,
        clock: Callable[[], float],
    ) -> None:
        self._source = source
        self._windows = windows
        self._bulkhead = bulkhead
        self._terms = terms
        self._renewals = renewals
        self._timeline = timeline
        self._earlier = Earlier(source, windows, timeline, terms.lag)
        self._metrics = metrics
        self._clock = clock
        self._complaints = Sparing(clock)

    def read(self, *wanted: Part[Any], bulkhead: Bulkhead | None = None) -> Snapshot:
        """Return a snapshot with the *wanted* parts.

        Args:
            wanted: The parts.
            bulkhead: Where to wait for them, if need be; None = where clients wait.

        Raises:
            UpstreamError: When a part cannot be had and no earlier window can stand in.
        """
        parts = self._timeline.with_moments(wanted)
        last = self._last(parts)
        if last is not None:
            return self._snapshot(last, wanted, stale=False)
        try:
            window, outcomes = self._newest(parts, bulkhead or self._bulkhead)
        except UpstreamError as error:
            self._complain(error)
            earlier = self._earlier.window_with(parts)
            for part in parts:
                self._count(part, "stale" if earlier else "failed")
            if earlier is None:
                raise
            return self._snapshot(earlier, wanted, stale=True)
        for part, outcome in outcomes.items():
            self._count(part, outcome)
        return self._snapshot(window, wanted, stale=False)

    def ready(self, view: Hashable, *wanted: Part[Any]) -> Answer | None:
        """Return the answer to *view* if it is there, made of the *wanted* parts; never waits."""
        window = self._windows.peek()
        prepared = window.answers.find(view) if window else None
        if window is None or prepared is None:
            return None
        return Answer(prepared, self._freshness(window, wanted, stale=False))

    def at_hand(self, *wanted: Part[Any]) -> Snapshot | None:
        """Return what `read` would, if all of it is there; never waits."""
        window = self._windows.peek()
        if window is None or not self._holds(window, wanted):
            return None
        return self._snapshot(window, wanted, stale=False)

    def kept(self, *wanted: Part[Any]) -> Snapshot | None:
        """Return the newest there is, marked stale, to whoever can wait no longer; never waits."""
        parts = self._timeline.with_moments(wanted)
        window = self._windows.newest_with(part.key for part in parts)
        return None if window is None else self._snapshot(window, wanted, stale=True)

    def close(self) -> None:
        """Forget what was made: nobody will ask again."""
        self._windows.close()

    def _last(self, parts: Parts) -> Window | None:
        """Return the last window, if it is fresh and the present one has not all *parts* yet.

        Those are on their way then.
        """
        if self._windows.current().held().issuperset(part.name for part in parts):
            return None
        last = self._windows.newest_within((part.key for part in parts), self._terms.ttl)
        if last is not None:
            self._renewals.begin((self, parts), partial(self._newest, parts, self._bulkhead))
            for part in parts:
                self._count(part, "fresh")
        return last

    def _newest(self, parts: Parts, bulkhead: Bulkhead) -> tuple[Window, dict[Part[Any], Outcome]]:
        seconds = self._terms.patience
        if self._windows.ailing:
            seconds = min(seconds, _ILL_PATIENCE_SECONDS)
        with Patience(bulkhead, seconds, self._standing(parts)) as patience:
            window = self._windows.current()
            while True:
                try:
                    return window, self._complete(window, parts, patience)
                except UpstreamUnavailable as error:
                    other = self._again(window, error, patience)
                    if other is None:
                        raise
                    window = other

    def _standing(self, parts: Parts) -> float:
        unhurried = self._windows.ailing or self._windows.newest_with(part.key for part in parts)
        return 0.0 if unhurried else _STANDING_SECONDS

    def _again(
        self, window: Window, error: UpstreamUnavailable, patience: Patience
    ) -> Window | None:
        """Return a window to begin again in, where that can help."""
        if error.reason == "busy" or not patience.left:
            return None
        knows_nothing = error.reason == "no_data"
        # Who may ask any replica has asked all of them, unless one answered that it knows nothing.
        if self._source.replicas > 1 and (
            knows_nothing or self._timeline.lead.name in window.held()
        ):
            other = self._windows.renew(window)
            if other is not None:
                return other
        # The cell may have begun before there was anything to read.
        return self._windows.reopen(window) if knows_nothing else None

    def _complete(
        self, window: Window, parts: Parts, patience: Patience
    ) -> dict[Part[Any], Outcome]:
        started: dict[Part[Any], tuple[Future[Reading[Any]], Outcome]] = {}

        def start(moment: Moment, at: float, replica: int | None) -> None:
            # What another part has to tell first is waited for when all others are on their way.
            for part in sorted(parts, key=lambda part: part.about is not None):
                if part.moment is moment and part not in started:
                    told = part.about and patience.await_(started[part.about][0]).value
                    started[part] = self._start(window, part, at, replica, told)

        replica, timeline = None, self._timeline
        # Each moment is known from what was read at the one before, of the same replica.
        if timeline.lead in parts:
            started[timeline.lead] = self._start(window, timeline.lead, window.opened, None)
            told = patience.await_(started[timeline.lead][0])
            replica = told.replica
            if timeline.evaluation is not None:
                start(Moment.EVALUATION, told.value, replica)
        start(Moment.NOW, window.opened, replica)
        if timeline.stamps in parts:
            stamps: Stamps = patience.await_(started[timeline.stamps][0]).value
            start(Moment.SCRAPE, stamps.scraped_at, replica)
        for future, _ in started.values():
            patience.await_(future)
        return {part: outcome for part, (_, outcome) in started.items()}

    def _start(
        self, window: Window, part: Part[T], at: float, replica: int | None, about: object = None
    ) -> tuple[Future[Reading[T]], Outcome]:
        def load() -> Reading[T]:
            # A replica is another for every attempt; what a pinned one says is the same for all.
            attempt = window.attempt if replica is None else 0
            reading = self._source.read(part, at, replica=replica, attempt=attempt, about=about)
            if isinstance(reading.value, Stamps):
                self._refuse_old(window.opened - min(at, reading.value.known_at), reading.replica)
            return reading

        return self._windows.fetch(window, part.key, load)

    def _refuse_old(self, age: float, replica: int) -> None:
        if age > self._terms.lag:
            self._source.pass_over(replica)
            raise NoData(
                f"What Prometheus has of this cluster is {age:.0f} s old: are the exporters"
                " scraped, the rules evaluated, and does the cluster exporter reach its API server?"
            )

    def _complain(self, error: UpstreamError) -> None:
        """Log that series are missing or old: whoever asks Prometheus takes that for an answer."""
        if isinstance(error, NoData) and self._complaints.is_due():
            _LOG.warning(
                "Prometheus answers, and has not what is needed",
                extra=fields(cluster=self._source.cluster, detail=str(error)),
            )

    def _holds(self, window: Window, wanted: Parts) -> bool:
        # What tells their age was worked out of all of them, and a part that is there stays.
        if wanted in window.worked_out:
            return True
        parts = self._timeline.with_moments(wanted)
        return window.held().issuperset(part.name for part in parts)

    def _snapshot(self, window: Window, wanted: Parts, *, stale: bool) -> Snapshot:
        freshness = self._freshness(window, wanted, stale=stale)
        return Snapshot(self._source.cluster, window, freshness)

    def _freshness(self, window: Window, wanted: Parts, *, stale: bool) -> Freshness:
        told: Provenance | None = window.worked_out.get(wanted)
        if told is None:
            parts = self._timeline.with_moments(wanted)
            told = provenance(window, parts, self._timeline, stale=self._terms.stale)
            window.worked_out[wanted] = told
        now, ttl = self._clock(), self._terms.ttl
        age = max(0.0, now - window.opened)
        if told.lagging:
            age, stale = max(age, now - told.at), True
        return Freshness(told.at, age, ttl, stale, told.warnings)

    def _count(self, part: Part[Any], outcome: PartOutcome) -> None:
        self._metrics.part(self._source.cluster, part.name, outcome)
