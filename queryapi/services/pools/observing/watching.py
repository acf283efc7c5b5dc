"""Looks at the nodes of one cluster, and stores what that changes."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.errors import QueryRejected, StoreUnavailable, UpstreamError
from queryapi.services.pools import lifecycle
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.observing import findings
from queryapi.services.pools.observing.findings import Findings
from queryapi.services.pools.observing.moves import Look, Stored
from queryapi.services.pools.parts import NODES, STOCK
from queryapi.services.snapshot import Snapshot
from queryapi.services.tenure import Tenure
from queryapi.storage.records import Status
from queryapi.telemetry.logs import Sparing, fields
from queryapi.telemetry.observing import ObservationOutcome, Observing

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

_LOG = logging.getLogger(__name__)

# Longer ago than anybody's clock is set back by mistake: it was wrong before.
_PAST_SECONDS = 86400.0


class _NotOurs(Exception):  # noqa: N818 - a state, named as one
    """Another process has begun to look: what is seen here is not stored."""


class Watching:
    """The looks at one cluster; one at a time.

    Args:
        cluster: The cluster.
        read: Reads its nodes.
        store: What is known of them.
        tenure: Whether this process may write.
        terms: When what is seen counts.
        default_cluster: The cluster whose found pools have plain ids.
        metrics: Where looks are counted.
        clock: Unix seconds.
    """

    def __init__(
        self,
        cluster: str,
        read: Callable[[], Snapshot],
        store: "Store",
        tenure: Tenure,
        terms: Terms,
        *,
        default_cluster: str,
        metrics: Observing,
        clock: Callable[[], float],
    ) -> None:
        self.cluster = cluster
        self._read = read
        self._store = store
        self._tenure = tenure
        self._terms = terms
        self._default_cluster = default_cluster
        self._metrics = metrics
        self._clock = clock
        self._complaints = Sparing(clock)
        self._previous: float | None = None

    def look(self) -> None:
        """Look once; whatever goes wrong is counted and told, and the next look tries again."""
        try:
            outcome = self._look()
        except Exception:  # noqa: BLE001 - the next look may go well
            outcome = "failed"
            if self._complaints.is_due():
                _LOG.exception("pools could not be observed", extra=fields(cluster=self.cluster))
        if outcome == "elsewhere":
            self.forget()
        self._metrics.look(self.cluster, outcome)

    def forget(self) -> None:
        """Begin anew: another process has looked, or will."""
        self._previous = None
        self._tell_statuses(())

    def _look(self) -> ObservationOutcome:
        sight = self._sight()
        if not isinstance(sight, Look):
            return sight
        try:
            found = self._store_changes(sight)
        except StoreUnavailable:
            # The store has told the log.
            return "unstored"
        except _NotOurs:
            return "elsewhere"
        self._previous = sight.at
        self._metrics.looked(self.cluster, sight.wall)
        self._metrics.activities(len(found.activities))
        self._tell_statuses(found.statuses)
        return "changed" if found else "unchanged"

    def _sight(self) -> Look | ObservationOutcome:
        """Return what is seen now; what came of it where that is nothing to go by."""
        try:
            snapshot = self._read()
        except UpstreamError as error:
            if isinstance(error, QueryRejected) and self._complaints.is_due():
                _LOG.error("Prometheus rejects a query", extra=fields(detail=str(error)))
            return "unreadable"
        if snapshot.freshness.stale:
            return "stale"
        nodes, at, previous = snapshot.part(NODES), snapshot.freshness.at, self._previous
        if len(nodes) < sum(each.nodes for each in snapshot.part(STOCK)):
            # Rules count nodes that nobody names: a part of the series is missing.
            return "unreadable"
        if previous is not None and previous - _PAST_SECONDS <= at < previous:
            return self._earlier(previous - at)
        unbroken = lifecycle.continues(previous, at, self._terms)
        # What people did is dated by our clock. How long something is seen is not: it may jump.
        return Look(self.cluster, nodes, at, self._clock(), unbroken)

    def _earlier(self, seconds: float) -> ObservationOutcome:
        """Tell what comes of a look at the past: what happened since is told already."""
        if seconds <= self._terms.gap:
            # A replica of Prometheus that is behind.
            return "unchanged"
        if self._complaints.is_due():
            _LOG.warning(
                "the clock was set back: pools are observed again when it is as late as it was",
                extra=fields(cluster=self.cluster, seconds=round(seconds)),
            )
        return "stale"

    def _store_changes(self, sight: Look) -> Findings:
        with self._store.reading() as session:
            found = self._compare(session, sight)
        if not found:
            return found
        with self._store.writing() as session:
            if not self._tenure.confirm(session):
                raise _NotOurs
            # Somebody may have changed or deleted a pool meanwhile: nobody can from here on.
            found = self._compare(session, sight)
            _write(session, self.cluster, found)
        return found

    def _compare(self, session: "Session", sight: Look) -> Findings:
        every = storage.conditions.every(session)
        own = {id_: one for id_, one in every.items() if one.cluster == self.cluster}
        known = Stored(
            storage.pools.every(session), storage.members.of_cluster(session, self.cluster), own
        )
        return findings.compare(known, sight, self._terms, default_cluster=self._default_cluster)

    def _tell_statuses(self, statuses: tuple[Status, ...]) -> None:
        counts = Counter(statuses)
        self._metrics.pools(self.cluster, {one.value: counts[one] for one in Status})


def _write(session: "Session", cluster: str, found: Findings) -> None:
    storage.conditions.forget(session, found.ended)
    storage.conditions.put(session, found.conditions)
    storage.members.forget(session, cluster, found.left)
    storage.members.put(session, found.members)
    storage.activity.add(session, found.activities)
    if found.conditions or found.ended:
        # Readers keep the conditions that they have read until then.
        storage.pools.touch(session)
