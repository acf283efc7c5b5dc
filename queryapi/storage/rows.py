"""Between records and rows of the tables."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Delete, Table, TextClause, bindparam
from sqlalchemy import text as sql_text

from queryapi.storage import sqlite

T = TypeVar("T")

Row = Mapping[str, Any]

# 4 kB each: less than a batch of deletions makes free.
_PAGES = 256
_ENCODER = msgspec.json.Encoder()


def is_kept(given: str) -> bool:
    """Tell whether a text that a caller gave can be in a column: PostgreSQL takes no zero in it."""
    return "\0" not in given


def text(value: object) -> str:
    """Return a list or mapping as it is kept."""
    return _ENCODER.encode(value).decode()


def read(kept: str, kind: type[T]) -> T:
    """Return what was kept."""
    return msgspec.json.decode(kept, type=kind)


def deleted(session: Connection, statement: Delete) -> int:
    """Delete rows; returns how many. A SQLite file gets smaller by some of their room."""
    count = session.execute(statement).rowcount
    if count and session.dialect.name == "sqlite":
        sqlite.give_back_space(session, _PAGES)
    return count


def put(session: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Store rows, in place of those with the same key."""
    given = list(rows)
    if given:
        # One alone needs no pipeline.
        session.execute(_putting(table, tuple(given[0])), given if len(given) > 1 else given[0])


@cache
def _putting(table: Table, columns: tuple[str, ...]) -> TextClause:
    """Return the statement as text, which both databases read.

    SQLAlchemy's own would be compiled with every use: it keeps none that has ON CONFLICT.
    """
    keys = [column.name for column in table.primary_key]
    others = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    values = ", ".join(f":{name}" for name in columns)
    statement = sql_text(
        f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - our names
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {others}"
    )
    return statement.bindparams(*(bindparam(name, type_=table.c[name].type) for name in columns))
