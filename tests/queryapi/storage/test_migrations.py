"""Tables of every version become those of this one, with what is in them."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, text

from queryapi.errors import ConfigurationError, StoreUnavailable
from queryapi.storage import activity, conditions, jobtables, pools, tables
from queryapi.storage.backend import backend
from queryapi.storage.engine import Store
from queryapi.storage.manner import Manner, connect
from queryapi.storage.records import Condition, Status
from queryapi.storage.upgrade import migrations, upgrade
from tests.support.postgresql import PostgresqlServer
from tests.support.stored import CREATED, POOL, pool, stored


def _migrated(url: str, revision: str) -> None:
    """Make the tables of that version."""
    database = backend(url, None)
    database.create()
    engine = database.make()
    with connect(engine, Manner.UPGRADING) as session, session.begin():
        upgrade(session, revision)
    engine.dispose()


def _say(url: str, statement: str) -> None:
    engine = backend(url, None).make()
    with connect(engine, Manner.WRITING) as session, session.begin():
        session.execute(text(statement))
    engine.dispose()


def test_every_migration_is_known_in_its_order() -> None:
    """The service looks for the last one without loading any."""
    scripts = migrations()

    assert tables.REVISIONS == tuple(it.revision for it in scripts.walk_revisions())[::-1]
    assert [tables.REVISIONS[-1]] == scripts.get_heads()


def test_the_migrations_make_the_tables_that_are_used(database_url: str) -> None:
    """Names, types, keys and indexes."""
    with stored(database_url) as store, store.writing() as session:
        context = MigrationContext.configure(session, opts={"compare_type": True})

        assert [] == compare_metadata(context, jobtables.jobs.metadata)


def test_tables_of_the_first_version_are_upgraded_with_what_they_hold(database_url: str) -> None:
    """Pools, their numbers and activities stay; what is new is empty and can be used."""
    _migrated(database_url, "0001")
    engine = backend(database_url, None).make()
    with connect(engine, Manner.WRITING) as session, session.begin():
        session.execute(text("UPDATE numbers SET value = 7 WHERE name = 'pool'"))
        session.execute(
            insert(tables.pools),
            {
                "id": "pool-7", "place": 3, "cluster": "c", "name": "old", "description": "",
                "region": "eu", "provider": "p", "node_types": '[{"type":"a","count":2}]',
                "tags": '["t"]', "selector": '{"pool":["x"]}', "maintenance": True,
                "created_at": 1.5, "updated_at": 2.5, "resized_at": 3.5, "version": 4,
            },
        )  # fmt: skip
        activity.add(session, [CREATED])
    engine.dispose()

    with stored(database_url) as store:
        assert "0001" == store.version()
        with store.writing() as session:
            assert 8 == pools.next_number(session)[0]
            pools.insert(session, pool("pool-8"))
            [old, _] = pools.every(session)
            assert ("pool-7", "old", 2, {"pool": ("x",)}, True, 4) == (
                old.id, old.name, old.wanted, old.selector, old.maintenance, old.version
            )  # fmt: skip
            assert ["Created"] == [it.details for it in activity.page(session, limit=9)]
            assert {} == conditions.every(session)
            conditions.put(session, [Condition("p", "c", Status.ACTIVE, 1, None, None, 1)])
        assert store.newest == store.version()


def test_what_fails_in_the_middle_leaves_the_tables_as_they_were(database_url: str) -> None:
    """A table of ours is there already: the rest of that migration is taken back."""
    _migrated(database_url, "0001")
    _say(database_url, "CREATE TABLE leases (name TEXT)")

    with stored(database_url) as store, pytest.raises(Exception, match="already exists"):
        store.prepare()

    _say(database_url, "DROP TABLE leases")
    with stored(database_url) as store:
        assert "0001" == store.version()
        store.prepare()
        assert store.newest == store.version()


@pytest.mark.e2e
def test_several_that_start_at_once_make_the_tables_once(postgresql: PostgresqlServer) -> None:
    """Each finds them in the end, whatever isolation the database has by default."""
    url = postgresql.fresh()
    name = url.rsplit("/", 1)[1]
    postgresql.say(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    gate = threading.Barrier(4, timeout=60)

    def start(_: int) -> str | None:
        with stored(url) as store:
            gate.wait()
            store.prepare()
            return store.version()

    with ThreadPoolExecutor(4) as crowd:
        assert [Store.newest] * 4 == list(crowd.map(start, range(4)))


def test_tables_of_a_newer_version_are_left_alone(database_url: str) -> None:
    """The operator is told what to do, callers that it is not their fault."""
    with stored(database_url) as store, store.writing() as session:
        pools.insert(session, POOL)
    _say(database_url, "UPDATE alembic_version SET version_num = '9999'")

    with stored(database_url) as store:
        with pytest.raises(ConfigurationError, match="are of version 9999, which a newer"):
            store.prepare()
        with pytest.raises(StoreUnavailable, match="a newer version"), store.reading():
            pass
        assert "9999" == store.version()


def test_a_copy_that_was_made_while_it_ran_is_good(tmp_path: Path) -> None:
    """SQLite's own ways to copy: the copy is used as the original was."""
    original, copy = tmp_path / "gpuscope.db", tmp_path / "copy.db"
    with stored(f"sqlite:///{original}") as store:
        with store.writing() as session:
            pools.insert(session, POOL)
        with closing(sqlite3.connect(original)) as other:
            other.execute(f"VACUUM INTO '{copy}'")

    with stored(f"sqlite:///{copy}") as store, store.writing() as session:
        assert (POOL,) == pools.every(session)
        assert "wal" == session.exec_driver_sql("PRAGMA journal_mode").scalar()
