"""A new pool with all that is told of it, in one statement where every statement is a journey."""

from functools import cache

import msgspec
from sqlalchemy import Insert, Table, bindparam
from sqlalchemy import insert as insertion

from queryapi.storage import activity, conditions, pools, tables
from queryapi.storage.engine import Session
from queryapi.storage.records import Activity, Condition, Pool


def create(session: Session, pool: Pool, first: Condition, told: Activity) -> None:
    """Store a new pool, what is seen of it first, and that it was created.

    An id that is taken, or was before, is a defect of the caller's.
    """
    if session.dialect.name == "sqlite":
        # It cannot, and none of its statements leaves the process.
        pools.insert(session, pool)
        conditions.put(session, [first])
        activity.add(session, [told])
        return
    given = {
        tables.pools: pools.row_of(pool),
        tables.conditions: msgspec.to_builtins(first),
        tables.activities: activity.row_of(told),
    }
    statement = _together(tuple((table, tuple(row)) for table, row in given.items()))
    values = {_name(t, column): value for t, row in given.items() for column, value in row.items()}
    session.execute(statement, values)


@cache
def _together(wanted: tuple[tuple[Table, tuple[str, ...]], ...]) -> Insert:
    """Return the statement, made once."""
    pool, *others = (_inserting(table, columns) for table, columns in wanted)
    ctes = [one.cte(f"new_{one.table.name}") for one in others]
    return pool.values(place=pools.NEXT_PLACE).add_cte(*ctes).inline()


def _inserting(table: Table, columns: tuple[str, ...]) -> Insert:
    # Tables have columns of the same name.
    return insertion(table).values({c: bindparam(_name(table, c)) for c in columns})


def _name(table: Table, column: str) -> str:
    return f"{table.name}_{column}"
