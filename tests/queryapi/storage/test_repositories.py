"""What is stored is read as it was, in both databases."""

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy.exc import IntegrityError

from queryapi.storage import activity, conditions, idempotency, leases, members, pools
from queryapi.storage.engine import Store
from queryapi.storage.records import Change, Condition, Member, NodeType, Remembered, Status
from tests.support.stored import CREATED, POOL, names, pool, stored


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    with stored(database_url) as store:
        yield store


def test_a_pool_is_read_as_it_was_stored(store: Store) -> None:
    """Every field, beyond ASCII too; times to the fraction."""
    with store.writing() as session:
        pools.insert(session, POOL)

    with store.reading() as session:
        assert POOL == pools.find(session, "pool-1")
        assert (POOL,) == pools.every(session)
        assert None is pools.find(session, "pool-2")


def test_pools_are_in_the_order_of_their_creation(store: Store) -> None:
    """Whatever they are called, and whatever the clock did."""
    for name, at in (("b", 30.0), ("a", 10.0), ("c", 20.0)):
        with store.writing() as session:
            pools.insert(session, pool(name, created_at=at))
    with store.writing() as session:
        assert pools.delete(session, "a", seen=1)
        pools.insert(session, pool("a"))

    assert ["b", "c", "a"] == names(store)


def test_numbers_are_never_given_again(store: Store) -> None:
    """One that a pool had which is deleted stays its own."""
    given = []
    for _ in range(3):
        with store.writing() as session:
            given.append(number := pools.next_number(session)[0])
            pools.insert(session, pool(f"pool-{number}"))
        with store.writing() as session:
            assert pools.delete(session, f"pool-{number}", seen=1)

    assert [1, 2, 3] == given


def test_an_id_that_is_taken_is_a_defect(store: Store) -> None:
    """No caller of the API may be told to try again."""
    with store.writing() as session:
        pools.insert(session, POOL)

    with pytest.raises(IntegrityError), store.writing() as session:
        pools.insert(session, POOL)

    assert ["pool-1"] == names(store)


def test_only_the_version_that_was_seen_is_replaced(store: Store) -> None:
    """A change of what is gone is none."""
    changed = msgspec.structs.replace(POOL, version=2, name="n", node_types=(NodeType("b", 1),))
    with store.writing() as session:
        pools.insert(session, POOL)
        pools.insert(session, pool("pool-2"))

        assert not pools.update(session, changed, seen=2)
        assert POOL == pools.find(session, "pool-1")
        assert pools.update(session, changed, seen=1)
        assert (changed, pool("pool-2")) == pools.every(session)
        assert not pools.delete(session, "pool-1", seen=1)
        assert pools.delete(session, "pool-1", seen=2)
        assert (pool("pool-2"),) == pools.every(session)


def test_activities_are_told_newest_first_a_page_at_a_time(store: Store) -> None:
    """Of all pools or one, of all clusters or some; each has a number that only rises."""
    told = [
        msgspec.structs.replace(
            CREATED, pool_id=f"pool-{n % 2}", cluster=("a", "b", "c")[n % 3], details=str(n),
            changes=(Change("name", "before", "after"),), nodes=("n1", "n2"),
        )
        for n in range(9)
    ]  # fmt: skip
    with store.writing() as session:
        activity.add(session, told)

    with store.reading() as session:
        everything = activity.page(session, limit=100)
        first = activity.page(session, limit=4)
        assert told[::-1] == [msgspec.structs.replace(one, number=0) for one in everything]
        assert sorted({one.number for one in everything}) == [o.number for o in everything[::-1]]
        assert everything[:4] == first
        assert everything[4:] == activity.page(session, limit=9, before=first[-1].number)
        some = activity.page(session, limit=2, pool_id="pool-1", clusters=["a", "b"])
        assert ["7", "3"] == [one.details for one in some]
        assert () == activity.page(session, limit=9, clusters=[])


def test_an_id_that_no_database_can_hold_is_nobodys(store: Store) -> None:
    """PostgreSQL takes no text with a zero in it, not even to look for it."""
    with store.writing() as session:
        assert pools.find(session, "pool-1\0") is None
        assert () == activity.page(session, limit=1, pool_id="\0")


def test_old_activities_are_forgotten_a_few_at_a_time(store: Store) -> None:
    """The oldest first: by their age, and beyond so many; numbers go on."""
    with store.writing() as session:
        activity.add(session, [msgspec.structs.replace(CREATED, at=float(n)) for n in range(10)])

    def left() -> list[float]:
        with store.reading() as session:
            return [one.at for one in activity.page(session, limit=100)][::-1]

    def pruned(*, older_than: float, most: int) -> int:
        with store.writing() as session:
            return activity.prune(session, older_than=older_than, most=most, batch=3)

    assert 0 == pruned(older_than=0.0, most=10)
    assert 3 == pruned(older_than=4.0, most=10)
    assert [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] == left()
    assert 1 == pruned(older_than=4.0, most=10)
    assert 3 == pruned(older_than=4.0, most=2)
    assert 1 == pruned(older_than=4.0, most=2)
    assert [8.0, 9.0] == left()
    assert 2 == pruned(older_than=4.0, most=0)
    assert [] == left()
    with store.writing() as session:
        activity.add(session, [CREATED])
        assert 11 == activity.page(session, limit=1)[0].number


def test_answers_are_one_users(store: Store) -> None:
    """The same key of another user is another one; what is old is forgotten, oldest first."""
    answers = [Remembered("k", user, "digest", "pool-1", 3, b"\x00\xff{}", at)
        for user, at in (("ann", 3.0), ("bob", 1.0), ("eve", 2.0))]  # fmt: skip
    with store.writing() as session:
        for answer in answers:
            assert None is idempotency.find(session, answer.key, answer.user)
            idempotency.insert(session, answer)

    with store.writing() as session:
        assert answers == [idempotency.find(session, "k", one.user) for one in answers]
        assert None is idempotency.find(session, "ann", "k")
        assert 1 == idempotency.prune(session, older_than=3.0, batch=1)
        assert None is idempotency.find(session, "k", "bob")
        assert 1 == idempotency.prune(session, older_than=3.0, batch=9)
        assert 0 == idempotency.prune(session, older_than=3.0, batch=9)
        assert answers[0] == idempotency.find(session, "k", "ann")


def test_members_replace_what_was_known_of_the_same_node(store: Store) -> None:
    """Nodes of the same name in two clusters are two."""
    first = Member("a", "n1", "pool-1", "a100-8", cordoned=False)
    other = Member("b", "n1", "pool-2", "a100-8", cordoned=True, missing_since=7.5)
    gone = Member("a", "n2", "pool-1", "a100-8", cordoned=False)
    with store.writing() as session:
        members.put(session, [first, other, gone])
        moved = msgspec.structs.replace(first, pool_id="pool-3", missing_since=1.0)
        members.put(session, [moved])
        members.put(session, [])

        assert {"n1": moved, "n2": gone} == members.of_cluster(session, "a")
        members.forget(session, "a", ["n1", "n2", "n3"])
        members.forget(session, "a", [])
        assert {} == members.of_cluster(session, "a")
        assert {"n1": other} == members.of_cluster(session, "b")


def test_conditions_replace_what_was_known_of_the_same_pool(store: Store) -> None:
    """With a state that it seems to be in, or without."""
    calm = Condition("pool-1", "a", Status.ACTIVE, 1.5, None, None, 1.0, "one")
    torn = Condition("b:x", "b", Status.ACTIVE, 1.5, Status.DEGRADED, 2.5, 1.0)
    with store.writing() as session:
        conditions.put(session, [torn, calm])
        assert {"pool-1": calm, "b:x": torn} == conditions.every(session)

        settled = msgspec.structs.replace(
            torn, status=Status.DEGRADED, candidate=None, candidate_since=None
        )
        conditions.put(session, [settled])
        conditions.forget(session, ["pool-1", "none"])
        assert {"b:x": settled} == conditions.every(session)


def test_a_lease_is_one_holders_until_it_ends(store: Store) -> None:
    """It may be renewed, ended, and taken by another when its time is over."""

    def takes(holder: str, now: float, name: str = "observer") -> bool:
        with store.writing() as session:
            return leases.take(session, name, holder, now=now, seconds=10)

    assert takes("a", 100)
    assert not takes("b", 109.9)
    assert takes("b", 100, "another")
    assert takes("a", 109)
    assert not takes("b", 118.9)
    assert takes("b", 119)
    assert not takes("a", 120)
    with store.writing() as session:
        leases.give_back(session, "observer", "a")
    assert not takes("a", 120)
    with store.writing() as session:
        leases.give_back(session, "observer", "b")
    assert takes("a", 120)


def test_a_lease_ends_although_the_clock_was_set_back(store: Store) -> None:
    """Its holder died with a time that is hours away: nobody can hold one for so long."""

    def takes(holder: str, now: float) -> bool:
        with store.writing() as session:
            return leases.take(session, "observer", holder, now=now, seconds=10)

    assert takes("a", 7_200)
    assert takes("b", 100)
    assert not takes("a", 105)
    assert takes("b", 105)
