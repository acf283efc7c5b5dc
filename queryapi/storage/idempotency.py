"""What was answered to requests that may come again."""

from sqlalchemy import bindparam, delete, select, tuple_
from sqlalchemy import insert as insertion

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.records import Remembered
from queryapi.storage.tables import answers

_FOUND = select(answers).where(
    answers.c.key == bindparam("wanted"), answers.c.actor == bindparam("whose")
)
_NEW = insertion(answers)


def find(session: Session, key: str, user: str) -> Remembered | None:
    """Return what was answered to *user*'s request of that key.

    In a writing transaction nobody else stores one of that key and user until it ends.
    """
    row = session.execute(_FOUND, {"wanted": key, "whose": user}).one_or_none()
    if row is None:
        return None
    return Remembered(
        key=row.key,
        user=row.actor,
        digest=row.digest,
        pool_id=row.pool_id,
        version=row.version,
        body=bytes(row.body),
        at=row.at,
    )


def insert(session: Session, remembered: Remembered) -> None:
    """Store an answer."""
    session.execute(
        _NEW,
        {
            "key": remembered.key,
            "actor": remembered.user,
            "digest": remembered.digest,
            "pool_id": remembered.pool_id,
            "version": remembered.version,
            "body": remembered.body,
            "at": remembered.at,
        },
    )


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to *batch* answers from before *older_than*; returns how many."""
    key = tuple_(answers.c.actor, answers.c.key)
    old = select(answers.c.actor, answers.c.key).where(answers.c.at < older_than)
    chosen = old.order_by(answers.c.at).limit(batch)
    return rows.deleted(session, delete(answers).where(key.in_(chosen)))
