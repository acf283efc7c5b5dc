"""Pools are created once, changed without losing anybody's change, and never forgotten."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from queryapi.access.principal import Scope
from queryapi.errors import (
    Conflict,
    InvalidParameter,
    KeyReused,
    NotPermitted,
    PreconditionFailed,
    ResourceNotFound,
    StoreUnavailable,
)
from queryapi.services.pools.registering.drafts import Caller, Patch, Repeatable
from queryapi.storage import activity, idempotency
from queryapi.storage import pools as stored
from queryapi.storage.engine import Session, Store
from queryapi.storage.records import Pool, Status
from tests.support.pools import ADMIN, DRAFT, KEY, NOON, Sky, kind, numbers, registry, told


def test_a_new_pool_is_as_its_draft_says(store: Store) -> None:
    """It has the next number, nodes of its own label, no condition but the first, one activity."""
    pools = registry(store)

    written = pools.create(DRAFT, ADMIN, None)

    assert ("pool-1", 1, False) == (written.pool_id, written.version, written.replayed)
    (stored,) = pools.pools()
    assert (DRAFT.name, DRAFT.node_types, "c") == (stored.name, stored.node_types, stored.cluster)
    assert {"pool": ("pool-1",)} == stored.selector
    assert (Status.INITIALIZING, NOON) == (
        pools.conditions()["pool-1"].status,
        pools.conditions()["pool-1"].first_seen,
    )
    assert [("pool-created", "Created with 8 nodes")] == told(pools)
    assert {"status": "initializing", "nodeCount": 8, "gpuUtilization": 0, "gpus": 0}.items() <= (
        msgspec.json.decode(written.body).items()
    )


def test_the_same_request_creates_one_pool(store: Store) -> None:
    """Whoever sends it again gets the first answer again, byte by byte, whatever happened since."""
    pools = registry(store)
    first = pools.create(DRAFT, ADMIN, KEY)
    pools.update("pool-1", Patch(name="Renamed"), ADMIN, None)

    again = pools.create(DRAFT, ADMIN, KEY)

    assert msgspec.structs.replace(first, replayed=True) == again
    assert 1 == len(pools.pools())


def test_a_key_belongs_to_one_request_of_one_caller(store: Store) -> None:
    """Another body under it is refused with advice; another caller has keys of their own."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, KEY)

    with pytest.raises(KeyReused, match="send a new key"):
        pools.create(DRAFT, ADMIN, Repeatable("k", "other"))
    assert not pools.create(DRAFT, Caller("bob", Scope()), KEY).replayed


def test_ids_are_never_given_again(store: Store) -> None:
    """The number of a deleted pool stays its own: clients and activities name it."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    pools.delete("pool-1", ADMIN, None)

    assert "pool-2" == pools.create(DRAFT, ADMIN, None).pool_id


def test_there_is_a_most(store: Store) -> None:
    """A client that creates pools in a loop is stopped; its keys are still understood."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, KEY)
    for _ in range(49):
        pools.create(DRAFT, ADMIN, None)

    with pytest.raises(Conflict, match="50 pools: delete"):
        pools.create(DRAFT, ADMIN, None)
    assert pools.create(DRAFT, ADMIN, KEY).replayed


def test_what_is_stored_is_read_once_per_change(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask, and whoever wrote: a thousand pools are not read with every request."""
    reads: list[Session] = []
    every = stored.every

    def counted(session: Session) -> tuple[Pool, ...]:
        reads.append(session)
        return every(session)

    monkeypatch.setattr(stored, "every", counted)
    pools, other = registry(store), registry(store)
    other.create(DRAFT, ADMIN, None)
    reads.clear()

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: pools.pools(), range(50)))

    assert (1, 1) == (len(set(map(id, seen))), len(reads))
    other.update("pool-1", Patch(name="x"), ADMIN, None)
    assert "x" == pools.pools()[0].name


def test_a_change_that_cannot_be_told_is_not_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no state without the activity that explains it, even when the service dies."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    before = pools.pools()

    def dies(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(activity, "row_of", dies)
    for write in (
        lambda: pools.create(DRAFT, ADMIN, None),
        lambda: pools.update("pool-1", Patch(name="x"), ADMIN, None),
        lambda: pools.delete("pool-1", ADMIN, None),
    ):
        with pytest.raises(MemoryError):
            write()
    monkeypatch.undo()
    # What it is remembered by comes last.
    monkeypatch.setattr(idempotency, "insert", dies)
    with pytest.raises(MemoryError):
        pools.create(DRAFT, ADMIN, KEY)
    monkeypatch.undo()

    assert before == registry(store).pools()
    assert 1 == len(told(pools))
    assert "pool-2" == pools.create(DRAFT, ADMIN, KEY).pool_id


def test_there_are_never_more_than_there_may_be(store: Store) -> None:
    """Whoever creates and deletes them, and whether they have read what others did."""
    both = registry(store), registry(store)
    for turn in range(50):
        both[turn % 2].create(DRAFT, ADMIN, None)

    for pools in both:
        with pytest.raises(Conflict, match="there are 50 pools"):
            pools.create(DRAFT, ADMIN, None)
    both[0].delete("pool-7", ADMIN, None)
    assert "pool-51" == both[1].create(DRAFT, ADMIN, None).pool_id
    with pytest.raises(Conflict, match="there are 50 pools"):
        both[0].create(DRAFT, ADMIN, None)
    assert 50 == len(both[0].pools())


def test_what_happened_to_a_deleted_pool_stays(store: Store) -> None:
    """Its name too; and a pool that there never was has no past."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    pools.delete("pool-1", ADMIN, {1})

    deleted, created = pools.activity(None, limit=10, pool_id="pool-1")

    assert ("pool-deleted", "Training", "admin") == (
        deleted.action, deleted.pool_name, deleted.user,
    )  # fmt: skip
    assert "pool-created" == created.action
    assert (created,) == pools.activity(None, limit=10, before=deleted.number)
    assert ((), {}) == (pools.pools(), pools.conditions())
    assert () == pools.activity(None, limit=10, pool_id="pool-9")
    with pytest.raises(ResourceNotFound):
        pools.delete("pool-1", ADMIN, None)


def test_a_pool_that_was_changed_is_not_deleted(store: Store) -> None:
    """Not by whoever has seen another version of it."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    pools.update("pool-1", Patch(name="x"), ADMIN, None)

    for expected in ({1}, frozenset[int]()):
        with pytest.raises(PreconditionFailed, match="read it again"):
            pools.delete("pool-1", ADMIN, expected)
    pools.delete("pool-1", ADMIN, {1, 2})


@pytest.mark.parametrize("pool_id", ["pool-7", "nobody", "d:nobody", "activity", "", "a\0"])
def test_an_unknown_pool_cannot_be_changed(store: Store, pool_id: str) -> None:
    """Whatever it is called."""
    pools = registry(store)

    with pytest.raises(ResourceNotFound):
        pools.update(pool_id, Patch(), ADMIN, None)
    with pytest.raises(ResourceNotFound):
        pools.delete(pool_id, ADMIN, None)


def test_a_pool_of_a_hidden_cluster_is_not_there(store: Store) -> None:
    """It can be neither changed nor deleted nor guessed, and none can be put there."""
    pools = registry(store, Sky(c=(numbers(kind("a")),), d=()))
    pools.create(DRAFT, ADMIN, None)
    other = Caller("d-admin", Scope(clusters=frozenset({"d"})))

    for pool_id in ("pool-1", "a"):
        with pytest.raises(ResourceNotFound):
            pools.update(pool_id, Patch(region="x"), other, {9})
        with pytest.raises(ResourceNotFound):
            pools.delete(pool_id, other, {9})
    with pytest.raises(InvalidParameter, match=r"cluster must be one of d$"):
        pools.create(DRAFT, other, None)
    pools.create(msgspec.structs.replace(DRAFT, cluster="d"), other, None)
    assert ["c", "d"] == [pool.cluster for pool in pools.pools()]


def test_callers_of_namespaces_change_nothing(store: Store) -> None:
    """Pools are hardware: it belongs to everybody."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    limited = Caller("team", Scope(namespaces=frozenset({"ml"})))

    for write in (
        lambda: pools.create(DRAFT, limited, None),
        lambda: pools.update("pool-1", Patch(name="x"), limited, None),
        lambda: pools.delete("pool-1", limited, None),
    ):
        with pytest.raises(NotPermitted):
            write()


def test_without_a_database_nothing_can_be_changed() -> None:
    """The answer names the setting; there are no pools and no past."""
    pools = registry(None)

    with pytest.raises(StoreUnavailable, match="set database_url"):
        pools.create(DRAFT, ADMIN, None)
    assert ((), {}, ()) == (pools.pools(), pools.conditions(), pools.activity(None, limit=5))
