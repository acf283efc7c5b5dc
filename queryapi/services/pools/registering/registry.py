"""The pools that somebody has registered: every change and what is told of it, stored as one."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from queryapi import storage
from queryapi.errors import (
    Conflict,
    KeyReused,
    NotPermitted,
    PreconditionFailed,
    ResourceNotFound,
    StoreUnavailable,
)
from queryapi.services.pools import lifecycle
from queryapi.services.pools.registering import changes
from queryapi.services.pools.registering.drafts import Caller, Draft, Expected, Patch, Repeatable
from queryapi.services.pools.registering.places import Places
from queryapi.services.pools.registering.state import States, Write, Writes
from queryapi.services.pools.rows import FOUND, Row
from queryapi.services.pools.views import JUST_CREATED, Light, item_of, status_of
from queryapi.storage.records import Activity, Condition, Pool, Remembered

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

MOST_POOLS = 10_000
"""More than any fleet has: a client that creates them in a loop must not fill the disk."""

_NO_STORE = "no database is configured: set database_url"


class Written(msgspec.Struct, frozen=True):
    """A pool that was created.

    Args:
        pool_id: Its id.
        version: The version of it that `body` tells of.
        body: What is answered: the same bytes when the request comes again.
        replayed: Whether it has come again, and created nothing.
    """

    pool_id: str
    version: int
    body: bytes
    replayed: bool


class Registry:
    """Keeps the pools; every process reads what any has written.

    Args:
        store: Where; None = nowhere: there are none, and none can be created.
        places: Where pools can be.
        clock: Unix seconds.
        most: How many there may be.
    """

    def __init__(
        self,
        store: "Store | None",
        places: Places,
        clock: Callable[[], float],
        *,
        most: int = MOST_POOLS,
    ) -> None:
        self._store = store
        self._places = places
        self._clock = clock
        self._most = most
        self.states = States(store)
        """What is stored now."""

    def pools(self) -> tuple[Pool, ...]:
        """Return the registered pools, oldest first; raises StoreUnavailable."""
        return self.states.now().pools

    def conditions(self) -> Mapping[str, Condition]:
        """Return what was seen of pools, by id; raises StoreUnavailable."""
        return self.states.now().conditions

    def activity(
        self,
        clusters: Collection[str] | None,
        *,
        limit: int,
        pool_id: str | None = None,
        before: int | None = None,
    ) -> tuple[Activity, ...]:
        """Return what happened to pools of some clusters (None = of all), newest first.

        Pools that are gone are told of too.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        if self._store is None:
            return ()
        with self._store.reading() as session:
            return storage.activity.page(
                session, limit=limit, pool_id=pool_id, before=before, clusters=clusters
            )

    def create(
        self,
        draft: Draft,
        caller: Caller,
        repeat: Repeatable | None,
        *,
        light_of: Callable[[str], Light] = lambda _: JUST_CREATED,
    ) -> Written:
        """Store a new pool; of a request that comes again, return what it was answered.

        Args:
            draft: The pool.
            caller: Who wants it.
            repeat: What the request is known by when it comes again.
            light_of: Returns in which light a cluster's pools are told of.

        Raises:
            NotPermitted: When the caller is held to namespaces.
            InvalidParameter: When there is no such cluster, or they may not know of it.
            KeyReused: When the key came with another body before.
            Conflict: When there are too many.
            StoreUnavailable: When nothing could be stored.
        """
        store, now = self._writable(caller), self._clock()
        cluster, writes = self._places.cluster_of(draft, caller), Writes(self.states)
        # Not while other writers wait.
        light = light_of(cluster)
        self.states.look()
        with store.writing(writes.take_over) as session:
            known = repeat and storage.idempotency.find(session, repeat.key, caller.name)
            if repeat and known:
                return _again(known, repeat)
            number, revision = storage.pools.next_number(session)
            if self._count(session, revision) >= self._most:
                raise Conflict(f"there are {self._most} pools: delete those no longer needed")
            pool = changes.created(draft, f"pool-{number}", cluster, now)
            first = lifecycle.registered(pool.id, cluster, pool.name, now)
            body = msgspec.json.encode(item_of(Row(pool, condition=first), light))
            storage.creation.create(session, pool, first, changes.told_creation(pool, caller.name))
            if repeat:
                storage.idempotency.insert(
                    session,
                    Remembered(
                        repeat.key, caller.name, repeat.digest, pool.id, pool.version, body, now
                    ),
                )
            writes.add(Write(revision, pool.id, pool, first))
        return Written(pool.id, pool.version, body, replayed=False)

    def update(self, pool_id: str, patch: Patch, caller: Caller, expected: Expected) -> Pool:
        """Change a pool, or register one that was found, and return it; no change stores nothing.

        Whoever expects no version is never refused because somebody else changed it: what both
        say is merged, field by field.

        Raises:
            NotPermitted: When the caller is held to namespaces.
            ResourceNotFound: When there is none, or they may not know of it.
            PreconditionFailed: When it is another version than expected.
            InvalidParameter: When the patch tells of what cannot be changed.
            UpstreamUnavailable: When it cannot be told whether there is such a pool.
            StoreUnavailable: When nothing could be stored.
        """
        store, found = self._writable(caller), None
        while True:
            writes = Writes(self.states)
            with store.writing(writes.take_over) as session:
                pool = storage.pools.find(session, pool_id)
                row = found if pool is None else Row(pool, condition=_seen(session, pool, patch))
                if row is not None and (pool is not None or row.pool.version == FOUND):
                    self._allow(row.pool, caller, expected)
                    after = self._write(session, row, patch, caller)
                    if after is not pool:
                        writes.add(Write(storage.pools.touch(session), pool_id, after))
                    return after
            # Not while other writers wait.
            found = self._found(pool_id, caller)

    def delete(self, pool_id: str, caller: Caller, expected: Expected) -> None:
        """Delete a pool; what happened to it stays known.

        Raises:
            NotPermitted: When the caller is held to namespaces.
            ResourceNotFound: When there is none, or they may not know of it.
            PreconditionFailed: When it is another version than expected.
            Conflict: When it is there because its nodes say so.
            UpstreamUnavailable: When it cannot be told whether there is such a pool.
            StoreUnavailable: When nothing could be stored.
        """
        store, writes = self._writable(caller), Writes(self.states)
        with store.writing(writes.take_over) as session:
            pool = storage.pools.find(session, pool_id)
            if pool is not None:
                self._allow(pool, caller, expected)
                if not storage.pools.delete(session, pool_id, seen=pool.version):
                    raise StoreUnavailable("somebody else changes this pool: try again")
                storage.conditions.forget(session, [pool_id])
                storage.activity.add(
                    session, [changes.told_deletion(pool, caller.name, self._clock())]
                )
                writes.add(Write(storage.pools.touch(session), pool_id))
                return
        raise Conflict(
            "this pool is what nodes say: it goes when the pool label"
            f' "{self._found(pool_id, caller).pool.name}" is taken off the last one'
        )

    def _writable(self, caller: Caller) -> "Store":
        if caller.scope.namespaces is not None:
            raise NotPermitted("Pools belong to whole clusters, and this caller to namespaces")
        if self._store is None:
            raise StoreUnavailable(_NO_STORE, retry_after=None)
        return self._store

    def _found(self, pool_id: str, caller: Caller) -> Row:
        return self._places.found(pool_id, caller, self.states.now(), self._clock())

    def _count(self, session: "Session", revision: int) -> int:
        """Return how many pools there were before the write that makes a revision."""
        before = self.states.of(revision - 1)
        # Counting takes longer the more there are, and other writers wait.
        return storage.pools.count(session) if before is None else len(before.pools)

    def _allow(self, pool: Pool, caller: Caller, expected: Expected) -> None:
        if not caller.scope.shows(pool.cluster):
            raise ResourceNotFound("Pool not found")
        if expected is not None and pool.version not in expected:
            raise PreconditionFailed(
                "This pool was changed since: read it again, and send the change with its ETag"
            )

    def _write(self, session: "Session", row: Row, patch: Patch, caller: Caller) -> Pool:
        pool, now = row.pool, self._clock()
        changes.refuse_others(patch, pool, status_of(row))
        if pool.version == FOUND:
            if not row.classes:
                raise Conflict("none of this pool's nodes is there now: adopt it when they are")
            # What this write makes of the revision: no pool's versions rise faster than that, so
            # that one adopted again, after it was deleted, has none that it had before.
            after = changes.adopted(pool, patch, now, version=storage.pools.revision(session) + 1)
            told: tuple[Activity, ...] = (changes.told_adoption(after, caller.name),)
            storage.pools.insert(session, after)
        else:
            after = changes.changed(pool, patch, now)
            if after is pool:
                return pool
            told = changes.told_changes(pool, after, caller.name)
            if not storage.pools.update(session, after, seen=pool.version):
                raise StoreUnavailable("somebody else changes this pool: try again")
        storage.activity.add(session, told)
        return after


def _seen(session: "Session", pool: Pool, patch: Patch) -> Condition | None:
    """Return what was seen of a pool, where a patch tells of that."""
    return (
        None if patch.status is UNSET else storage.conditions.some(session, [pool.id]).get(pool.id)
    )


def _again(known: Remembered, repeat: Repeatable) -> Written:
    if known.digest != repeat.digest:
        raise KeyReused(
            "this Idempotency-Key came with another body before: send a new key with a new request"
        )
    return Written(known.pool_id, known.version, known.body, replayed=True)
