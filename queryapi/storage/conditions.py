"""What was seen of each pool: its state, and since when."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, select

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.records import Condition, Status
from queryapi.storage.tables import conditions

_EVERY = select(*(conditions.c[name] for name in Condition.__struct_fields__))
_SOME = _EVERY.where(conditions.c.pool_id.in_(bindparam("wanted", expanding=True)))


def every(session: Session) -> dict[str, Condition]:
    """Return all conditions, by pool."""
    return {row.pool_id: _condition(row) for row in session.execute(_EVERY)}


def some(session: Session, pool_ids: Iterable[str]) -> dict[str, Condition]:
    """Return the conditions of some pools, by pool."""
    found = session.execute(_SOME, {"wanted": list(pool_ids)})
    return {row.pool_id: _condition(row) for row in found}


def put(session: Session, seen: Iterable[Condition]) -> None:
    """Store conditions, in place of what was known of the same pools."""
    rows.put(session, conditions, map(msgspec.to_builtins, seen))


def forget(session: Session, pool_ids: Iterable[str]) -> None:
    """Delete the conditions of some pools."""
    gone = [{"gone": pool_id} for pool_id in pool_ids]
    if gone:
        session.execute(delete(conditions).where(conditions.c.pool_id == bindparam("gone")), gone)


def _condition(row: Row[Any]) -> Condition:
    # All fields of the record are columns, in its order.
    pool_id, cluster, status, since, candidate, *others = row
    return Condition(pool_id, cluster, _STATUS[status], since, _STATUS[candidate], *others)


_STATUS: Mapping[str | None, Any] = {None: None, **{one.value: one for one in Status}}
