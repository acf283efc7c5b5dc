"""Many write at the same time: nothing is done twice, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from queryapi.errors import (
    PreconditionFailed,
)
from queryapi.services.pools.registering.drafts import Patch
from queryapi.services.pools.registering.registry import Registry
from queryapi.storage.engine import Store
from tests.support.pools import ADMIN, DRAFT, KEY, Sky, kind, numbers, registry, told
from tests.support.postgresql import PostgresqlServer

_WRITERS = 20


def test_a_key_used_by_many_at_once_creates_one_pool(store: Store) -> None:
    """All of them get the same answer, byte by byte."""
    doors = [registry(store) for _ in range(_WRITERS)]
    together = Barrier(_WRITERS, timeout=60)

    def create(pools: Registry) -> bytes:
        together.wait()
        return pools.create(DRAFT, ADMIN, KEY).body

    with ThreadPoolExecutor(_WRITERS) as threads:
        bodies = set(threads.map(create, doors))

    assert 1 == len(bodies)
    assert ["pool-1"] == [pool.id for pool in doors[0].pools()]
    assert [("pool-created", "Created with 8 nodes")] == told(doors[0])


@pytest.mark.e2e
def test_what_one_process_writes_the_others_read(postgresql: PostgresqlServer) -> None:
    """At once: a client's next request may come to any of them. A key creates one pool in all."""
    url = postgresql.fresh()
    stores = [Store(url) for _ in range(4)]
    try:
        doors = [registry(store) for store in stores]
        together = Barrier(len(doors), timeout=60)

        def create(pools: Registry) -> bytes:
            together.wait()
            return pools.create(DRAFT, ADMIN, KEY).body

        with ThreadPoolExecutor(len(doors)) as threads:
            assert 1 == len(set(threads.map(create, doors)))
        for place, pools in enumerate(doors):
            pools.update("pool-1", Patch(description=f"by {place}"), ADMIN, {place + 1})
            assert [f"by {place}"] * len(doors) == [other.pools()[0].description for other in doors]
        doors[3].delete("pool-1", ADMIN, None)
        assert [()] * len(doors) == [other.pools() for other in doors]
    finally:
        for store in stores:
            store.close()


def test_of_writers_who_expect_one_version_one_wins(store: Store) -> None:
    """The others are told to read it again; what won is stored whole."""
    doors = [registry(store) for _ in range(_WRITERS)]
    doors[0].create(DRAFT, ADMIN, None)
    together = Barrier(_WRITERS, timeout=60)

    def update(number: int) -> bool:
        together.wait()
        try:
            doors[number].update("pool-1", Patch(name=f"by {number}"), ADMIN, {1})
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(_WRITERS) as threads:
        won = list(threads.map(update, range(_WRITERS)))

    assert 1 == sum(won)
    (pool,) = doors[0].pools()
    assert (f"by {won.index(True)}", 2) == (pool.name, pool.version)
    assert 2 == len(told(doors[0]))


def test_writers_who_expect_nothing_lose_nothing(store: Store) -> None:
    """All changes are applied one after another, fields that only one of them named stay."""
    doors = [registry(store) for _ in range(_WRITERS)]
    doors[0].create(DRAFT, ADMIN, None)
    together = Barrier(_WRITERS, timeout=60)

    def update(number: int) -> int:
        together.wait()
        patch = Patch(name="n", tags=("t",)) if number == 7 else Patch(description=f"{number}")
        return doors[number].update("pool-1", patch, ADMIN, None).version

    with ThreadPoolExecutor(_WRITERS) as threads:
        versions = sorted(threads.map(update, range(_WRITERS)))

    assert list(range(2, _WRITERS + 2)) == versions
    (pool,) = doors[0].pools()
    assert ("n", ("t",), _WRITERS + 1) == (pool.name, pool.tags, pool.version)
    assert _WRITERS + 1 == len(told(doors[0]))


def test_many_adopt_a_pool_once(store: Store) -> None:
    """The first one registers it, the others change it."""
    sky = Sky(c=(numbers(kind("a")),), d=())
    doors = [registry(store, sky) for _ in range(_WRITERS)]
    together = Barrier(_WRITERS, timeout=60)

    def adopt(number: int) -> None:
        together.wait()
        doors[number].update("a", Patch(description=f"{number}"), ADMIN, None)

    with ThreadPoolExecutor(_WRITERS) as threads:
        list(threads.map(adopt, range(_WRITERS)))

    assert ["pool-adopted"] + ["configuration-changed"] * (_WRITERS - 1) == [
        action for action, _ in told(doors[0])
    ]
