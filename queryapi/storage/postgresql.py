"""PostgreSQL as the store wants it: bounded waits, whatever the server or the network does."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, ExecutionContext, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from queryapi.storage.driver import ANSWER_SECONDS, Driver, connect
from queryapi.storage.manner import Manner, manner_of

_KEPT, _BEYOND = 2, 6
_POOL_SECONDS = 3.0
_CONNECT_SECONDS = 2
# The server gives up before we do, and says why; one that says nothing is left.
_LOCK_MS, _STATEMENT_MS = 2500, 3000
# One that worked so lately is not asked whether it lives.
_USED, _SURE_SECONDS = "gpuscope_used", 1.0
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
    # Its turn is that of the rows it locks: replicas take in reports side by side. It is sent
    # with the first statement.
    Manner.REPORTING: f"BEGIN ISOLATION LEVEL READ COMMITTED; {_LIMITS}",
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
    # One that was lost meanwhile is replaced before anything is asked of it.
    event.listen(engine, "checkout", _lives)
    event.listen(engine, "checkin", _given_back)
    event.listen(engine, "before_cursor_execute", _with_owed, retval=True)
    event.listen(engine, "after_cursor_execute", _last)
    return engine


def _connector(password_file: str | None) -> Callable[..., Driver]:
    def make_one(
        _dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]
    ) -> Driver:
        return connect(password_file, arguments, options)

    return make_one


def _lives(driver: Driver, record: ConnectionPoolEntry, _: object) -> None:
    """See that a connection lives, unless it did a moment ago and has heard nothing since."""
    used = record.info.get(_USED)
    if used is None:
        return
    if time.monotonic() - used < _SURE_SECONDS and not driver.is_told_something:
        return
    try:
        driver.execute("SELECT 1").close()
    except psycopg.Error as error:
        # So do all that were made before it.
        raise InvalidatePoolError from error


def _given_back(driver: Driver | None, record: ConnectionPoolEntry) -> None:
    """Let the next user wait for seconds again, from the first question on: whether it lives."""
    if driver is not None:
        driver.patience = ANSWER_SECONDS
        record.info[_USED] = time.monotonic()


def _begin(connection: Connection) -> None:
    manner, driver = manner_of(connection), _driver(connection)
    if manner is Manner.UPGRADING:
        driver.patience = _UPGRADE_SECONDS
    if manner is Manner.REPORTING:
        driver.later(_BEGINNINGS[manner])
    elif manner in _BEGINNINGS:
        connection.exec_driver_sql(_BEGINNINGS[manner])


def _with_owed(
    connection: Connection,
    _cursor: object,
    statement: str,
    values: Any,
    context: ExecutionContext,
    several: bool,  # noqa: FBT001 - the event's
) -> tuple[str, Any]:
    """Send with a statement what is to be sent before it."""
    driver = _driver(connection)
    if several:
        driver.settle()
        return statement, values
    plain = not values and getattr(context, "no_parameters", False)
    whole = driver.with_owed(statement, None if plain else values)
    if whole is None:
        return statement, values
    return (whole, values) if plain else (whole.replace("%", "%%"), ())


def _last(_connection: object, cursor: psycopg.Cursor[Any], *_: object) -> None:
    """Go to the result of the last of several statements."""
    while cursor.nextset():
        pass


def _driver(connection: Connection) -> Driver:
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver)  # noqa: S101 - told to mypy
    return driver
