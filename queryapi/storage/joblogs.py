"""What jobs have logged: written once, in the order of its numbers, forgotten when old."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, select

from queryapi.storage import bulk
from queryapi.storage.engine import Session
from queryapi.storage.jobrecords import LINES_EACH, Level, LogLine
from queryapi.storage.jobtables import job_logs

_COLUMNS = tuple(field.name for field in msgspec.structs.fields(LogLine))


def add(session: Session, lines: Sequence[LogLine]) -> None:
    """Store lines."""
    bulk.insert(session, job_logs, _COLUMNS, [msgspec.structs.astuple(line) for line in lines])


def after(session: Session, job: int, seq: int, *, limit: int) -> tuple[LogLine, ...]:
    """Return a job's lines beyond the frame *seq*, oldest first."""
    beyond = job_logs.c.number >= (seq + 1) * LINES_EACH
    chosen = select(job_logs).where(job_logs.c.job == job, beyond)
    found = session.execute(chosen.order_by(job_logs.c.number).limit(limit))
    return tuple(map(_line, found))


def page(
    session: Session,
    job: int,
    *,
    limit: int,
    offset: int = 0,
    level: Level | None = None,
    before: int | None = None,
    search: str | None = None,
) -> tuple[LogLine, ...]:
    """Return lines counted from the newest, oldest first.

    Args:
        session: The transaction.
        job: The job's number.
        limit: The most to return.
        offset: How many of the newest to pass over.
        level: Only of this one; None = of all.
        before: Only those numbered below.
        search: Only those that hold this text, whatever its case; None = all.
    """
    chosen = _chosen(select(job_logs), job, level, search)
    if before is not None:
        chosen = chosen.where(job_logs.c.number < before)
    chosen = chosen.order_by(job_logs.c.number.desc()).limit(limit).offset(offset)
    return tuple(map(_line, session.execute(chosen)))[::-1]


def onward(
    session: Session,
    job: int,
    *,
    beyond: int,
    until: int,
    limit: int,
    level: Level | None = None,
    search: str | None = None,
) -> tuple[LogLine, ...]:
    """Return lines numbered beyond one, up to another, oldest first; else as `page`."""
    chosen = _chosen(select(job_logs), job, level, search)
    chosen = chosen.where(job_logs.c.number > beyond, job_logs.c.number <= until)
    found = session.execute(chosen.order_by(job_logs.c.number).limit(limit))
    return tuple(map(_line, found))


def count(
    session: Session, job: int, *, level: Level | None = None, search: str | None = None
) -> int:
    """Return how many lines there are of those that `page` would return."""
    chosen = _chosen(select(func.count()).select_from(job_logs), job, level, search)
    return int(session.scalar(chosen) or 0)


def _chosen(chosen: Select[Any], job: int, level: Level | None, search: str | None) -> Select[Any]:
    chosen = chosen.where(job_logs.c.job == job)
    if level is not None:
        chosen = chosen.where(job_logs.c.level == level)
    if search is not None:
        chosen = chosen.where(job_logs.c.message.icontains(search, autoescape=True))
    return chosen


def _line(row: Row[Any]) -> LogLine:
    return LogLine(**row._mapping)  # noqa: SLF001 - a public name of SQLAlchemy's
