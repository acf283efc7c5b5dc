"""What of jobs is too old or too much: found and deleted a batch at a time.

Each function deletes at most *batch* rows, so that other writers have their turns in between.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from queryapi.storage import rows
from queryapi.storage.engine import Session
from queryapi.storage.jobrecords import LINES_EACH
from queryapi.storage.jobtables import job_events, job_logs, jobs

_KEPT = jobs.c.log_bytes - jobs.c.log_forgotten


class _Octets(FunctionElement[int]):
    """How many bytes a text has: the databases have different names for it."""

    type = Integer()
    inherit_cache = True


@compiles(_Octets)
def _octets(element: _Octets, compiler: SQLCompiler, **options: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **options)})"


@compiles(_Octets, "sqlite")
def _octets_in_sqlite(element: _Octets, compiler: SQLCompiler, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **options)} AS BLOB))"


_LINES = select(job_logs.c.job, job_logs.c.number, _Octets(job_logs.c.message).label("size"))
_OLDEST = job_logs.c.heard, job_logs.c.job, job_logs.c.number
_LAST = bindparam("last", type_=BigInteger)
_LESS_KEPT = (
    update(jobs)
    .where(jobs.c.number == bindparam("its_number"))
    .values(
        log_forgotten=jobs.c.log_forgotten + bindparam("size"),
        lines_forgotten=jobs.c.lines_forgotten + bindparam("lines"),
        forgotten=case((jobs.c.forgotten < _LAST, _LAST), else_=jobs.c.forgotten),
    )
)


@dataclass(frozen=True, slots=True)
class Gone:
    """What was deleted: how many rows, and how large they were where that counts."""

    rows: int = 0
    size: int = 0


class _Less(NamedTuple):
    """What is not kept of a job any more: lines, how large they were, and the last frame of all."""

    size: int
    lines: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a look through all events has come to."""

    at: float
    job: int
    seq: int


@dataclass(frozen=True, slots=True)
class Old:
    """Some events that are old.

    Args:
        unneeded: Which of them nobody needs: their frames, by job.
        upto: Where they end; None = there are no more.
    """

    unneeded: Mapping[int, Sequence[int]]
    upto: Place | None


def kept(session: Session) -> int:
    """Return how large the log lines of all jobs are together."""
    return int(session.scalar(select(func.coalesce(func.sum(_KEPT), 0))) or 0)


def above(session: Session, size: int) -> dict[int, int]:
    """Return by job by how much its log lines are larger than *size*."""
    chosen = select(jobs.c.number, (_KEPT - size).label("excess")).where(size < _KEPT)
    return {row.number: row.excess for row in session.execute(chosen)}


def lines_before(session: Session, at: float, *, batch: int) -> Gone:
    """Delete log lines that came before a moment; what is left of a log is the end of it."""
    found = _LINES.where(job_logs.c.heard < at).order_by(*_OLDEST).limit(batch)
    return _lines_gone(session, session.execute(found).all())


def oldest_lines(session: Session, excess: int, *, batch: int, job: int | None = None) -> Gone:
    """Delete the oldest log lines of a job, or of all, until they are less by *excess*."""
    found = _LINES.limit(batch)
    if job is None:
        found = found.order_by(*_OLDEST)
    else:
        found = found.where(job_logs.c.job == job).order_by(job_logs.c.number)
    return _lines_gone(session, _worth(session.execute(found).all(), excess))


def old_events(session: Session, before: float, after: Place | None, *, batch: int) -> Old:
    """Look at the next events from before a moment, oldest first.

    A job's newest report is needed as long as the job is, and so is what was said of its end.
    """
    later = job_events.alias()
    followed = (
        select(later.c.seq)
        .where(
            later.c.job == job_events.c.job,
            later.c.seq > job_events.c.seq,
            later.c.kind == "progress",
        )
        .exists()
    )
    unknown = ~select(jobs.c.number).where(jobs.c.number == job_events.c.job).exists()
    unneeded = or_(and_(job_events.c.kind == "progress", followed), unknown)
    chosen = select(
        job_events.c.at, job_events.c.job, job_events.c.seq, unneeded.label("unneeded")
    ).where(job_events.c.at < before)
    found = session.execute(_beyond(chosen, after).limit(batch)).all()
    last = found[-1] if len(found) == batch else None
    keys = _by_job((row.job, row.seq) for row in found if row.unneeded)
    return Old(keys, Place(last.at, last.job, last.seq) if last else None)


def drop_events(session: Session, frames: Mapping[int, Sequence[int]]) -> Gone:
    """Delete some events: their frames, by job."""
    count = _delete_each(session, job_events.c.job, job_events.c.seq, frames)
    _note(session, {job: _Less(0, 0, max(gone)) for job, gone in frames.items()})
    return Gone(count)


def jobs_before(session: Session, at: float, *, batch: int) -> tuple[int, ...]:
    """Delete jobs that ended, or were last heard of, before a moment; what they told stays."""
    old = select(jobs.c.number).where(
        jobs.c.created_at < at,
        func.coalesce(jobs.c.ended_at, 0.0) < at,
        func.coalesce(jobs.c.reported_at, 0.0) < at,
    )
    found = tuple(session.scalars(old.order_by(jobs.c.number).limit(batch)))
    if found:
        rows.deleted(session, delete(jobs).where(jobs.c.number.in_(found)))
    return found


def told_by(session: Session, job: int, *, batch: int) -> Gone:
    """Delete what a job told that is there no more."""
    lines = _first(session, select(job_logs.c.number).where(job_logs.c.job == job), batch)
    if lines:
        its_lines = job_logs.c.job == job, job_logs.c.number <= max(lines)
        return Gone(rows.deleted(session, delete(job_logs).where(*its_lines)))
    events = _first(session, select(job_events.c.seq).where(job_events.c.job == job), batch)
    if events:
        its_events = job_events.c.job == job, job_events.c.seq <= max(events)
        return Gone(rows.deleted(session, delete(job_events).where(*its_events)))
    return Gone()


def _first(session: Session, chosen: Select[tuple[int]], count: int) -> tuple[int, ...]:
    (key,) = chosen.selected_columns
    return tuple(session.scalars(chosen.order_by(key).limit(count)))


def _beyond(chosen: Select[Any], after: Place | None) -> Select[Any]:
    key: tuple[ColumnElement[Any], ...] = (job_events.c.at, job_events.c.job, job_events.c.seq)
    if after is not None:
        place = (literal(after.at), literal(after.job), literal(after.seq))
        chosen = chosen.where(tuple_(*key) > tuple_(*place))
    return chosen.order_by(*key)


def _worth(found: Iterable[Row[Any]], excess: int) -> list[Row[Any]]:
    """Return the first lines that are as large as *excess* together."""
    chosen = []
    for row in found:
        if excess <= 0:
            break
        chosen.append(row)
        excess -= row.size
    return chosen


def _lines_gone(session: Session, lines: Sequence[Row[Any]]) -> Gone:
    sizes: dict[int, int] = defaultdict(int)
    for line in lines:
        sizes[line.job] += line.size
    numbers = _by_job((line.job, line.number) for line in lines)
    count = _delete_each(session, job_logs.c.job, job_logs.c.number, numbers)
    less = {
        job: _Less(sizes[job], len(gone), max(gone) // LINES_EACH) for job, gone in numbers.items()
    }
    _note(session, less)
    return Gone(count, sum(sizes.values()))


def _note(session: Session, less: Mapping[int, _Less]) -> None:
    """Have jobs say what is not kept of them any more."""
    # In their order, as whoever stores reports locks them.
    noted = [{"its_number": job, **less[job]._asdict()} for job in sorted(less)]
    if noted:
        session.execute(_LESS_KEPT, noted)


def _by_job(keys: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for job, key in keys:
        found[job].append(key)
    return found


def _delete_each(
    session: Session, job: Column[int], key: Column[int], chosen: Mapping[int, Sequence[int]]
) -> int:
    """Delete rows by their keys; one statement for a job is quicker than one for a row."""
    return sum(
        rows.deleted(session, delete(job.table).where(job == number, key.in_(keys)))
        for number, keys in chosen.items()
    )
