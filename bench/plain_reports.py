"""Stores one report of a job in a transaction of its own, through a database's own driver.

What a service does that keeps reports as they come: the job is changed, what was measured and two
log lines are added, and that is on the disk before the next one.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from queue import LifoQueue

import psycopg

from demo.processes import LOOPBACK
from tests.support.postgresql import PASSWORD, USER, PostgresqlServer

Report = Callable[[int, int], None]
"""Stores the report of a number of the job of a number."""

_LINE = "Epoch 5/10 completed, loss 0.0234, accuracy 98.5 %"
_JOBS = 64
# The server of the tests has 40, and the service takes some at the same time.
_CONNECTIONS = 24
_TABLES = (
    """CREATE TABLE plain_jobs (id integer PRIMARY KEY, status text, progress double precision,
        operation text, reported_at double precision)""",
    """CREATE TABLE plain_samples (job integer, number integer, at double precision,
        utilization double precision, memory_used double precision, memory_total double precision,
        temperature double precision, power double precision, PRIMARY KEY (job, number))""",
    """CREATE TABLE plain_lines (job integer, number integer, place integer, at double precision,
        level text, message text, PRIMARY KEY (job, number, place))""",
)
_CHANGE = (
    "UPDATE plain_jobs SET status = ?, progress = ?, operation = ?, reported_at = ? WHERE id = ?"
)
_SAMPLE = "INSERT INTO plain_samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LOGGED = "INSERT INTO plain_lines VALUES (?, ?, ?, ?, ?, ?)"
_BEGIN = "INSERT INTO plain_jobs (id) VALUES (?)"


def _statements(job: int, number: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    now = time.time()
    yield _CHANGE, ("RUNNING", number % 100, "Training epoch 5/10", now, job)
    yield _SAMPLE, (job, number, now, 87.0, 18000.0, 24000.0, 72.0, 350.0)
    for place in range(2):
        yield _LOGGED, (job, number, place, now, "info", _LINE)


@contextmanager
def sqlite_reports(folder: Path) -> Iterator[Report]:
    """Give what stores reports in a new file, as durably as the service does."""
    turn = threading.Lock()
    with closing(sqlite3.connect(folder / "plain.db", check_same_thread=False)) as connection:
        connection.isolation_level = None
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *_TABLES):
            connection.execute(statement)
        connection.executemany(_BEGIN, [(job,) for job in range(_JOBS)])

        def store(job: int, number: int) -> None:
            with turn:
                connection.execute("BEGIN IMMEDIATE")
                for statement, values in _statements(job, number):
                    connection.execute(statement, values)
                connection.execute("COMMIT")

        yield store


@contextmanager
def postgresql_reports(server: PostgresqlServer) -> Iterator[Report]:
    """Give what stores reports in a new database, on as many connections as it has for one."""
    server.say("CREATE DATABASE plain")
    with ExitStack() as opened:
        free = LifoQueue[psycopg.Connection[tuple[object, ...]]]()
        for _ in range(_CONNECTIONS):
            free.put(
                opened.enter_context(
                    psycopg.connect(
                        host=LOOPBACK,
                        port=server.port,
                        user=USER,
                        password=PASSWORD,
                        dbname="plain",
                    )
                )
            )
        first = free.get()
        for statement in _TABLES:
            first.execute(statement.encode())
        with first.cursor() as cursor:
            cursor.executemany(_theirs(_BEGIN), [(job,) for job in range(_JOBS)])
        first.commit()
        free.put(first)

        def store(job: int, number: int) -> None:
            connection = free.get()
            try:
                with connection.transaction():
                    for statement, values in _statements(job, number):
                        connection.execute(_theirs(statement), values)
            finally:
                free.put(connection)

        yield store


def _theirs(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()
