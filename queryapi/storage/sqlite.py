"""SQLite as the store wants it: durable, one writer, readers who wait for nobody."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from queryapi.storage.manner import Manner, manner_of, patience_of

_BUSY_SECONDS = 3.0
# As many as there are threads that ask.
_KEPT, _BEYOND = 4, 28
_OF_CONNECTIONS = ("synchronous = FULL", "foreign_keys = ON")
# Kept in the file. The first holds only for one with nothing in it, and needs a writer's turn
# in any other: what is deleted can be given back.
_OF_NEW_FILES = ("auto_vacuum = INCREMENTAL",)
_OF_FILES = ("journal_mode = WAL",)


def make(path: Path) -> Engine:
    """Return an engine on a file, which somebody else makes."""
    # A file that was taken away is not made anew, empty.
    name = f"file:{quote(str(path.resolve()))}?mode=rw"
    file = _Opened(path.resolve())

    def begin(connection: Connection) -> None:
        file.check()
        _begin(connection)

    def connect() -> sqlite3.Connection:
        file.note()
        return _connect(name)

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=_KEPT,
        max_overflow=_BEYOND,
        pool_timeout=_BUSY_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine, "begin", begin)
    return engine


class _Opened:
    """Which file was opened first: connections go on writing to one that nobody finds any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None

    def note(self) -> None:
        if self._known is None:
            self._known = self._now()

    def check(self) -> None:
        if self._known != self._now():
            told = "the file was taken away or replaced: put it back, or restart to use another one"
            raise OperationalError(None, None, OSError(told))

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def create(path: Path) -> None:
    """Make the file, for us alone to read, unless it is there; see that it is used as we do.

    Raises:
        OperationalError: When it cannot be made, or is no database.
    """
    try:
        _create(path)
    except (OSError, sqlite3.Error) as error:
        raise OperationalError(None, None, error) from error


def give_back_space(connection: Connection, pages: int) -> None:
    """Make the file smaller by what was deleted from it, up to so many pages."""
    free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    # Python's driver takes one step of this statement, which is one page.
    for _ in range(min(free, pages)):
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    pragmas = _OF_FILES if path.stat().st_size else (*_OF_NEW_FILES, *_OF_FILES)
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        _set(connection, pragmas)


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name,
        uri=True,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
        # The driver begins no transactions of its own: `_begin` does.
        isolation_level=None,
    )
    try:
        _set(connection, _OF_CONNECTIONS)
    except BaseException:
        connection.close()
        raise
    return connection


def _set(connection: sqlite3.Connection, pragmas: Iterable[str]) -> None:
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    manner = manner_of(connection)
    if manner is Manner.GLANCING:
        return
    # Of writers of one process some have waited for the others before.
    left = patience_of(connection)
    milliseconds = int(1000 * (_BUSY_SECONDS if left is None else min(left, _BUSY_SECONDS)))
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - told to mypy
    driver.execute(f"PRAGMA busy_timeout = {milliseconds}").close()
    # A transaction that reads first and writes then may be refused in the middle.
    connection.exec_driver_sql("BEGIN" if manner is Manner.READING else "BEGIN IMMEDIATE")
