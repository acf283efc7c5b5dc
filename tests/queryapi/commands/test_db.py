"""`gpuscope-api db` says which tables there are, and makes those of this version."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import text

from queryapi.cli import main
from queryapi.storage.backend import backend
from queryapi.storage.exclusive import exclusive
from queryapi.storage.manner import Manner, connect
from queryapi.storage.tables import REVISIONS

_NEWEST = REVISIONS[-1]


def _said(url: str, folder: Path, action: str, capsys: pytest.CaptureFixture[str]) -> list[object]:
    """Run the command; returns its status and what it printed."""
    settings = folder / "gpuscope.yml"
    settings.write_text(f"database_url: {url}")
    status = main(["db", action, "--config", str(settings)])
    out, err = capsys.readouterr()
    return [status, out, err]


def test_tables_are_made_and_their_version_told(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looking changes nothing; the exit status tells scripts whether there is something to do."""
    one = (database_url, tmp_path)

    assert [1, f"none (this gpuscope's: {_NEWEST})\n", ""] == _said(*one, "version", capsys)
    assert not (tmp_path / "gpuscope.db").exists()
    told = f"the tables are of version {_NEWEST}\n"
    status, out, log = _said(*one, "upgrade", capsys)
    assert [0, told, 1] == [status, out, len(str(log).splitlines())]
    assert [0, told, ""] == _said(*one, "upgrade", capsys)
    assert [0, f"{_NEWEST} (this gpuscope's: {_NEWEST})\n", ""] == _said(*one, "version", capsys)


def test_newer_tables_are_left_alone(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no way back but a copy from before."""
    _said(database_url, tmp_path, "upgrade", capsys)
    engine = backend(database_url, None).make()
    with connect(engine, Manner.WRITING) as session, session.begin():
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    status, out, err = _said(database_url, tmp_path, "upgrade", capsys)

    assert (1, "") == (status, out)
    assert str(err).startswith("gpuscope-api: database_url: the tables are of version 9999, which")


def test_a_database_in_use_is_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that runs has its file for itself."""
    url = f"sqlite:///{tmp_path / 'gpuscope.db'}"
    with exclusive(url):
        status, _, err = _said(url, tmp_path, "upgrade", capsys)

    assert 1 == status
    assert "already serves from" in str(err)


def test_what_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No database at all, and one that is none."""
    logging.disable()
    try:
        nothing = _said("null", tmp_path, "version", capsys)
        (tmp_path / "letter").write_text("Dear Sir or Madam, " * 100)
        letter = _said(f"sqlite:///{tmp_path / 'letter'}", tmp_path, "upgrade", capsys)
    finally:
        logging.disable(logging.NOTSET)

    assert [1, "", "gpuscope-api: database_url: no database is configured\n"] == nothing
    assert [1, "", "gpuscope-api: database_url: the database cannot be read\n"] == letter
