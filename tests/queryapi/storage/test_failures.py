"""What happens to a database is told in one way, soon and once; nothing stored is lost."""

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from queryapi.errors import ConfigurationError, Conflict, StoreUnavailable
from queryapi.storage import activity, pools
from queryapi.storage.engine import Store
from queryapi.storage.exclusive import exclusive
from queryapi.telemetry.storing import Storing
from tests.support.stored import (
    CREATED,
    POOL,
    names,
    pool,
    said,
    stored,
    wait_until_it_works,
    works,
)


@pytest.fixture(name="small")
def _small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _write(store: Store) -> None:
    with store.writing() as session:
        activity.add(session, [CREATED] * 20)
        pools.touch(session)


def _fill(store: Store) -> int:
    """Write until no more is taken; returns how many writes were."""
    for taken in range(10_000):  # noqa: B007 - told in the end
        try:
            _write(store)
        except StoreUnavailable:
            break
    else:
        raise AssertionError("a disk of 512 kB took it all")
    with pytest.raises(StoreUnavailable, match="takes no writes: its disk is full"):
        _write(store)
    return taken


@pytest.mark.e2e
def test_a_full_disk_loses_nothing(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Writes are refused and reading goes on; with room again both do, and all is there."""
    ballast = small / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    with stored(f"sqlite:///{small / 'gpuscope.db'}") as store:
        store.prepare()
        caplog.set_level(logging.INFO)
        taken = _fill(store)
        assert 0 < taken
        for _ in range(3):
            assert 0 <= _fill(store) < 3
            assert [] == names(store)

        ballast.unlink()
        with store.writing() as session:
            pools.insert(session, POOL)
        assert ["pool-1"] == names(store)
        revision = store.revision()
        with store.reading() as session:
            stored_in_all = len(activity.page(session, limit=100_000))
            assert "ok" == session.exec_driver_sql("PRAGMA integrity_check").scalar()
    assert revision * 20 == stored_in_all
    assert taken <= revision
    assert "the database takes no writes: its disk is full" == said(caplog)[0]
    assert "the database can be used again" == said(caplog)[-1]


def test_a_place_that_takes_no_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was stored, and the log has the reason that callers are not told."""
    with stored(f"sqlite:///{tmp_path / 'gone' / 'gpuscope.db'}") as store:
        assert not works(store)
        assert None is store.version()
        (tmp_path / "gone").mkdir()
        wait_until_it_works(store)

    [first] = [it for it in caplog.records if it.levelno == logging.ERROR]
    assert "the database does not answer" == first.message
    assert "No such file" in first.__dict__["fields"]["error"]


def test_its_state_is_told_in_metrics(tmp_path: Path) -> None:
    """A failure is an alert before anybody complains; a caller's own error is none."""
    registry = CollectorRegistry()

    def told(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"gpuscope_api_database_{name}", labels)

    store = Store(f"sqlite:///{tmp_path / 'gone' / 'gpuscope.db'}", storing=Storing(registry))
    with closing(store):
        assert 0 == told("up")
        assert not works(store)
        assert (0, 1) == (told("up"), told("transactions_total", kind="write", outcome="failed"))
        (tmp_path / "gone").mkdir()
        wait_until_it_works(store)
        assert 1 == told("up")
        done = told("transactions_total", kind="read", outcome="done")
        names(store)
        assert done is not None
        assert done + 1 == told("transactions_total", kind="read", outcome="done")
        with pytest.raises(Conflict), store.writing():
            raise Conflict("no")
        assert (1, 1) == (told("up"), told("transactions_total", kind="write", outcome="failed"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is somebody's, and stays as it is."""
    file = tmp_path / "letter"
    file.write_text("Dear Sir or Madam, " * 1000)
    before = file.read_bytes()

    with stored(f"sqlite:///{file}") as store, pytest.raises(StoreUnavailable, match="cannot be"):
        store.prepare()
    assert before == file.read_bytes()


def test_a_file_that_is_taken_away_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    """Somebody moved it: pools are not to be had until it is back, and none is lost."""
    file, elsewhere = tmp_path / "gpuscope.db", tmp_path / "elsewhere"
    with stored(f"sqlite:///{file}") as store, store.writing() as session:
        pools.insert(session, POOL)
    with stored(f"sqlite:///{file}") as store:
        store.prepare()
        assert store._engine
        store._engine.dispose()
        file.rename(elsewhere)
        assert not works(store)
        assert not file.exists()
        elsewhere.rename(file)
        wait_until_it_works(store)
        assert ["pool-1"] == names(store)


@pytest.mark.parametrize("put_there", [False, True], ids=["away", "replaced"])
def test_nothing_is_stored_in_a_file_that_nobody_finds_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, put_there: bool
) -> None:
    """Connections still reach a file that was taken away: what they wrote would be lost."""
    file, elsewhere = tmp_path / "gpuscope.db", tmp_path / "elsewhere"
    with stored(f"sqlite:///{file}") as store, store.writing() as session:
        pools.insert(session, POOL)
    with stored(f"sqlite:///{file}") as store:
        assert ["pool-1"] == names(store)
        file.rename(elsewhere)
        if put_there:
            shutil.copy(elsewhere, file)
        with pytest.raises(StoreUnavailable, match="does not answer"), store.writing() as session:
            pools.insert(session, pool("pool-2"))
        assert not works(store)
        elsewhere.rename(file)
        wait_until_it_works(store)
        with store.writing() as session:
            pools.insert(session, pool("pool-3"))

    with stored(f"sqlite:///{file}") as store:
        assert ["pool-1", "pool-3"] == names(store)
    [told] = [it for it in caplog.records if it.levelno == logging.ERROR]
    assert "taken away or replaced" in told.__dict__["fields"]["error"]


def test_one_process_has_the_file(tmp_path: Path) -> None:
    """The second is told who has it and what to do; another file and PostgreSQL are free."""
    url = f"sqlite:///{tmp_path / 'gpuscope.db'}"
    with exclusive(url):
        with pytest.raises(ConfigurationError) as failure, exclusive(url):
            pass
        with exclusive(f"sqlite:///{tmp_path / 'other.db'}"), exclusive(None):
            pass
        with exclusive("postgresql://h/d"), exclusive("postgresql://h/d"):
            pass
    assert str(failure.value).startswith(
        f"database_url: process {os.getpid()} already serves from {tmp_path / 'gpuscope.db'}: stop"
    )
    with exclusive(url):
        pass


def test_where_no_lock_can_be_had_the_rest_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A directory that is not there by now: pools say so themselves."""
    with exclusive(f"sqlite:///{tmp_path / 'none' / 'gpuscope.db'}"):
        pass

    assert ["the database cannot be locked"] == said(caplog)


def test_the_log_says_where_a_relative_name_leads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's name alone tells nobody in which directory the service was started."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///none/gpuscope.db"
    with exclusive(url), stored(url) as store:
        assert not works(store)

    reasons = [it.__dict__["fields"]["error"] for it in caplog.records]
    assert 2 == len(reasons)
    assert all(str(tmp_path / "none" / "gpuscope.db") in reason for reason in reasons)
