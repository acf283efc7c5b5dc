"""Compute pools for callers: what is wanted of them, beside what is seen of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import UNSET

from queryapi.access.principal import Scope
from queryapi.cache.memo import Answers, Shelf
from queryapi.cache.prepared import Prepared, prepare
from queryapi.errors import ResourceNotFound, UpstreamUnavailable
from queryapi.services.freshness import Freshness
from queryapi.services.pools.answers import Activities, ActivityItem, ChangeItem
from queryapi.services.pools.board import Board, Entry, list_of
from queryapi.services.pools.latest import Latest
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.planning.planner import Planner
from queryapi.services.pools.registering.drafts import Caller, Draft, Expected, Patch, Repeatable
from queryapi.services.pools.registering.places import Places
from queryapi.services.pools.registering.registry import Registry, Written
from queryapi.services.pools.registering.state import State
from queryapi.services.pools.rows import Row
from queryapi.services.pools.sights import Glimpse, Sights
from queryapi.services.pools.views import Light
from queryapi.services.snapshot import Answer
from queryapi.services.wording import second
from queryapi.storage.records import Activity

_DAY = 86400
_LIST = "pools"
# Callers who see the same have the same: so many kinds of them are remembered.
_KINDS_KEPT = 64


class One(NamedTuple):
    """One pool's answer, and the version of what is wanted of it: 0 = nobody registered it."""

    answer: Answer
    version: int


class Pools:
    """Reads and changes pools, as far as a caller may.

    Args:
        registry: What is wanted.
        sights: What is seen.
        planner: Tells of room and of the past.
        places: Where pools can be.
        answers: Keeps what was made for callers.
        terms: When what is seen of pools counts.
        clock: Unix seconds.
    """

    def __init__(
        self,
        registry: Registry,
        sights: Sights,
        planner: Planner,
        places: Places,
        answers: Answers,
        *,
        terms: Terms,
        clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._sights = sights
        self._planner = planner
        self._places = places
        self._answers = answers
        self._terms = terms
        self._clock = clock
        self._boards: Latest[Board] = Latest(_KINDS_KEPT)
        self._shelves: Latest[Shelf] = Latest(_KINDS_KEPT, Shelf.close)

    def list(self, scope: Scope) -> Answer:
        """Return all pools that *scope* shows; of a cluster that hangs, what is wanted of them.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        state = self._registry.states.now()
        glimpses = self._sights.all(self._clusters(state, scope), scope)
        return Answer(self._listed(state, glimpses, scope), self._freshness(glimpses))

    def ready_list(self, scope: Scope) -> Answer | None:
        """Return what `list` would, if that needs no waiting."""
        state = self._registry.states.at_hand()
        if state is None:
            return None
        glimpses = self._sights.at_hand(self._clusters(state, scope), scope)
        if glimpses is None:
            return None
        prepared = self._shelf(state, glimpses, scope).find(_LIST)
        return None if prepared is None else Answer(prepared, self._freshness(glimpses))

    def one(self, pool_id: str, scope: Scope) -> One:
        """Return one pool.

        Raises:
            ResourceNotFound: When there is none, or *scope* does not show it.
            UpstreamUnavailable: When only nodes could tell whether there is, and nobody tells.
            StoreUnavailable: When the database does not answer.
        """
        state = self._registry.states.now()
        cluster = self._places.where(pool_id, state.by_id.get(pool_id), scope)
        glimpse = self._sights.one(cluster, scope)
        entry = self._board(glimpse, scope).one(state, pool_id)
        if entry is None and glimpse.sight is None:
            raise UpstreamUnavailable("What nodes say of pools cannot be read now", reason="failed")
        if entry is None:
            raise ResourceNotFound("Pool not found")
        return self._told(entry, glimpse)

    def activity(
        self, scope: Scope, *, limit: int, pool_id: str | None = None, before: int | None = None
    ) -> Activities:
        """Return what happened, newest first, to pools that are gone too.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        found = self._registry.activity(scope.clusters, limit=limit, pool_id=pool_id, before=before)
        return Activities(tuple(map(_activity_item, found)))

    def capacity(self, pool_id: str, scope: Scope, *, gpus: int) -> Answer:
        """Return whether a pod of so many GPUs would find room in a pool now, see Planner."""
        return self._planner.capacity(pool_id, scope, gpus=gpus)

    def history(
        self, pool_id: str, scope: Scope, *, seconds: int | None, step: int | None
    ) -> Answer:
        """Return a pool in the past, see Planner."""
        return self._planner.history(pool_id, scope, seconds=seconds, step=step)

    def create(self, draft: Draft, caller: Caller, repeat: Repeatable | None) -> Written:
        """Register a pool, once per *repeat*; see Registry."""

        def light_of(cluster: str) -> Light:
            return self._light(self._sights.soon(cluster, caller.scope), caller.scope)

        return self._registry.create(draft, caller, repeat, light_of=light_of)

    def update(self, pool_id: str, patch: Patch, caller: Caller, expected: Expected) -> One:
        """Change a pool and return it as it was stored, see Registry."""
        pool = self._registry.update(pool_id, patch, caller, expected)
        # It is stored: whoever waits any longer may think that it is not.
        glimpse = self._sights.soon(pool.cluster, caller.scope)
        board, state = self._board(glimpse, caller.scope), self._registry.states.with_(pool)
        entry = board.one(state, pool.id)
        if entry is None or entry.row.pool is not pool:
            # Somebody else has changed it since: what is told is what was stored here.
            entry = board.told(replace(entry.row, pool=pool) if entry else Row(pool))
        return self._told(entry, glimpse)

    def delete(self, pool_id: str, caller: Caller, expected: Expected) -> None:
        """Delete a pool, see Registry."""
        self._registry.delete(pool_id, caller, expected)

    def _clusters(self, state: State, scope: Scope) -> Sequence[str]:
        """Return the clusters to tell of: pools of one that is configured no more are told too."""
        names = dict.fromkeys((*self._places.clusters, *(pool.cluster for pool in state.pools)))
        return [name for name in names if scope.shows(name)]

    def _board(self, glimpse: Glimpse, scope: Scope) -> Board:
        """Return a cluster's pools, worked out once for all who see the same of it."""
        now, cluster, sight = self._clock(), glimpse.cluster, glimpse.sight

        def make() -> Board:
            light = self._light(glimpse, scope)
            return Board(cluster, self._places.default_cluster, sight, light, now)

        stamp = (sight, glimpse.stale, now // _DAY)
        return self._boards.get((cluster, scope.namespaces), stamp, make)

    def _light(self, glimpse: Glimpse, scope: Scope) -> Light:
        return Light(
            self._terms,
            glimpse.freshness.at if glimpse.freshness else self._clock(),
            limited=scope.namespaces is not None,
            stale=glimpse.stale,
            read=glimpse.sight is not None,
        )

    def _shelf(self, state: State, glimpses: Sequence[Glimpse], scope: Scope) -> Shelf:
        seen = tuple((one.cluster, one.sight, one.stale) for one in glimpses)
        key = (tuple(one.cluster for one in glimpses), scope.namespaces)
        stamp = (state, seen, self._clock() // _DAY)
        return self._shelves.get(key, stamp, self._answers.shelf)

    def _listed(self, state: State, glimpses: Sequence[Glimpse], scope: Scope) -> Prepared:
        def build() -> Prepared:
            entries: dict[str, Entry] = {}
            for glimpse in glimpses:
                entries |= self._board(glimpse, scope).every(state)
            found = sorted(entries.keys() - state.by_id.keys())
            ids = [pool.id for pool in state.pools if pool.id in entries] + found
            stale = self._freshness(glimpses).stale
            return prepare(list_of([entries[id_] for id_ in ids], stale=stale))

        return self._shelf(state, glimpses, scope).get(_LIST, build)

    def _told(self, entry: Entry, glimpse: Glimpse) -> One:
        answer = Answer(prepare(entry.body), self._freshness([glimpse]))
        return One(answer, entry.row.pool.version)

    def _freshness(self, glimpses: Sequence[Glimpse]) -> Freshness:
        """Return the oldest one's; those that cannot be read make it stale.

        Nobody may keep an answer without asking again: anyone can change a pool at any time.
        """
        read = [one.freshness for one in glimpses if one.freshness is not None]
        warnings = dict.fromkeys(warning for one in read for warning in one.warnings)
        missing = any(
            one.freshness is None and one.cluster in self._places.clusters for one in glimpses
        )
        return Freshness(
            at=min((one.at for one in read), default=self._clock()),
            age=max((one.age for one in read), default=0.0),
            lifetime=0.0,
            stale=missing or any(one.stale for one in read),
            warnings=tuple(warnings),
        )


def _activity_item(told: Activity) -> ActivityItem:
    changes = tuple(ChangeItem(one.field, one.before, one.after) for one in told.changes)
    return ActivityItem(
        id=f"act-{told.number}",
        pool_id=told.pool_id,
        pool_name=told.pool_name,
        action=told.action,
        details=told.details,
        timestamp=second(told.at),
        user=told.user,
        changes=changes or UNSET,
        nodes=told.nodes or UNSET,
    )
