"""Parts that several processes share through a store: one makes each, the others take it.

Whoever wants a part that is not there claims its lock, makes it and puts it there. The others look
again and again until it is. When the maker says that it failed, they make it themselves; when it
says nothing more, its lock ends by itself and one of them takes over.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from queryapi import version
from queryapi.cache import frame
from queryapi.cache.elsewhere import Elsewhere
from queryapi.cache.frame import Failed
from queryapi.errors import SharedUnavailable
from queryapi.settings import Cluster, Settings
from queryapi.shared.store import Store
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.sharing import FetchOutcome

_FIRST_PAUSE = 0.005
_LAST_PAUSE = 0.05
_GROWTH = 1.5
# Long enough for everybody who waits to see it, shorter than the next try.
_FAILURE_SECONDS = 0.5
# A maker may need all the time of a query and a little to pack and put what it got.
_HOLD_MARGIN = 1.0


def elsewhere_of(settings: Settings, store: Store | None, metrics: Metrics) -> Elsewhere | None:
    """Return what processes with these settings share; None without a store."""
    if store is None:
        return None
    # Processes that ask others, or read what they got in another way, must not meet.
    scope = repr((version.current(), [_identity(cluster) for cluster in settings.clusters]))
    return SharedFlights(
        store, metrics.sharing.fetch, scope=scope, hold=settings.timeouts.query + _HOLD_MARGIN
    )


def _identity(cluster: Cluster) -> tuple[object, ...]:
    """Return what tells whose data a cluster's Prometheus shows; no password."""
    user = cluster.basic_auth.username if cluster.basic_auth else None
    return cluster.name, cluster.urls, cluster.labels, cluster.headers, user


@dataclass(frozen=True, slots=True)
class _Part:
    """A part's key, and where its value and lock are."""

    digest: bytes

    @property
    def value(self) -> str:
        return f"part:{self.digest.hex()}"

    @property
    def lock(self) -> str:
        return f"lock:{self.digest.hex()}"


class SharedFlights:
    """Parts shared through a store; see Elsewhere.

    Args:
        store: Where they are kept.
        count: Told how each fetch ended.
        scope: Processes of another scope have other parts.
        hold: Seconds after which a maker that says nothing is given up; more than making takes.
        clock: Monotonic seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        store: Store,
        count: Callable[[FetchOutcome], None],
        *,
        scope: str,
        hold: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._count = count
        self._scope = scope
        self._hold = hold
        self._clock = clock
        self._sleep = sleep

    def fetch(self, key: str, load: Callable[[], bytes], *, keep: float, patience: float) -> bytes:
        """Return the value of *key*: another process's, or else what *load* makes."""
        part, holder = self._part(key), uuid4().hex
        try:
            value, claimed = self._await(part, holder, self._clock() + patience)
        except SharedUnavailable:
            self._count("alone")
            return load()
        if value is not None:
            self._count("shared")
            return value
        self._count("loaded" if claimed else "alone")
        return self._make(part, holder if claimed else None, load, keep)

    def find(self, key: str) -> bytes | None:
        """Return the value of *key* if somebody made it; never waits, never raises."""
        part = self._part(key)
        try:
            found = self._look(part)
        except SharedUnavailable:
            return None
        return found if isinstance(found, bytes) else None

    def _part(self, key: str) -> _Part:
        return _Part(frame.digest(f"{self._scope}\0{key}"))

    def _look(self, part: _Part) -> bytes | Failed | None:
        return frame.unframed(part.digest, self._store.get(part.value))

    def _await(self, part: _Part, holder: str, deadline: float) -> tuple[bytes | None, bool]:
        """Return the value as soon as it is there, or whether to make it as its holder."""
        # A failure that was there before we came is of another try.
        known = found = self._look(part)
        pause = _FIRST_PAUSE
        while not isinstance(found, bytes):
            if self._store.claim(part.lock, holder, seconds=self._hold):
                return self._last_look(part, holder)
            left = deadline - self._clock()
            if left <= 0:
                return None, False
            # Not in step with the others, and never past the deadline.
            self._sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311 - guards nothing
            pause = min(_LAST_PAUSE, pause * _GROWTH)
            found = self._look(part)
            if isinstance(found, Failed) and found != known:
                return None, False
        return found, False

    def _last_look(self, part: _Part, holder: str) -> tuple[bytes | None, bool]:
        """Look once more with the lock in hand: it may have been put there just before."""
        found = self._look(part)
        if isinstance(found, bytes):
            with suppress(SharedUnavailable):
                self._store.release(part.lock, holder)
            return found, False
        return None, True

    def _make(
        self, part: _Part, holder: str | None, load: Callable[[], bytes], keep: float
    ) -> bytes:
        try:
            value = load()
        except BaseException:
            if holder is not None:
                self._give_up(part, holder)
            raise
        packed = frame.framed(part.digest, value)
        if packed is not None:
            # Whoever cannot be told finds out in the same way, or by the end of the lock.
            with suppress(SharedUnavailable):
                self._store.put(part.value, packed, seconds=keep)
                if holder is not None:
                    self._store.release(part.lock, holder)
        elif holder is not None:
            self._give_up(part, holder)
        return value

    def _give_up(self, part: _Part, holder: str) -> None:
        told = frame.failure(part.digest, Failed(holder))
        with suppress(SharedUnavailable):
            self._store.put(part.value, told, seconds=_FAILURE_SECONDS)
            self._store.release(part.lock, holder)
