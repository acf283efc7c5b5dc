"""One cluster's state, all of it read at one moment, fresh or of a known age."""

import time
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from queryapi.cache.windows import Window, Windows
from queryapi.errors import UpstreamError, UpstreamUnavailable
from queryapi.promql.client import PrometheusClient
from queryapi.promql.queries import ClusterMatchers
from queryapi.services.parts import TOTALS, Moment, Part
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
        windows: Keep the parts; their lead is TOTALS.
        ttl: Seconds for which a snapshot is fresh.
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
        patience: float,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._matchers = matchers
        self._windows = windows
        self._ttl = ttl
        self._patience = patience
        self._metrics = metrics
        self._clock = clock

    def read(self, *wanted: Part[Any]) -> Snapshot:
        """Return a snapshot with the totals and the *wanted* parts.

        Raises:
            UpstreamError: When a part cannot be had and no earlier window can stand in.
        """
        parts = dict.fromkeys((TOTALS, *wanted))
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
        at_once = {part: self._start(window, part, window.at) for part in parts if _is_free(part)}
        scraped_at = _wait(at_once[TOTALS][0], deadline).scraped_at
        afterwards = {
            part: self._start(window, part, scraped_at) for part in parts if not _is_free(part)
        }
        started = at_once | afterwards
        for future, _ in started.values():
            _wait(future, deadline)
        return {part: outcome for part, (_, outcome) in started.items()}

    def _start(self, window: Window, part: Part[T], at: float) -> tuple[Future[T], Outcome]:
        query = part.query(self._matchers)
        return self._windows.fetch(
            window, part.key, lambda: part.shape(self._client.instant(query, at=at))
        )

    def _snapshot(self, window: Window, *, stale: bool) -> Snapshot:
        age = max(0.0, self._clock() - window.opened)
        return Snapshot(self._client.name, window, Freshness(window.at, age, self._ttl, stale))


def _is_free(part: Part[Any]) -> bool:
    """Tell whether a part can be read before the totals are there."""
    return part.moment is Moment.EVALUATION


def _wait(future: Future[T], deadline: float) -> T:
    try:
        return future.result(timeout=max(0.0, deadline - time.monotonic()))
    except TimeoutError as error:
        raise UpstreamUnavailable("Prometheus did not answer in time", reason="timeout") from error
