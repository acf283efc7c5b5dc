"""A cluster's pools ready to be told, as one kind of callers sees them; made anew where it must."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from queryapi.services.pools.answers import PoolItem
from queryapi.services.pools.membership import (
    Found,
    Membership,
    Owners,
    fits,
    label_of,
    shared,
)
from queryapi.services.pools.model import ClassNumbers, NodeClass
from queryapi.services.pools.registering.state import State
from queryapi.services.pools.rows import (
    FOUND,
    Row,
    Sight,
    found_row,
    is_away,
    numbers_of,
    remembered,
)
from queryapi.services.pools.views import Light, item_of, summary_of
from queryapi.storage.records import Condition, Pool

Kinds = Iterable[NodeClass]


class Entry(NamedTuple):
    """One pool: what it is made of, and how it is told."""

    row: Row
    item: PoolItem
    body: bytes


class Board:
    """The pools of one cluster while what is seen of its nodes is the same.

    Whatever is written meanwhile, a pool is worked out again only where it or its nodes changed:
    with a thousand pools one write costs one of them.

    Args:
        cluster: Its name.
        default_cluster: The one whose found pools have plain ids.
        sight: What is seen; None = nothing can be read.
        light: How it is told.
        now: The time, in Unix seconds.
    """

    def __init__(
        self, cluster: str, default_cluster: str, sight: Sight | None, light: Light, now: float
    ) -> None:
        self._cluster = cluster
        self._default = default_cluster
        self._light = light
        self._now = now
        self._read = sight is not None
        self._numbers = numbers_of(sight)
        self._by_label: dict[str, list[NodeClass]] = {}
        for kind in self._numbers:
            self._by_label.setdefault(kind.pool, []).append(kind)
        self._members: tuple[Owners, Membership] | None = None
        self._entries: dict[str, Entry] = {}

    def every(self, state: State) -> dict[str, Entry]:
        """Return all pools by id: the registered ones by age, then found ones by id."""
        members = self._membership(state.owners)
        entries = {
            pool.id: self._registered(pool, members.registered[pool.id], state)
            for pool in state.pools
            if pool.cluster == self._cluster
        }
        found = {**self._remembered(state), **members.found}
        for one in sorted(found, key=lambda one: one.id):
            if one.id not in entries:
                entries[one.id] = self._found(one, found[one], state)
        # What is gone need not be kept.
        self._entries = dict(entries)
        return entries

    def one(self, state: State, pool_id: str) -> Entry | None:
        """Return one pool, without a look at the others."""
        pool = state.by_id.get(pool_id)
        if pool is not None and pool.cluster == self._cluster:
            return self._registered(pool, self._kinds(pool, state.owners), state)
        one = Found(pool_id, self._cluster, label_of(pool_id, self._cluster))
        condition = state.conditions.get(pool_id) if pool is None else None
        known = condition is not None and condition.cluster == self._cluster
        if known and (not self._read or is_away(one, self._by_label)):
            return self._found(one, (), state)
        if not self._read:
            return None
        owners = state.owners.of(self._cluster)
        if owners.free_id(self._cluster, one.label, default_cluster=self._default) != pool_id:
            return None
        kinds = [k for k in self._by_label.get(one.label, ()) if owners.of(k) is None]
        return self._found(one, kinds, state) if kinds and one.label else None

    def told(self, row: Row) -> Entry:
        """Return a pool as it is told."""
        item = item_of(row, self._light)
        return Entry(row, item, msgspec.json.encode(item))

    def _registered(self, pool: Pool, kinds: Kinds, state: State) -> Entry:
        classes, condition = self._classes(kinds), state.conditions.get(pool.id)
        known = self._entries.get(pool.id)
        if known and known.row.pool is pool and _is_of(known.row, classes, condition):
            return known
        return self._kept(Row(pool, classes, condition))

    def _found(self, one: Found, kinds: Kinds, state: State) -> Entry:
        classes, condition = self._classes(kinds), state.conditions.get(one.id)
        known = self._entries.get(one.id)
        if known and known.row.pool.version == FOUND and _is_of(known.row, classes, condition):
            return known
        return self._kept(found_row(one, classes, condition, self._now))

    def _kept(self, row: Row) -> Entry:
        entry = self._entries[row.pool.id] = self.told(row)
        return entry

    def _membership(self, owners: Owners) -> Membership:
        known = self._members
        if known is not None and known[0] is owners:
            return known[1]
        made = shared(self._numbers, owners, self._cluster, default_cluster=self._default)
        self._members = (owners, made)
        return made

    def _kinds(self, pool: Pool, owners: Owners) -> Kinds:
        """Return the classes of nodes that a registered pool has."""
        known = self._members
        if known is not None and known[0] is owners:
            return known[1].registered[pool.id]
        labels = pool.selector.get("pool")
        meant: Kinds = self._numbers
        if labels is not None and len(labels) == 1:
            meant = self._by_label.get(labels[0], ())
        own = owners.of(self._cluster)
        return [k for k in meant if fits(pool.selector, k) and own.of(k) == pool.id]

    def _classes(self, kinds: Kinds) -> tuple[ClassNumbers, ...]:
        return tuple([self._numbers[kind] for kind in kinds])

    def _remembered(self, state: State) -> Mapping[Found, tuple[NodeClass, ...]]:
        labels = self._by_label if self._read else None
        seen = state.conditions
        # Most are those of registered pools: not looked at one by one.
        unregistered = {id_: seen[id_] for id_ in seen.keys() - state.by_id.keys()}
        known = remembered(self._cluster, unregistered, labels)
        return dict.fromkeys(known, ())


def list_of(entries: Sequence[Entry], *, stale: bool = False) -> bytes:
    """Return pools as one list, with its summary."""
    summary = msgspec.json.encode(summary_of([one.item for one in entries]))
    return b"".join(_parts(summary, entries, stale=stale))


def _parts(summary: bytes, entries: Sequence[Entry], *, stale: bool) -> Iterator[bytes]:
    # What PoolList is encoded to: of the pools most are encoded already.
    yield b'{"summary":%b,"pools":[' % summary
    yield b",".join([one.body for one in entries])
    yield b'],"stale":true}' if stale else b"]}"


def _is_of(row: Row, classes: Sequence[ClassNumbers], condition: Condition | None) -> bool:
    """Tell whether a row is made of these: the same ones, so that comparing them costs nothing."""
    return row.condition is condition and row.classes == classes
