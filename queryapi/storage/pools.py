"""The pools that somebody has registered.

Whoever writes calls `touch` in the same transaction: readers keep what they have read until then.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, select
from sqlalchemy import delete as deletion
from sqlalchemy import insert as insertion
from sqlalchemy import update as change

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.records import NodeType, Pool
from queryapi.storage.tables import POOL, REVISION, REVISION_NOW, numbers, pools

_KEPT_AS_TEXT: Mapping[str, Any] = {
    "node_types": tuple[NodeType, ...],
    "tags": tuple[str, ...],
    "selector": dict[str, tuple[str, ...]],
}
NEXT_PLACE = select(func.coalesce(func.max(pools.c.place), 0) + 1).scalar_subquery()
"""That of a new pool, behind all others."""

_COLUMNS = [pools.c[name] for name in Pool.__struct_fields__]
_EVERY = select(*_COLUMNS).order_by(pools.c.place)
# Statements are made once: that takes longer than the database does with most of them.
_FOUND = select(*_COLUMNS).where(pools.c.id == bindparam("wanted"))
_SOME = select(*_COLUMNS).where(pools.c.id.in_(bindparam("wanted", expanding=True)))
_EDITION = ("id", "version", "created_at", "updated_at")
_EDITIONS = select(*(pools.c[name] for name in _EDITION)).order_by(pools.c.place)
_NEW = insertion(pools).values(place=NEXT_PLACE)
_RISEN = (
    change(numbers)
    .where(numbers.c.name == REVISION)
    .values(value=numbers.c.value + 1)
    .returning(numbers.c.value)
)
_BOTH_RISEN = (
    change(numbers)
    .where(numbers.c.name.in_((POOL, REVISION)))
    .values(value=numbers.c.value + 1)
    .returning(numbers.c.name, numbers.c.value)
)
_EXACT = (pools.c.id == bindparam("wanted")) & (pools.c.version == bindparam("seen"))
_CHANGED = change(pools).where(_EXACT)
_DELETED = deletion(pools).where(_EXACT)

Edition = tuple[str, int, float, float]
"""What tells a pool as it is wanted from every other, and from itself before: see `edition`."""


def edition(pool: Pool) -> Edition:
    """Return which pool this is, and how it is wanted: equal ones are equal in every field."""
    # The version alone may come again where a copy of the database was restored.
    return pool.id, pool.version, pool.created_at, pool.updated_at


def editions(session: Session) -> tuple[Edition, ...]:
    """Return those of all pools, in the order in which they were created."""
    return tuple((row[0], row[1], row[2], row[3]) for row in session.execute(_EDITIONS))


def some(session: Session, pool_ids: Iterable[str]) -> tuple[Pool, ...]:
    """Return the pools of some ids, in no order."""
    return tuple(map(_pool, session.execute(_SOME, {"wanted": list(pool_ids)})))


def every(session: Session) -> tuple[Pool, ...]:
    """Return all pools, in the order in which they were created."""
    return tuple(map(_pool, session.execute(_EVERY)))


def count(session: Session) -> int:
    """Return how many there are."""
    return session.scalar(select(func.count()).select_from(pools)) or 0


def find(session: Session, pool_id: str) -> Pool | None:
    """Return one pool; in a writing transaction nobody else changes it until that ends."""
    if not rows.is_kept(pool_id):
        return None
    found = session.execute(_FOUND, {"wanted": pool_id}).one_or_none()
    return None if found is None else _pool(found)


def next_number(session: Session) -> tuple[int, int]:
    """Return the number of a new pool, and what `touch` would: it is called with this.

    The number is one more than any pool ever had, deleted ones too.
    """
    risen = {row.name: int(row.value) for row in session.execute(_BOTH_RISEN)}
    return risen[POOL], risen[REVISION]


def insert(session: Session, pool: Pool) -> None:
    """Store a new pool; an id that is taken is a defect of the caller's."""
    session.execute(_NEW, row_of(pool))


def update(session: Session, pool: Pool, *, seen: int) -> bool:
    """Store *pool* (with its new version) in place of version *seen*; False = that is gone."""
    given = {"wanted": pool.id, "seen": seen, **row_of(pool)}
    return session.execute(_CHANGED, given).rowcount == 1


def delete(session: Session, pool_id: str, *, seen: int) -> bool:
    """Delete version *seen* of a pool; False = that is gone. Its number is never given again."""
    return session.execute(_DELETED, {"wanted": pool_id, "seen": seen}).rowcount == 1


def touch(session: Session) -> int:
    """Let `Store.revision` rise, to what is returned, when this transaction is stored."""
    return int(session.execute(_RISEN).scalar_one())


def revision(session: Session) -> int:
    """Return the revision of what this transaction sees."""
    return int(session.scalar(REVISION_NOW) or 0)


def row_of(pool: Pool) -> rows.Row:
    """Return a pool as it is kept, but for its place."""
    row = msgspec.structs.asdict(pool)
    return row | {name: rows.text(row[name]) for name in _KEPT_AS_TEXT}


def _pool(row: Row[Any]) -> Pool:
    values = [read(value) for read, value in zip(_READERS, row, strict=True)]
    return Pool(*values)


def _reader(name: str) -> Callable[[Any], Any]:
    kind = _KEPT_AS_TEXT.get(name)
    return _as_it_is if kind is None else msgspec.json.Decoder(kind).decode


def _as_it_is(value: object) -> object:
    return value


_READERS = [_reader(name) for name in Pool.__struct_fields__]
