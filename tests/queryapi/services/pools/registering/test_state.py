"""What is known of all pools is what is stored, read in full as seldom as can be."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest

from queryapi.services.pools.registering.drafts import Patch
from queryapi.services.pools.registering.registry import Registry
from queryapi.services.pools.registering.state import State, States
from queryapi.storage import pools as stored
from queryapi.storage.engine import Session, Store
from queryapi.storage.records import NodeType, Pool
from tests.support.pools import ADMIN, DRAFT, Sky, kind, numbers, registry
from tests.support.postgresql import PostgresqlServer


class Reads:
    """Which pools were read in full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ids: list[str] = []
        every, some = stored.every, stored.some

        def every_(session: Session) -> tuple[Pool, ...]:
            return self._noted(every(session))

        def some_(session: Session, ids: Iterable[str]) -> tuple[Pool, ...]:
            return self._noted(some(session, ids))

        monkeypatch.setattr(stored, "every", every_)
        monkeypatch.setattr(stored, "some", some_)

    def _noted(self, found: tuple[Pool, ...]) -> tuple[Pool, ...]:
        self.ids += [pool.id for pool in found]
        return found


@pytest.fixture(name="reads")
def _reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def told(state: State) -> tuple[object, ...]:
    """Return what a state says, and what follows from it."""
    owners = state.owners.of("c")
    label = [owners.of(kind(label)) for label in ("pool-1", "pool-2", "a", "new")]
    return state.revision, state.pools, state.conditions, state.by_id, owners.ids, label


def test_what_is_written_here_is_known_without_reading(store: Store, reads: Reads) -> None:
    """Of every kind of write, as whoever reads all of it finds it."""
    pools = registry(store, Sky(c=(numbers(kind("a")),), d=()))
    assert () == pools.pools()
    for write in (
        lambda: pools.create(DRAFT, ADMIN, None),
        lambda: pools.create(DRAFT, ADMIN, None),
        lambda: pools.update("pool-1", Patch(name="x"), ADMIN, None),
        lambda: pools.update("a", Patch(node_types=(NodeType("t", 3),)), ADMIN, None),
        lambda: pools.update("pool-1", Patch(selector={"pool": ("new",)}), ADMIN, None),
        lambda: pools.update("pool-2", Patch(), ADMIN, None),
        lambda: pools.delete("pool-1", ADMIN, None),
        lambda: pools.delete("a", ADMIN, None),
        lambda: pools.update("a", Patch(name="b"), ADMIN, None),
    ):
        write()
        known = pools.states.now()
        assert [] == reads.ids
        assert told(States(store).now()) == told(known)
        reads.ids.clear()


def test_what_is_not_stored_is_not_known(store: Store) -> None:
    """Who waits for a write is told when everybody can read it, and never of one that failed."""
    seen: list[int] = []

    def see() -> None:
        seen.append(store.revision())

    with store.writing(see) as session:
        stored.touch(session)
        assert [] == seen
    with suppress(RuntimeError), store.writing(see) as session:
        stored.touch(session)
        raise RuntimeError

    assert [1] == seen
    assert 1 == States(store).now().revision


def test_of_what_others_write_only_that_is_read(postgresql: PostgresqlServer, reads: Reads) -> None:
    """However many pools there are; and what one process knows, all know."""
    with doors(postgresql, 2) as (one, other):
        for _ in range(4):
            one.create(DRAFT, ADMIN, None)
        assert told(one.states.now()) == told(other.states.now())
        reads.ids.clear()

        other.update("pool-3", Patch(name="x"), ADMIN, None)
        one.update("pool-2", Patch(selector={"pool": ("new",)}), ADMIN, None)
        other.delete("pool-1", ADMIN, None)
        assert told(one.states.now()) == told(other.states.now())
        one.create(DRAFT, ADMIN, None)
        assert told(one.states.now()) == told(other.states.now())

    # The second one by both: who has not read what came before does not know what its write made.
    assert ["pool-2", "pool-2", "pool-3", "pool-5"] == sorted(reads.ids)


def test_a_copy_that_was_restored_is_read(store: Store) -> None:
    """What was written after the copy was made is gone, although it is known here."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    known = pools.states.now()
    pools.create(DRAFT, ADMIN, None)
    assert 2 == len(pools.pools())

    with store.writing() as session:
        for statement in (
            "DELETE FROM pools WHERE id = 'pool-2'",
            "DELETE FROM conditions WHERE pool_id = 'pool-2'",
            "UPDATE numbers SET value = value - 1 WHERE name = 'revision'",
        ):
            session.exec_driver_sql(statement)

    assert told(known) == told(pools.states.now())


@contextmanager
def doors(postgresql: PostgresqlServer, count: int) -> Iterator[tuple[Registry, ...]]:
    """Give registries as so many processes have them."""
    url = postgresql.fresh()
    stores = [Store(url) for _ in range(count)]
    try:
        yield tuple(map(registry, stores))
    finally:
        for store in stores:
            store.close()
