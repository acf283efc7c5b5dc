"""Pools are observed: by one process, cluster by cluster, and only what is current counts."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from demo.processes import wait_for
from queryapi.storage import conditions, members, pools
from queryapi.storage.engine import Session, Store
from queryapi.storage.records import Status
from tests.support.observed import Cluster, entries, process_of, register


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "pools.db"


@pytest.fixture(name="store")
def _store(file: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{file}")) as store:
        yield store


def test_what_is_seen_is_stored_once(store: Store) -> None:
    """The pool is found, then degraded, then whole; readers learn of it by the revision."""
    cluster = Cluster()
    with process_of(store, c=cluster) as process:
        process.look()
        before = store.revision()
        cluster.ready = 6
        for _ in range(6):
            process.look()

    assert [
        ("pool-discovered", "Found 8 nodes by the label west"),
        ("status-changed", "Status changed from active to degraded: 6 of 8 nodes are ready"),
    ] == entries(store)
    assert store.revision() > before
    with store.reading() as session:
        assert Status.DEGRADED is conditions.every(session)["west"].status
        assert 8 == len(members.of_cluster(session, "c"))
    assert 2 == process.metrics.get_sample_value("gpuscope_api_pool_activities_total")


def test_an_idle_fleet_writes_nothing_to_the_disk(store: Store, file: Path) -> None:
    """Another connection sees no change, and the journal does not grow."""
    with process_of(store, c=Cluster()) as process:
        process.look()
        journal = file.with_name(file.name + "-wal")
        with closing(sqlite3.connect(file)) as other:
            size, version = journal.stat().st_size, other.execute("PRAGMA data_version").fetchone()
            for _ in range(10):
                process.look()

            assert 10 == process.counted("unchanged")
            assert (size, version) == (
                journal.stat().st_size,
                other.execute("PRAGMA data_version").fetchone(),
            )


@pytest.mark.parametrize(
    ("outcome", "ill"),
    [
        ("stale", Cluster(nodes=0, stale=True)),
        ("unreadable", Cluster(down=True)),
        ("unreadable", Cluster(nodes=0)),
        ("unreadable", Cluster(nodes=5)),
    ],
)
def test_what_is_old_or_missing_moves_nothing(store: Store, outcome: str, ill: Cluster) -> None:
    """However long it lasts: the nodes are as they were before and after it."""
    cluster = Cluster()
    with process_of(store, c=cluster) as process:
        process.look()
        cluster.nodes, cluster.stale, cluster.down = ill.nodes, ill.stale, ill.down
        for _ in range(20):
            process.look()
        cluster.nodes, cluster.stale, cluster.down = 8, False, False
        process.look()

        assert 20 == process.counted(outcome)
    assert ["pool-discovered"] == [action for action, _ in entries(store)]


def test_all_nodes_may_leave(store: Store) -> None:
    """Where the rules count none either, there are none."""
    cluster = Cluster()
    with process_of(store, c=cluster) as process:
        process.look()
        cluster.nodes, cluster.counted = 0, False
        for _ in range(6):
            process.look()

    assert [
        ("node-removed", "Removed 8 p4d.24xlarge nodes"),
        ("pool-gone", "Gone: it has no nodes any more"),
    ] == entries(store)[-2:]


def test_clusters_do_not_quarrel_over_an_id(store: Store) -> None:
    """A pool was adopted in d, which was the default cluster: c has one of that label too."""
    with store.writing() as session:
        register(session, "west", "d")
    with process_of(store, c=Cluster(), d=Cluster()) as process:
        for _ in range(8):
            process.look()

    assert [
        ("node-added", "Added 8 new p4d.24xlarge nodes"),
        ("pool-discovered", "Found 8 nodes by the label west"),
        ("status-changed", "Status changed from initializing to active: All 8 nodes are ready"),
    ] == sorted(entries(store))
    with store.reading() as session:
        assert {"west": "d", "c:west": "c"} == {
            id_: one.cluster for id_, one in conditions.every(session).items()
        }


def test_a_cluster_that_hangs_is_alone(store: Store) -> None:
    """The others are looked at, and it has one look under way and no more."""
    hung, well = Cluster(), Cluster()
    hung.gate.clear()
    with process_of(store, hung=hung, c=well) as process:
        for _ in range(3):
            process.observer.round()["c"].result(timeout=30)

        assert 1 + 2 == process.counted("changed") + process.counted("unchanged")
        assert 0 == process.counted("changed", "hung")
        hung.gate.set()
        process.observer.round()["hung"].result(timeout=30)
        assert 1 <= process.counted("changed", "hung")


def test_a_clock_that_is_set_back_tells_nothing_twice(store: Store) -> None:
    """Prometheus shows the past then: nodes that joined since are not gone, and join only once."""
    cluster = Cluster()
    with process_of(store, c=cluster) as process:
        process.look()
        cluster.nodes = cluster.ready = 9
        process.look()
        cluster.at, cluster.nodes = cluster.at - 3600, 8
        for _ in range(20):
            process.look()
        assert 20 == process.counted("stale")
        cluster.at, cluster.nodes = cluster.at + 3600, 9
        process.look()

        assert ["pool-discovered", "node-added"] == [action for action, _ in entries(store)]
        cluster.at -= 10 * 86400
        cluster.nodes = 10
        process.look()
    assert "node-added" == entries(store)[-1][0]
    assert 3 == len(entries(store))


class _Interrupted(Store):
    """A store in which somebody is faster: after a look is compared, before it is stored."""

    act: Callable[[Session], object] | None = None

    @contextmanager
    def writing(self, stored: Callable[[], object] | None = None) -> Iterator[Session]:
        """Let the other one write first."""
        act, self.act = self.act, None
        if act:
            with super().writing() as session:
                act(session)
        with super().writing(stored) as session:
            yield session


def test_a_pool_that_is_deleted_meanwhile_gets_no_entry(file: Path) -> None:
    """What is stored is compared anew: its nodes are found where their label says."""
    with closing(_Interrupted(f"sqlite:///{file}")) as store:
        with store.writing() as session:
            pool = register(session)
        with process_of(store, c=Cluster()) as process:
            store.act = lambda session: pools.delete(session, pool.id, seen=1)
            process.look()

        assert [("pool-discovered", "Found 8 nodes by the label west")] == entries(store)
        with store.reading() as session:
            assert {"west"} == set(conditions.every(session))


def test_a_pool_that_is_registered_meanwhile_has_its_nodes(file: Path) -> None:
    """Nobody finds by labels what somebody has just registered."""
    with closing(_Interrupted(f"sqlite:///{file}")) as store:
        with process_of(store, c=Cluster()) as process:
            store.act = register
            process.look()

        assert [("node-added", "Added 8 new p4d.24xlarge nodes")] == entries(store)


def test_without_a_database_looks_go_on(tmp_path: Path) -> None:
    """Nothing is known and nothing is lost: what happened meanwhile is told when it is back."""
    cluster, folder, away = Cluster(), tmp_path / "data", tmp_path / "away"
    folder.mkdir()
    with (
        closing(Store(f"sqlite:///{folder / 'pools.db'}")) as store,
        process_of(store, c=cluster) as process,
    ):
        process.look()
        store.close()
        folder.rename(away)
        cluster.nodes = 10
        for _ in range(3):
            process.look()
        assert 3 == process.counted("unstored")
        away.rename(folder)

        def looked() -> bool:
            process.look()
            return process.counted("changed") > 1

        wait_for(looked, seconds=60, what="a look", every=0.2)
        assert ("node-added", "Added 2 new p4d.24xlarge nodes") == entries(store)[-1]


def test_it_begins_and_ends_in_a_moment(store: Store) -> None:
    """Its thread is there between the two, even while a cluster hangs."""
    cluster = Cluster()
    cluster.gate.clear()

    def threads() -> int:
        return sum(thread.name == "pools-observer" for thread in threading.enumerate())

    with process_of(store, c=cluster) as process:
        before = threads()
        process.observer.begin()
        during = threads()
        process.observer.end()

        assert (0, 1, 0) == (before, during, threads())


def test_what_is_seen_after_the_end_is_not_stored(store: Store) -> None:
    """A look that was under way finds that it comes too late."""
    cluster = Cluster()
    cluster.gate.clear()
    with process_of(store, c=cluster) as process:
        begun = process.observer.round()
        process.observer.stop()
        cluster.gate.set()
        wait(begun.values())

        assert 1 == process.counted("elsewhere")
    assert [] == entries(store)
