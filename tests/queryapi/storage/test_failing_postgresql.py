"""A PostgreSQL that dies, hangs or refuses is told in one way, soon and once."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event

from demo.processes import free_port
from queryapi.errors import StoreUnavailable
from queryapi.services.jobs.model import Report
from queryapi.storage import activity, pools
from queryapi.storage.engine import Store
from tests.support.postgresql import PASSWORD, PostgresqlServer, postgresql_server
from tests.support.reporting import ANN, intake, story
from tests.support.stored import (
    CREATED,
    NEVER_HUNG,
    POOL,
    names,
    pool,
    said,
    stored,
    wait_until_it_works,
    works,
)


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL that tests may do everything to; each leaves it running."""
    with postgresql_server() as server:
        yield server


@pytest.mark.e2e
def test_a_postgresql_that_dies_and_comes_back(
    server: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What was stored is there, what was not is not, and the log has one line for each."""
    with stored(server.fresh()) as store:
        store.prepare()
        caplog.set_level(logging.INFO)
        caplog.clear()
        with store.writing() as session:
            pools.insert(session, POOL)
            pools.touch(session)

        def write() -> None:
            with store.writing() as session:
                pools.insert(session, pool("pool-2"))
                server.kill()
                pools.touch(session)

        with pytest.raises(StoreUnavailable, match="does not answer") as failure:
            write()
        assert str(server.port) not in str(failure.value)
        for _ in range(5):
            assert not works(store)
        with pytest.raises(StoreUnavailable):
            store.revision()

        server.start()
        wait_until_it_works(store)
        assert ["pool-1"] == names(store)
        assert 1 == store.revision()
        with store.writing() as session:
            pools.insert(session, pool("pool-2"))
    assert ["the database does not answer", "the database can be used again"] == said(caplog)
    assert PASSWORD not in repr([vars(it) for it in caplog.records])


@pytest.mark.e2e
def test_a_postgresql_that_dies_while_it_stores_leaves_it_open(server: PostgresqlServer) -> None:
    """Nobody answers the commit: the caller is told to look, and what there is, is whole."""
    with stored(server.fresh()) as store:

        def write() -> None:
            with store.writing() as session:
                pools.insert(session, POOL)
                activity.add(session, [CREATED])

        assert [] == names(store)
        assert store._engine
        event.listen(store._engine, "commit", lambda _: server.kill(), once=True)
        with pytest.raises(StoreUnavailable, match="look whether it did"):
            write()

        server.start()
        wait_until_it_works(store)
        with store.reading() as session:
            assert len(pools.every(session)) == len(activity.page(session, limit=9))


@pytest.mark.e2e
def test_reports_that_nobody_answers_are_left_open(server: PostgresqlServer) -> None:
    """Their worker is told to look; numbered reports may simply be sent again."""
    with stored(server.fresh()) as store, intake(store) as jobs:
        assert 1 == jobs.report("job-1", Report(sequence=1), ANN).seq
        assert store._engine
        event.listen(store._engine, "commit", lambda _: server.kill(), once=True)
        with pytest.raises(StoreUnavailable, match="look whether it did"):
            jobs.report("job-1", Report(sequence=2), ANN)

        server.start()
        wait_until_it_works(store)
        jobs.report("job-1", Report(sequence=2), ANN)
        assert [1, 2] == story(store, "job-1").frames


@pytest.mark.e2e
def test_a_restart_between_two_uses_is_not_noticed(server: PostgresqlServer) -> None:
    """Connections that were lost are replaced before anything is asked of them."""
    with stored(server.fresh()) as store:
        with store.writing() as session:
            pools.insert(session, POOL)
        server.stop()
        server.start()

        assert ["pool-1"] == names(store)
        assert 0 == store.revision()
        with store.writing() as session:
            pools.insert(session, pool("pool-2"))


@pytest.mark.e2e
def test_a_postgresql_that_hangs_holds_nobody_for_long(server: PostgresqlServer) -> None:
    """Sixteen threads at once are told after seconds, the next ones at once; then it goes on."""
    with stored(server.fresh()) as store:
        names(store)
        server.freeze()
        try:
            began = time.monotonic()
            with ThreadPoolExecutor(16) as crowd:
                answers = list(crowd.map(lambda _: works(store), range(16)))
            first = time.monotonic() - began

            assert {False} == set(answers)
            assert first < NEVER_HUNG
            began = time.monotonic()
            for _ in range(100):
                works(store)
            # One in a second finds out whether it still hangs.
            assert time.monotonic() - began < NEVER_HUNG
        finally:
            server.thaw()
        wait_until_it_works(store)
        with store.writing() as session:
            pools.insert(session, POOL)


@pytest.mark.e2e
def test_a_postgresql_that_hangs_right_after_the_upgrade(server: PostgresqlServer) -> None:
    """An upgrade may take minutes; whoever gets its connection afterwards waits seconds."""
    with stored(server.fresh()) as store, ThreadPoolExecutor(1) as crowd:
        store.prepare()
        server.freeze()
        try:
            first = crowd.submit(works, store)
            assert not first.result(timeout=NEVER_HUNG)
        finally:
            server.thaw()
        wait_until_it_works(store)


@pytest.mark.e2e
def test_a_postgresql_that_is_not_there_yet(server: PostgresqlServer) -> None:
    """The tables are made when it is; until then every use fails at once."""
    url = server.fresh()
    server.stop()
    with stored(url) as store:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.prepare()
        assert not works(store)
        assert time.monotonic() - began < NEVER_HUNG
        server.start()
        wait_until_it_works(store)
        assert [] == names(store)


@pytest.mark.e2e
def test_nobody_at_that_port_a_wrong_password_and_no_such_database(
    server: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Callers are told the same; the log says which, and never the password."""
    nobody = server.url("postgres").replace(str(server.port), str(free_port()))
    for url in (nobody, server.url("postgres", ":wrong-secret"), server.url("none_of_that_name")):
        with stored(url) as store, pytest.raises(StoreUnavailable, match="does not answer"):
            store.prepare()

    told = [it.__dict__["fields"]["error"] for it in caplog.records if "fields" in it.__dict__]
    assert [True] * 3 == [
        word in text
        for word, text in zip(
            ("refused", "authentication failed", "does not exist"), told, strict=True
        )
    ]
    assert "secret" not in repr([vars(it) for it in caplog.records])


@pytest.mark.e2e
def test_the_password_may_stand_in_a_file(server: PostgresqlServer, tmp_path: Path) -> None:
    """It is read for every connection, so one that was changed counts."""
    file = tmp_path / "password"
    file.write_text("not yet\n")
    store = Store(server.url(server.fresh().rpartition("/")[2], password=""), str(file))
    try:
        assert not works(store)
        file.write_text(f"{PASSWORD}\n")
        wait_until_it_works(store)
    finally:
        store.close()
