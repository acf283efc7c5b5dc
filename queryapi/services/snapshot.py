"""One cluster's state, all of it read at one moment, fresh or of a known age."""

import time
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from queryapi.cache.windows import Window, Windows
from queryapi.errors import NoData, UpstreamError, UpstreamUnavailable
from queryapi.promql.client import PrometheusClient
from queryapi.promql.queries import ClusterMatchers
from queryapi.services.model import Totals
from queryapi.services.parts import EVALUATION, TOTALS, Moment, Part
from queryapi.telemetry.metrics import Metrics

T = TypeVar("T")

# While fetches fail, the next attempt goes on behind the clients' backs: a hung Prometheus must
# not make every one of them wait for the full time.
_ILL_PATIENCE_SECONDS = 0.5

Outcome = Literal["fresh", "shared", "fetched"]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an answer is.

    Args:
        at: The Unix time that it describes.
        age: Seconds since it was read.
        lifetime: Seconds for which it counts as fresh.
        stale: Whether it is served only because nothing newer can be had.
    """

    at: float
    age: float
    lifetime: float
    stale: bool


class Snapshot:
    """The parts of one window which one answer needs."""

    def __init__(self, cluster: str, window: Window, freshness: Freshness) -> None:
        self.cluster = cluster
        self.freshness = freshness
        self._window = window

    def part(self, part: Part[T]) -> T:
        """Return a part that this snapshot was read with."""
        return self._window.value(part.key)

    def answer(self, view: Hashable, build: Callable[["Snapshot"], bytes]) -> bytes:
        """Return what *build* makes of this snapshot, made once per window and *view*."""
        return self._window.answers.get(view, lambda: build(self))


class Snapshots:
    """Reads snapshots of one cluster.

    Args:
        client: Its Prometheus.
        matchers: What selects its series.
        windows: Keep the parts; led by EVALUATION and TOTALS.
        ttl: Seconds for which a snapshot is fresh.
        stale: Age in seconds from which on what Prometheus has counts as stale.
        lag: Age in seconds from which on it is not served at all.
        patience: Seconds that one reader waits for parts.
        metrics: Where parts are counted.
        clock: Unix seconds.
    """

    def __init__(
        self,
        client: PrometheusClient,
        matchers: ClusterMatchers,
        windows: Windows,
        *,
        ttl: float,
        stale: float,
        lag: float,
        patience: float,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._matchers = matchers
        self._windows = windows
        self._ttl = ttl
        self._stale = stale
        self._lag = lag
        self._patience = patience
        self._metrics = metrics
        self._clock = clock

    def read(self, *wanted: Part[Any]) -> Snapshot:
        """Return a snapshot with the totals and the *wanted* parts.

        Raises:
            UpstreamError: When a part cannot be had and no earlier window can stand in.
        """
        parts: dict[Part[Any], None] = dict.fromkeys((EVALUATION, TOTALS, *wanted))
        window = self._windows.current()
        try:
            outcomes = self._complete(window, parts)
        except UpstreamError:
            earlier = self._windows.newest_with(part.key for part in parts)
            for part in parts:
                self._metrics.part(
                    self._client.name, part.key.name, "stale" if earlier else "failed"
                )
            if earlier is None:
                raise
            return self._snapshot(earlier, stale=True)
        for part, outcome in outcomes.items():
            self._metrics.part(self._client.name, part.key.name, outcome)
        return self._snapshot(window, stale=False)

    def _complete(self, window: Window, parts: Iterable[Part[Any]]) -> dict[Part[Any], Outcome]:
        patience = _ILL_PATIENCE_SECONDS if self._windows.ailing else self._patience
        deadline = time.monotonic() + patience
        started: dict[Part[Any], tuple[Future[Any], Outcome]] = {}

        def start(moment: Moment, at: float) -> None:
            for part in parts:
                if part.moment is moment:
                    started[part] = self._start(window, part, at)

        # Each moment is known from what was read at the one before.
        start(Moment.NOW, window.opened)
        start(Moment.EVALUATION, _wait(started[EVALUATION][0], deadline))
        start(Moment.SCRAPE, _wait(started[TOTALS][0], deadline).scraped_at)
        for future, _ in started.values():
            _wait(future, deadline)
        return {part: outcome for part, (_, outcome) in started.items()}

    def _start(self, window: Window, part: Part[T], at: float) -> tuple[Future[T], Outcome]:
        def load() -> T:
            value = part.shape(self._client.instant(part.query(self._matchers), at=at))
            if isinstance(value, Totals):
                self._refuse_old(window.opened - min(at, value.known_at))
            return value

        return self._windows.fetch(window, part.key, load)

    def _refuse_old(self, age: float) -> None:
        if age > self._lag:
            raise NoData(
                f"What Prometheus has of this cluster is {age:.0f} s old: are the exporters"
                " scraped, the rules evaluated, and does the cluster exporter reach its API server?"
            )

    def _snapshot(self, window: Window, *, stale: bool) -> Snapshot:
        evaluated, totals = window.value(EVALUATION.key), window.value(TOTALS.key)
        now = self._clock()
        age = max(0.0, now - window.opened)
        known = min(evaluated, totals.known_at)
        if window.opened - known > self._stale:
            # Prometheus answers, but what it has is old: told as such, with its own time.
            return self._told(
                window, Freshness(known, max(age, now - known), self._ttl, stale=True)
            )
        return self._told(window, Freshness(evaluated, age, self._ttl, stale))

    def _told(self, window: Window, freshness: Freshness) -> Snapshot:
        return Snapshot(self._client.name, window, freshness)


def _wait(future: Future[T], deadline: float) -> T:
    try:
        return future.result(timeout=max(0.0, deadline - time.monotonic()))
    except TimeoutError as error:
        raise UpstreamUnavailable("Prometheus did not answer in time", reason="timeout") from error
