"""A transaction is stored whole or not at all, and writers lose nothing of one another's."""

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from queryapi.errors import Conflict, StoreUnavailable
from queryapi.storage import activity, engine, pools
from queryapi.storage.engine import Store
from tests.support.postgresql import PostgresqlServer
from tests.support.stored import CREATED, NEVER_HUNG, POOL, names, pool, stored
from tests.support.whole import some


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    with stored(database_url) as store:
        yield store


def test_an_error_stores_nothing(store: Store) -> None:
    """Neither the pool nor what was told of it nor the number; the error is the caller's own."""

    def write() -> None:
        with store.writing() as session:
            assert 1 == pools.next_number(session)[0]
            pools.insert(session, POOL)
            activity.add(session, [CREATED])
            pools.touch(session)
            raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        write()

    assert 0 == store.revision()
    with store.writing() as session:
        assert () == pools.every(session)
        assert () == activity.page(session, limit=1)
        assert 1 == pools.next_number(session)[0]


def test_what_is_stored_is_there_after_a_restart(database_url: str) -> None:
    """Of another store on the same database, and the revision goes on."""
    with stored(database_url) as first, first.writing() as session:
        pools.insert(session, POOL)
        pools.touch(session)

    with stored(database_url) as second:
        assert ["pool-1"] == names(second)
        assert 1 == second.revision()


def test_the_revision_rises_with_every_write_to_the_pools(store: Store) -> None:
    """And with no other, so that readers keep what they have read."""
    assert 0 == store.revision()
    with store.writing() as session:
        pools.touch(session)
        assert 0 == store.revision() or not store.alone
    assert 1 == store.revision()
    with store.writing() as session:
        activity.add(session, [CREATED])
    assert 1 == store.revision()
    with store.writing() as session:
        pools.touch(session)
    assert 2 == store.revision()


@pytest.mark.e2e
def test_others_writes_raise_the_revision(database_url: str) -> None:
    """Where the store is not alone, another process' writes are seen at once."""
    with stored(database_url) as store, stored(database_url) as other:
        assert 0 == store.revision()
        with other.writing() as session:
            pools.touch(session)

        assert (0 if store.alone else 1) == store.revision()


def test_a_reader_sees_one_state_and_waits_for_no_writer(store: Store) -> None:
    """What is stored meanwhile is not in what it reads, and what is not stored yet neither."""
    with store.writing() as session:
        pools.insert(session, POOL)

    with store.reading() as reader:
        assert 1 == len(pools.every(reader))
        with store.writing() as writer:
            pools.insert(writer, pool("pool-2"))
            # Whoever waited for the writer would be told that it takes too long.
            assert ["pool-1"] == names(store)
        assert 1 == len(pools.every(reader))
    assert ["pool-1", "pool-2"] == names(store)


@pytest.mark.e2e
def test_reading_cannot_write(postgresql: PostgresqlServer) -> None:
    """In its own turn a reader would keep writers out; it has none."""
    with stored(postgresql.fresh()) as store, pytest.raises(StoreUnavailable), store.reading() as r:
        pools.touch(r)


def test_sixteen_threads_lose_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers never repeat, and each change is made to what the one before left."""
    # On a busy machine the last one in the queue waits long.
    monkeypatch.setattr(engine, "_TURN_SECONDS", 3 * NEVER_HUNG)
    with store.writing() as session:
        pools.insert(session, POOL)

    def change(turn: int) -> int:
        with store.writing() as session:
            number, _ = pools.next_number(session)
            found = pools.find(session, "pool-1")
            assert found is not None
            changed = msgspec.structs.replace(
                found, version=found.version + 1, tags=(*found.tags, str(turn))
            )
            assert pools.update(session, changed, seen=found.version)
            activity.add(session, [CREATED])
            return number

    with ThreadPoolExecutor(16) as crowd:
        numbers = list(crowd.map(change, range(64)))

    assert set(range(1, 65)) == set(numbers)
    with store.reading() as session:
        [left] = pools.every(session)
        assert 65 == left.version
        assert {*POOL.tags, *map(str, range(64))} == set(left.tags)
        assert 64 == len(activity.page(session, limit=100))


def _write(url: str, turns: int, found: "multiprocessing.Queue[list[int]]") -> None:
    with stored(url) as store:
        numbers = []
        for _ in range(turns):
            with store.writing() as session:
                numbers.append(number := pools.next_number(session)[0])
                pools.insert(session, pool(f"pool-{number}"))
    found.put(numbers)


@pytest.mark.e2e
def test_processes_lose_nothing(database_url: str) -> None:
    """They bring the tables up to date at the same moment, and take turns in writing."""
    count = some(2, 4)
    spawning = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[list[int]] = spawning.Queue()
    writers = [
        spawning.Process(target=_write, args=(database_url, 10, found)) for _ in range(count)
    ]
    for writer in writers:
        writer.start()
    numbers = [number for _ in writers for number in found.get(timeout=120)]
    for writer in writers:
        writer.join(60)
    found.close()
    found.join_thread()

    assert list(range(1, 10 * count + 1)) == sorted(numbers)
    with stored(database_url) as store:
        assert [f"pool-{number}" for number in range(1, 10 * count + 1)] == names(store)
        assert 10 * count == store.revision()


def test_a_writer_that_takes_long_is_waited_for_no_longer_than_seconds(store: Store) -> None:
    """The others are told to try again, and readers do not notice."""
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing() as session:
            pools.insert(session, POOL)
            begun.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait(60)
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable, match="busy"), store.writing():
            pass
        assert 2 < time.monotonic() - began < 20
        assert [] == names(store)
    finally:
        done.set()
        holder.join()


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """So are the files that SQLite puts beside it; nothing of it is left to chance."""
    with stored(f"sqlite:///{tmp_path / 'gpuscope.db'}") as store:
        with store.writing() as session:
            pools.insert(session, POOL)
            rows = session.exec_driver_sql
            pragmas = [
                rows(f"PRAGMA {name}").scalar()
                for name in ("auto_vacuum", "journal_mode", "synchronous", "foreign_keys")
            ]

        assert [2, "wal", 2, 1] == pragmas
        assert {"gpuscope.db", "gpuscope.db-wal", "gpuscope.db-shm"} == {
            path.name for path in tmp_path.iterdir()
        }
        assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}


def test_what_is_forgotten_makes_the_file_smaller(tmp_path: Path) -> None:
    """A service that runs for years does not grow with all that it ever told."""
    file = tmp_path / "gpuscope.db"
    long = msgspec.structs.replace(CREATED, details="x" * 10_000)
    with stored(f"sqlite:///{file}") as store, store.writing() as session:
        activity.add(session, [long] * 200)
    before = file.stat().st_size

    with stored(f"sqlite:///{file}") as store:
        for _ in range(4):
            with store.writing() as session:
                assert 50 == activity.prune(session, older_than=1e9, most=1000, batch=50)

    assert file.stat().st_size < before / 4


_PROGRAM = """
import sys
from queryapi.storage import pools
from queryapi.storage.engine import Store
store = Store(sys.argv[1])
with store.writing() as session:
    pools.touch(session)
store.close()
print(*sorted({"sqlalchemy", "alembic", "psycopg"} & set(sys.modules)))
"""


def test_a_store_needs_neither_driver_nor_tool_of_another(tmp_path: Path) -> None:
    """What brings tables up to date is loaded where they are not, PostgreSQL's client never."""
    command = [sys.executable, "-c", _PROGRAM, f"sqlite:///{tmp_path / 'gpuscope.db'}"]
    loaded = [subprocess.run(command, capture_output=True, check=True, text=True) for _ in "12"]

    assert ["alembic sqlalchemy\n", "sqlalchemy\n"] == [each.stdout for each in loaded]


def test_writers_of_a_file_wait_three_seconds_in_all(tmp_path: Path) -> None:
    """Whoever waited for others of its process waits less for those of another one."""
    with stored(f"sqlite:///{tmp_path / 'file.db'}") as store, ThreadPoolExecutor(1) as other:
        with store.writing() as session:
            assert 2900 < session.exec_driver_sql("PRAGMA busy_timeout").scalar_one() <= 3000
            waiting = other.submit(_patience, store)
            time.sleep(0.2)
        assert waiting.result() <= 2850
        with store.reading() as session:
            assert 3000 == session.exec_driver_sql("PRAGMA busy_timeout").scalar_one()


def _patience(store: Store) -> int:
    with store.reporting() as session:
        return int(session.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
