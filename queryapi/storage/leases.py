"""Who of several processes does what only one should do."""

import time

from sqlalchemy import delete, func, select

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.tables import leases


def now(session: Session) -> float:
    """Return the Unix time that all who share the database have, whatever their own clocks say."""
    if session.dialect.name != "postgresql":
        # On the same machine.
        return time.time()
    return float(
        session.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
    )


def take(session: Session, name: str, holder: str, *, now: float, seconds: float) -> bool:
    """Take or renew a lease for so many seconds; False = somebody else holds it."""
    held = session.execute(select(leases).where(leases.c.name == name)).one_or_none()
    # One that would last for longer was taken before the clock was set back.
    lasts = held is not None and now < held.until <= now + seconds
    if held is not None and held.holder != holder and lasts:
        return False
    rows.put(session, leases, [{"name": name, "holder": holder, "until": now + seconds}])
    return True


def give_back(session: Session, name: str, holder: str) -> None:
    """End a lease, if *holder* has it."""
    session.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
