"""Many rows at once, by the shortest way that each database has.

SQLAlchemy makes a mapping of every row, which costs more than SQLite takes to store it; PostgreSQL
plans a statement for every row, unless all of them are one value that it takes apart itself. There
they are sent with what comes next: if they cannot be stored, the transaction's end says so.
"""

from functools import cache
from typing import Any, Protocol, cast

import msgspec
from sqlalchemy import Connection, Table

Values = tuple[Any, ...]


class _Postponing(Protocol):
    def later(self, statement: str, values: object) -> None: ...


# So many cost less by themselves.
_FEW = 2
_ENCODER = msgspec.json.Encoder()


def insert(
    session: Connection, table: Table, columns: tuple[str, ...], given: list[Values]
) -> None:
    """Store new rows.

    Args:
        session: The transaction.
        table: Where.
        columns: What each of *given* has, in this order.
        given: The rows; none is fine.
    """
    if not given:
        return
    if session.dialect.name == "sqlite":
        session.exec_driver_sql(_inserting(table, columns, "?"), given)
    elif len(given) <= _FEW:
        for row in given:
            _driver(session).later(_inserting(table, columns, "%s"), row)
    else:
        _driver(session).later(_inserting_all(table, columns), _told(columns, given))


def update(
    session: Connection, table: Table, columns: tuple[str, ...], given: list[Values]
) -> None:
    """Store rows that are there already.

    Args:
        session: The transaction.
        table: Where.
        columns: What each of *given* has, in this order; the last is the key.
        given: The rows; none is fine.
    """
    if not given:
        return
    if session.dialect.name == "sqlite":
        session.exec_driver_sql(_updating(table, columns, "?"), given)
    elif len(given) <= _FEW:
        for row in given:
            _driver(session).later(_updating(table, columns, "%s"), row)
    else:
        _driver(session).later(_updating_all(table, columns), _told(columns, given))


def _driver(session: Connection) -> "_Postponing":
    return cast("_Postponing", session.connection.driver_connection)


def _told(columns: tuple[str, ...], given: list[Values]) -> Values:
    rows = [dict(zip(columns, row, strict=True)) for row in given]
    return (_ENCODER.encode(rows).decode(),)


@cache
def _inserting(table: Table, columns: tuple[str, ...], mark: str) -> str:
    marks = ", ".join(mark for _ in columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our names


@cache
def _updating(table: Table, columns: tuple[str, ...], mark: str) -> str:
    *others, key = columns
    sets = ", ".join(f"{name} = {mark}" for name in others)
    return f"UPDATE {table.name} SET {sets} WHERE {key} = {mark}"  # noqa: S608 - our names


@cache
def _inserting_all(table: Table, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_given(table)}"  # noqa: S608


@cache
def _updating_all(table: Table, columns: tuple[str, ...]) -> str:
    *others, key = columns
    sets = ", ".join(f"{name} = given.{name}" for name in others)
    found = f"{table.name}.{key} = given.{key}"
    return f"UPDATE {table.name} SET {sets} FROM {_given(table)} WHERE {found}"  # noqa: S608


def _given(table: Table) -> str:
    return f"json_populate_recordset(NULL::{table.name}, %s::json) AS given"
