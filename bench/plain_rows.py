"""Writes two rows in a transaction through a database's own driver: no service is faster."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg

from demo.processes import LOOPBACK
from tests.support.postgresql import PASSWORD, USER, PostgresqlServer

Act = Callable[[int], bool]
"""Does the write of a number; tells whether it was a success."""

_TABLES = (
    "CREATE TABLE plain_pools (id text PRIMARY KEY, told text)",
    "CREATE TABLE plain_activity (number text PRIMARY KEY, told text)",
)
_SQLITE = (
    "INSERT INTO plain_pools VALUES (?, ?)",
    "INSERT INTO plain_activity VALUES (?, ?)",
)
_POSTGRESQL = (
    b"INSERT INTO plain_pools VALUES (%s, %s)",
    b"INSERT INTO plain_activity VALUES (%s, %s)",
)


@contextmanager
def sqlite_rows(folder: Path, row: Mapping[str, object]) -> Iterator[Act]:
    """Give what writes *row* twice to a new file, as durably as the service does."""
    told, turn = json.dumps(row), threading.Lock()
    with closing(sqlite3.connect(folder / "plain.db", check_same_thread=False)) as connection:
        connection.isolation_level = None
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *_TABLES):
            connection.execute(statement)

        def write(number: int) -> bool:
            with turn:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SQLITE:
                    connection.execute(statement, (str(number), told))
                connection.execute("COMMIT")
            return True

        yield write


@contextmanager
def postgresql_rows(server: PostgresqlServer, row: Mapping[str, object]) -> Iterator[Act]:
    """Give what writes *row* twice to a new database, on a connection for each thread."""
    server.say("CREATE DATABASE plain")
    told, local = json.dumps(row), threading.local()
    with ExitStack() as opened:

        def connect() -> psycopg.Connection[tuple[object, ...]]:
            return opened.enter_context(
                psycopg.connect(
                    host=LOOPBACK, port=server.port, user=USER, password=PASSWORD, dbname="plain"
                )
            )

        first = connect()
        for statement in _TABLES:
            first.execute(statement.encode())
        first.commit()

        def write(number: int) -> bool:
            if not hasattr(local, "connection"):
                local.connection = connect()
            with local.connection.transaction():
                for statement in _POSTGRESQL:
                    local.connection.execute(statement, (str(number), told))
            return True

        yield write
