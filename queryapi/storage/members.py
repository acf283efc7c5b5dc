"""The nodes of pools as they were seen last."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, delete, select

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.records import Member
from queryapi.storage.tables import members


def of_cluster(session: Session, cluster: str) -> dict[str, Member]:
    """Return the members of a cluster's pools, by node."""
    columns = [members.c[name] for name in Member.__struct_fields__]
    chosen = select(*columns).where(members.c.cluster == cluster)
    return {row.node: Member(*row) for row in session.execute(chosen)}


def put(session: Session, seen: Iterable[Member]) -> None:
    """Store members, in place of what was known of the same nodes."""
    rows.put(session, members, map(msgspec.structs.asdict, seen))


def forget(session: Session, cluster: str, nodes: Iterable[str]) -> None:
    """Delete what is known of some nodes."""
    gone = [{"gone": node} for node in nodes]
    if gone:
        one = (members.c.cluster == cluster) & (members.c.node == bindparam("gone"))
        session.execute(delete(members).where(one), gone)
