"""What happened to pools: written once, never changed, forgotten when old."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.records import Activity, Change
from queryapi.storage.tables import activities

_NEW = insert(activities)


def add(session: Session, added: Iterable[Activity]) -> None:
    """Store activities, in their order; the store numbers them."""
    # One after another: the numbers of several in one statement are in no order.
    for one in added:
        session.execute(_NEW, row_of(one))


def row_of(one: Activity) -> rows.Row:
    """Return an activity as it is kept, but for its number."""
    return {
        "pool_id": one.pool_id,
        "pool_name": one.pool_name,
        "cluster": one.cluster,
        "action": one.action,
        "details": one.details,
        "at": one.at,
        "actor": one.user,
        "changes": rows.text(one.changes),
        "nodes": rows.text(one.nodes),
    }


def page(
    session: Session,
    *,
    limit: int,
    pool_id: str | None = None,
    before: int | None = None,
    clusters: Collection[str] | None = None,
) -> tuple[Activity, ...]:
    """Return activities, newest first.

    Args:
        session: The transaction.
        limit: The most to return.
        pool_id: Only of this pool, deleted or not; None = of all.
        before: Only those numbered below.
        clusters: Only of pools of these; None = of all.
    """
    if pool_id is not None and not rows.is_kept(pool_id):
        return ()
    chosen = select(activities).order_by(activities.c.number.desc()).limit(limit)
    if pool_id is not None:
        chosen = chosen.where(activities.c.pool_id == pool_id)
    if before is not None:
        chosen = chosen.where(activities.c.number < before)
    if clusters is not None:
        chosen = chosen.where(activities.c.cluster.in_(clusters))
    return tuple(map(_activity, session.execute(chosen)))


def prune(session: Session, *, older_than: float, most: int, batch: int) -> int:
    """Delete up to *batch* activities: from before *older_than*, and beyond the *most* newest.

    Returns how many were deleted.
    """
    number = activities.c.number
    beyond = select(number).order_by(number.desc()).limit(1).offset(most).scalar_subquery()
    old = select(number).where(or_(activities.c.at < older_than, number <= beyond))
    chosen = old.order_by(number).limit(batch).scalar_subquery()
    return rows.deleted(session, delete(activities).where(number.in_(chosen)))


def _activity(row: Row[Any]) -> Activity:
    return Activity(
        pool_id=row.pool_id,
        pool_name=row.pool_name,
        cluster=row.cluster,
        action=row.action,
        details=row.details,
        at=row.at,
        user=row.actor,
        changes=rows.read(row.changes, tuple[Change, ...]),
        nodes=rows.read(row.nodes, tuple[str, ...]),
        number=row.number,
    )
