"""All that is stored of pools, kept for everybody until it changes."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.services.pools.membership import Owners
from queryapi.storage.records import Condition, Pool

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

# Beyond so many that changed they are all read: a statement has so much room.
_FEW = 200


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that is stored of pools, at one revision; what did not change is as it was before.

    Args:
        revision: Which.
        pools: The registered ones, oldest first.
        conditions: What was seen of pools, by id.
        by_id: The registered ones.
        owners: Which of them has which nodes: the same while none is made, deleted or chooses
            others.
    """

    revision: int = 0
    pools: tuple[Pool, ...] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    by_id: Mapping[str, Pool] = field(default_factory=dict)
    owners: Owners = field(default_factory=lambda: Owners(()))


@dataclass(frozen=True, slots=True)
class Write:
    """What one write has changed.

    Args:
        revision: What it made.
        pool_id: The pool.
        pool: As it is now; None = it is gone, and so is its condition.
        condition: That of a new one.
    """

    revision: int
    pool_id: str
    pool: Pool | None = None
    condition: Condition | None = None


_NOTHING = State()


class States:
    """Reads the state; what any process has written is in it.

    Args:
        store: Where it is stored; None = nowhere.
    """

    def __init__(self, store: "Store | None") -> None:
        self._store = store
        self._lock = threading.Lock()
        self._newest: State | None = None
        self._loading: dict[int, Future[State]] = {}

    def now(self) -> State:
        """Return all that is stored now, read once per revision; raises StoreUnavailable."""
        if self._store is None:
            return _NOTHING
        known = self._newest
        revision = self._store.revision()
        if known is not None and known.revision == revision:
            return known
        newest = self._newest
        # Written here meanwhile. One known before is newer only where a copy was restored.
        if newest is not None and newest is not known and newest.revision >= revision:
            return newest
        return self._loaded(self._store, revision)

    def with_(self, pool: Pool) -> State:
        """Return a state that has a pool as it was stored here, unless others changed it since."""
        newest = self._newest
        if newest is not None and newest.by_id.get(pool.id) is pool:
            return newest
        return self.now()

    def look(self) -> None:
        """Read what is stored, unless that was ever done: `wrote` goes on from there."""
        if self._newest is None:
            self.now()

    def of(self, revision: int) -> State | None:
        """Return all that was stored at a revision, if that is known here; asks nobody."""
        known = self._newest
        return known if known is not None and known.revision == revision else None

    def at_hand(self) -> State | None:
        """Return what `now` would where nobody need be asked, else None."""
        if self._store is None:
            return _NOTHING
        known = self._newest
        if known is None or not self._store.alone or known.revision != self._store.revision():
            return None
        return known

    def wrote(self, write: Write) -> None:
        """Take over what this process has stored, so that nobody reads all for it.

        Called in the order of writes. Where others wrote in between, the next who asks reads.
        """
        with self._lock:
            known = self._newest
            if known is not None and known.revision == write.revision - 1:
                self._newest = _after(known, write)

    def _loaded(self, store: "Store", revision: int) -> State:
        mine = Future[State]()
        with self._lock:
            loading = self._loading.setdefault(revision, mine)
        if loading is not mine:
            return loading.result()
        before = self._newest
        try:
            state = _read(store, before or _NOTHING)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            with self._lock:
                newest = self._newest
                # What was written here meanwhile may be newer.
                if newest is None or newest is before or newest.revision < state.revision:
                    self._newest = state
            mine.set_result(state)
        finally:
            with self._lock:
                del self._loading[revision]
        return state


class Writes:
    """What a transaction writes, until it is stored."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._written: list[Write] = []

    def add(self, write: Write) -> None:
        """Note a write."""
        self._written.append(write)

    def take_over(self) -> None:
        """It is stored."""
        for write in self._written:
            self._states.wrote(write)


def _after(known: State, write: Write) -> State:
    """Return the state that one write has made."""
    id_, pool = write.pool_id, write.pool
    before = known.by_id.get(id_)
    by_id, seen = dict(known.by_id), known.conditions
    if pool is None:
        by_id.pop(id_, None)
    else:
        # One that is there keeps its place.
        by_id[id_] = pool
    if pool is None or write.condition is not None:
        seen = dict(seen)
        seen.pop(id_, None)
        if write.condition is not None:
            seen[id_] = write.condition
    same = before is not None and pool is not None and _chooses(before) == _chooses(pool)
    return _state(write.revision, by_id, seen, known.owners if same else None)


def _read(store: "Store", known: State) -> State:
    """Return what is stored, of which only what differs from what is known is read in full."""
    with store.reading() as session:
        revision = storage.pools.revision(session)
        found = _pools(session, known)
        seen = storage.conditions.every(session)
    same = {id_: was for id_, was in known.conditions.items() if seen.get(id_) == was}
    before = list(map(_chooses, known.pools))
    owners = known.owners if before == list(map(_chooses, found.values())) else None
    return _state(revision, found, seen | same, owners)


def _pools(session: "Session", known: State) -> dict[str, Pool]:
    was = {storage.pools.edition(pool): pool for pool in known.pools}
    if not was:
        return {pool.id: pool for pool in storage.pools.every(session)}
    editions = storage.pools.editions(session)
    changed = [one[0] for one in editions if one not in was]
    few = len(changed) <= _FEW
    read = storage.pools.some(session, changed) if few else storage.pools.every(session)
    news = {pool.id: pool for pool in read}
    return {one[0]: was.get(one) or news[one[0]] for one in editions}


def _chooses(pool: Pool) -> tuple[object, ...]:
    return pool.id, pool.cluster, pool.selector


def _state(
    revision: int, by_id: dict[str, Pool], seen: Mapping[str, Condition], owners: Owners | None
) -> State:
    found = tuple(by_id.values())
    return State(revision, found, seen, by_id, owners or Owners(found))
