"""What planners ask of pools: whether there is room, and what there was."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from queryapi.access.principal import Scope
from queryapi.cache.prepared import prepare
from queryapi.errors import ResourceNotFound, UpstreamUnavailable
from queryapi.services.fleet import Fleet
from queryapi.services.part import Part
from queryapi.services.pools.membership import Found, Membership, shared
from queryapi.services.pools.model import NodeClass
from queryapi.services.pools.parts import STOCK
from queryapi.services.pools.planning import capacity
from queryapi.services.pools.planning.chosen import Chosen, chosen_by, chosen_of
from queryapi.services.pools.planning.histories import Asked, Histories
from queryapi.services.pools.planning.spans import span_of
from queryapi.services.pools.registering.places import Places
from queryapi.services.pools.registering.state import State
from queryapi.services.snapshot import Answer, Snapshot
from queryapi.storage.records import Pool


class _Place(NamedTuple):
    """Where a pool is, and what is registered of it; `pool` None = it may only be found."""

    id: str
    cluster: str
    state: State
    pool: Pool | None


class Planner:
    """Answers planners, as far as a caller may see.

    Hardware is everybody's to see; of work a limited caller sees that which is theirs, and nothing
    of what everybody's kept busy in the past: nobody recorded it by namespace.

    Args:
        fleet: The snapshots of every cluster that has nodes.
        histories: What was.
        state: Returns what is registered.
        places: Where pools can be.
    """

    def __init__(
        self,
        fleet: Fleet,
        histories: Histories,
        state: Callable[[], State],
        places: Places,
    ) -> None:
        self._fleet = fleet
        self._histories = histories
        self._state = state
        self._places = places

    def capacity(self, pool_id: str, scope: Scope, *, gpus: int) -> Answer:
        """Return whether a pod of so many GPUs would find room in a pool now.

        Raises:
            ResourceNotFound: When there is no such pool, or *scope* does not show it.
            UpstreamError: When it cannot be told: that is not the same as no room.
            StoreUnavailable: When the database does not answer.
        """
        place = self._place(pool_id, scope)
        snapshot = self._read(place, scope, capacity.PARTS)
        kinds = self._kinds(place, snapshot)
        told = capacity.capacity_in(snapshot, pool_id, gpus, kinds)
        return Answer(prepare(msgspec.json.encode(told)), snapshot.freshness)

    def history(
        self, pool_id: str, scope: Scope, *, seconds: int | None, step: int | None
    ) -> Answer:
        """Return a pool in the past: how far back, with so many seconds from point to point.

        None = as of `span_of`.

        Raises:
            InvalidParameter: When that is too much.
            ResourceNotFound: When there is no such pool now, or *scope* does not show it.
            UpstreamError: When it cannot be told.
            StoreUnavailable: When the database does not answer.
        """
        span = span_of(seconds, step)
        place = self._place(pool_id, scope)
        chosen = self._chosen(place, scope)
        return self._histories.answer(Asked(pool_id, chosen, span, scope.namespaces is not None))

    def _place(self, pool_id: str, scope: Scope) -> _Place:
        state = self._state()
        pool = state.by_id.get(pool_id)
        cluster = self._places.where(pool_id, pool, scope)
        if cluster not in self._places.clusters:
            raise UpstreamUnavailable("Nobody tells of the nodes of its cluster", reason="no_data")
        return _Place(pool_id, cluster, state, pool)

    def _read(self, place: _Place, scope: Scope, parts: tuple[Part[Any], ...]) -> Snapshot:
        return self._fleet.snapshots(place.cluster, scope).read(*parts)

    def _kinds(self, place: _Place, snapshot: Snapshot) -> tuple[NodeClass, ...]:
        """Return the classes of nodes that the pool has in a snapshot."""
        members = self._members(place, snapshot)
        if place.pool is not None:
            return members.registered[place.id]
        return members.found[_found(place, members)]

    def _chosen(self, place: _Place, scope: Scope) -> Chosen:
        if place.pool is not None:
            return chosen_by(place.pool, place.state.pools)
        # Only its nodes tell that there is such a pool.
        members = self._members(place, self._read(place, scope, (STOCK,)))
        return chosen_of(_found(place, members), place.state.pools)

    def _members(self, place: _Place, snapshot: Snapshot) -> Membership:
        kinds = [each.kind for each in snapshot.part(STOCK)]
        default = self._places.default_cluster
        return shared(kinds, place.state.owners, place.cluster, default_cluster=default)


def _found(place: _Place, members: Membership) -> Found:
    for found in members.found:
        if found.id == place.id:
            return found
    raise _unknown()


def _unknown() -> ResourceNotFound:
    return ResourceNotFound("Pool not found")
