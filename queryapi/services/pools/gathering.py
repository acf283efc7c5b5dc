"""Reads the same parts of several clusters, of which some may hang."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from queryapi.access.principal import Scope
from queryapi.cache.bulkhead import Seats
from queryapi.errors import QueryRejected, UpstreamError
from queryapi.services.fleet import Fleet, Namespaces
from queryapi.services.part import Part
from queryapi.services.snapshot import Snapshot
from queryapi.telemetry.logs import Sparing, fields

_LOG = logging.getLogger(__name__)

Parts = tuple[Part[Any], ...]
_Key = tuple[str, Namespaces, Parts]

# What a list waits for a cluster that may only be slow, and for one that was late before.
_PATIENCE_SECONDS = 2.0
_LATE_PATIENCE_SECONDS = 0.2
# Until when whoever finds no seat stands for a first read.
_STANDING_SECONDS = 0.75


class Gathering:
    """Reads clusters beside one another, and none twice at a time.

    Args:
        fleet: Their snapshots.
        executors: Each cluster's own: one that hangs holds up no other.
        seats: Where callers wait; who finds none does not.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        fleet: Fleet,
        executors: Mapping[str, Executor],
        *,
        seats: Seats,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fleet = fleet
        self._executors = executors
        self._seats = seats
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._under_way: dict[_Key, Future[Snapshot | None]] = {}
        self._late: set[str] = set()
        self._complaints = Sparing(monotonic)

    def at_hand(self, cluster: str, scope: Scope, parts: Parts) -> Snapshot | None:
        """Return what is there of a cluster; never waits."""
        snapshots = self._fleet.known(cluster, scope)
        return None if snapshots is None else snapshots.at_hand(*parts)

    def one(self, cluster: str, scope: Scope, parts: Parts) -> Snapshot | None:
        """Return a cluster's parts as every API reads them; None = they cannot be had."""
        return self._attempt(cluster, partial(self._fleet.snapshots(cluster, scope).read, *parts))

    def all(
        self, clusters: Iterable[str], scope: Scope, parts: Parts
    ) -> dict[str, Snapshot | None]:
        """Return each cluster's parts; old ones, or None, of those that are not there in time."""
        names = tuple(clusters)
        if len(names) == 1:
            # Nothing else is lost while it is waited for.
            return {name: self.one(name, scope, parts) for name in names}
        return self.soon(names, scope, parts)

    def soon(
        self, clusters: Iterable[str], scope: Scope, parts: Parts
    ) -> dict[str, Snapshot | None]:
        """Return the same without waiting long for any."""
        found = {name: self.at_hand(name, scope, parts) for name in clusters}
        missing = [name for name, snapshot in found.items() if snapshot is None]
        begun = {name: self._begin(name, scope, parts) for name in missing}
        self._wait(begun)
        for name, future in begun.items():
            found[name] = self._came_of(name, future, scope, parts)
        return found

    def _begin(self, cluster: str, scope: Scope, parts: Parts) -> Future[Snapshot | None]:
        key = (cluster, scope.namespaces, parts)
        with self._lock:
            future = self._under_way.get(key)
            if future is not None:
                return future
            read = partial(self._fleet.aside, cluster, scope, *parts)
            future = self._executors[cluster].submit(self._attempt, cluster, read)
            self._under_way[key] = future
        future.add_done_callback(lambda _: self._over(key))
        return future

    def _over(self, key: _Key) -> None:
        with self._lock:
            self._under_way.pop(key, None)

    def _attempt(self, cluster: str, read: Callable[[], Snapshot]) -> Snapshot | None:
        try:
            found = read()
        except QueryRejected as error:
            if self._complaints.is_due():
                _LOG.error(
                    "Prometheus rejects a query", extra=fields(cluster=cluster, detail=str(error))
                )
            return None
        except UpstreamError:
            return None
        if not found.freshness.stale:
            self._late.discard(cluster)
        return found

    def _wait(self, begun: Mapping[str, Future[Snapshot | None]]) -> None:
        """Wait for all of them together: as long as for the most promising."""
        slow = all(cluster in self._late for cluster in begun)
        until = self._monotonic() + (_LATE_PATIENCE_SECONDS if slow else _PATIENCE_SECONDS)
        if all(future.done() for future in begun.values()):
            return
        if not self._seats.take(0.0 if slow else _STANDING_SECONDS):
            return
        try:
            # The late ones last: of them nothing is hoped for when the others have come.
            for cluster, future in sorted(begun.items(), key=lambda one: one[0] in self._late):
                left = until - self._monotonic()
                if cluster in self._late:
                    left = min(left, _LATE_PATIENCE_SECONDS)
                _settle(future, max(0.0, left))
        finally:
            self._seats.give_back()

    def _came_of(
        self, cluster: str, future: Future[Snapshot | None], scope: Scope, parts: Parts
    ) -> Snapshot | None:
        if future.done():
            found = future.result()
        else:
            self._late.add(cluster)
            found = self._fleet.snapshots(cluster, scope).kept(*parts)
        return found


def _settle(future: Future[Any], seconds: float) -> None:
    try:
        future.exception(timeout=seconds)
    except TimeoutError:
        return
