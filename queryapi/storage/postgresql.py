"""PostgreSQL as the store wants it: bounded waits, whatever the server or the network does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import QueuePool

from queryapi.storage.manner import Manner, manner_of

T = TypeVar("T")

_KEPT, _BEYOND = 2, 6
_POOL_SECONDS = 3.0
_CONNECT_SECONDS = 2
# The server gives up before we do, and says why; one that says nothing is left.
_LOCK_MS, _STATEMENT_MS, _ANSWER_SECONDS = 2500, 3000, 3.5
# A client that has stopped does not keep its turn.
_IDLE_MS = 10_000
_UPGRADE_SECONDS = 600.0
# Any number that others who share the server's database do not use.
_WRITERS = 0x67707573
_LIMITS = (
    f"SET LOCAL lock_timeout = {_LOCK_MS}; SET LOCAL statement_timeout = {_STATEMENT_MS};"
    f" SET LOCAL idle_in_transaction_session_timeout = {_IDLE_MS}"
)
# One writer at a time, as with SQLite: what it has read is so until it ends.
_TURN = f"SELECT pg_advisory_xact_lock({_WRITERS})"
# Each is sent in one go: the driver would begin by itself, and wait for that.
_BEGINNINGS = {
    # One state of everything, from the first statement on.
    Manner.READING: f"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; {_LIMITS}",
    Manner.WRITING: f"BEGIN ISOLATION LEVEL READ COMMITTED; {_LIMITS}; {_TURN}",
    # Whoever waited for others sees what they have made, whatever the database's default is.
    Manner.UPGRADING: f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {_LOCK_MS};"
    f" SET LOCAL statement_timeout = 0; {_TURN}",
}


def make(url: str, password_file: str | None) -> Engine:
    """Return an engine on a server; the file is read anew for every connection."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=QueuePool,
        pool_size=_KEPT,
        max_overflow=_BEYOND,
        pool_timeout=_POOL_SECONDS,
        # One that was lost meanwhile is replaced before anything is asked of it.
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        # It would ask the server for a type that nobody uses, with every connection.
        use_native_hstore=False,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "gpuscope-api",
            # The driver begins no transactions of its own: `_begin` does.
            "autocommit": True,
            # A pooler between us may give every transaction another server process.
            "prepare_threshold": None,
        },
    )
    event.listen(engine, "do_connect", _connector(password_file))
    event.listen(engine, "begin", _begin)
    event.listen(engine, "checkin", _impatient)
    return engine


class _Bounded(psycopg.Connection[Any]):
    """A connection that waits for no answer longer than `patience` seconds."""

    patience = _ANSWER_SECONDS

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server; one that is silent is left."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - what a wait with a limit raises
            # What it answers some day would be taken for the answer to something else.
            self.close()
        raise psycopg.OperationalError(f"no answer within {self.patience:g} s")


def _connector(password_file: str | None) -> Callable[..., _Bounded]:
    def connect(
        _dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]
    ) -> _Bounded:
        if password_file is not None:
            options["password"] = _secret(password_file)
        return _Bounded.connect(*arguments, **options)

    return connect


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise psycopg.OperationalError("database_password_file cannot be read") from error


def _impatient(driver: object, _record: object) -> None:
    """Let the next user wait for seconds again, from the first question on: whether it lives."""
    if isinstance(driver, _Bounded):
        driver.patience = _ANSWER_SECONDS


def _begin(connection: Connection) -> None:
    manner = manner_of(connection)
    driver = connection.connection.driver_connection
    if manner is Manner.UPGRADING and isinstance(driver, _Bounded):
        driver.patience = _UPGRADE_SECONDS
    if manner in _BEGINNINGS:
        connection.exec_driver_sql(_BEGINNINGS[manner])
