"""One process of all observes pools, and another one goes on where it ends."""

import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing

import pytest

from queryapi.services.pools.observing.observer import OBSERVING
from queryapi.services.tenure import Tenure
from queryapi.storage.engine import Store
from tests.support.observed import SETTINGS, Cluster, Time, entries, process_of
from tests.support.postgresql import PostgresqlServer, postgresql_server


@pytest.fixture(name="postgresql", scope="module")
def _postgresql() -> Iterator[PostgresqlServer]:
    """One of our own: what it writes to its disk is counted."""
    with postgresql_server() as server:
        yield server


@pytest.mark.e2e
def test_one_of_two_processes_observes(postgresql: PostgresqlServer) -> None:
    """The other waits, and goes on at once where the first one ended, without a second entry."""
    url, clock, cluster = postgresql.fresh(), Time(), Cluster()
    with (
        closing(Store(url)) as one,
        closing(Store(url)) as two,
        process_of(one, clock, c=cluster) as first,
        process_of(two, clock, c=cluster) as second,
    ):
        for _ in range(3):
            first.look()
            second.look()

        assert 3 == second.counted("elsewhere")
        first.observer.begin()
        first.observer.end()
        cluster.nodes = 9
        second.look()

        assert ["pool-discovered", "node-added"] == [action for action, _ in entries(two)]


@pytest.mark.e2e
def test_the_place_of_one_that_died_is_taken(postgresql: PostgresqlServer) -> None:
    """A minute later; and should it live after all, it writes nothing of what it sees."""
    url, clock = postgresql.fresh(), Time()
    slow, cluster = Cluster(), Cluster()
    with (
        closing(Store(url)) as one,
        closing(Store(url)) as two,
        process_of(one, clock, c=slow) as first,
        process_of(two, clock, c=cluster) as second,
    ):
        first.look()
        slow.nodes = 100
        slow.gate.clear()
        begun = first.observer.round()
        clock.now += 59
        second.look()
        clock.now += 2
        second.look()
        slow.gate.set()
        wait(begun.values())

        assert (1, 1) == (second.counted("elsewhere"), second.counted("unchanged"))
        assert 1 == first.counted("elsewhere")
        assert ["pool-discovered"] == [action for action, _ in entries(two)]


@pytest.mark.e2e
def test_a_fast_clock_takes_no_lease(
    postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's clock counts: two hosts an hour apart do not take turns, nor rest for one."""
    url, now = postgresql.fresh(), time.time()
    with closing(Store(url)) as one, closing(Store(url)) as two:
        assert Tenure(one, OBSERVING, SETTINGS.observe).hold()
        monkeypatch.setattr(time, "time", lambda: now + 3600)

        assert not Tenure(two, OBSERVING, SETTINGS.observe).hold()


@pytest.mark.e2e
def test_a_lease_is_renewed_seldom(postgresql: PostgresqlServer) -> None:
    """An idle fleet costs a shared database one write in half a minute."""
    url, clock = postgresql.fresh(), Time()
    with closing(Store(url)) as store, process_of(store, clock, c=Cluster()) as process:
        for _ in range(3):
            process.look()
        before = postgresql.say("SELECT pg_current_wal_lsn()")
        process.look()

        assert before == postgresql.say("SELECT pg_current_wal_lsn()")
