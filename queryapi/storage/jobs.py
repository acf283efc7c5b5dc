"""Jobs: stored with their first report, changed with every other."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Row, func, null, or_, select, text

from queryapi.storage import bulk, rows
from queryapi.storage.bulk import Values
from queryapi.storage.engine import Session
from queryapi.storage.jobrecords import FINAL, Job, JobStatus, Seen, Step, Tariff
from queryapi.storage.jobtables import jobs

_FIXED = ("number", "id", "owner", "created_at", "log_forgotten", "lines_forgotten", "forgotten")
_CHANGED = tuple(c.name for c in jobs.c if c.name not in _FIXED)
# What nearly every report changes. SQLite writes an index anew for each of its columns that a
# statement names, so nothing here is in one.
_OFTEN = ("progress", "operation", "seq", "reported_at", "log_lines", "log_bytes")
_SELDOM = tuple(name for name in _CHANGED if name not in (*_OFTEN, "steps", "seen"))
_PLAIN = tuple(name for name in _SELDOM if name not in ("status", "tariffs"))
_OFTEN_OF, _SELDOM_OF, _PLAIN_OF = (attrgetter(*names) for names in (_OFTEN, _SELDOM, _PLAIN))
_UPDATED_OFTEN = (*_OFTEN, "steps", "seen", "number")
_UPDATED = (*_OFTEN, "steps", "seen", *_PLAIN, "status", "tariffs", "number")
_FIELDS = tuple(field.name for field in msgspec.structs.fields(Job))
# Of every row that is read: a mapping of names, made for it, would take longer than the rest.
_IN_ORDER = itemgetter(*(tuple(jobs.c.keys()).index(name) for name in _FIELDS))
_STATUS = _FIELDS.index("status")
_DECODED: tuple[tuple[int, Callable[[str], Any]], ...] = (
    (_FIELDS.index("tariffs"), msgspec.json.Decoder(tuple[Tariff, ...]).decode),
    (_FIELDS.index("steps"), msgspec.json.Decoder(tuple[Step, ...]).decode),
    (_FIELDS.index("seen"), msgspec.json.Decoder(Seen).decode),
)
_NONE: Mapping[str, Job] = MappingProxyType({})
# What it came to may be long, and a thousand of such are not read to tell of none.
_OUTLINE = tuple(null().label(c.name) if c.name in ("result", "error") else c for c in jobs.c)
_NEW = tuple(c.name for c in jobs.c if c.name != "number")
# As text, which both databases read: SQLAlchemy keeps nothing that it compiles of ON CONFLICT.
_BEGIN = text(
    f"INSERT INTO jobs ({', '.join(_NEW)}) VALUES ({', '.join(f':{name}' for name in _NEW)})"  # noqa: S608 - our names
    " ON CONFLICT (id) DO NOTHING RETURNING number"
)


# The transaction that has written a row last, and the one that asks. It may be that of another
# server, which has taken the place of one that was lost: the rest tells them apart.
_LOCK = (
    "SELECT id, number, seq, reported_at, xmin::text, (txid_current() & 4294967295)::text"
    " FROM jobs WHERE id = ANY(%s::text[]) ORDER BY number FOR UPDATE"
)


class Held(NamedTuple):
    """A job, and what has written it.

    Args:
        job: As it is.
        version: The transaction that has.
    """

    job: Job
    version: str


class Locked(NamedTuple):
    """Jobs that nobody else changes.

    Args:
        held: The jobs, by id.
        own: The version of what the transaction that has locked them writes; None = unknown.
    """

    held: dict[str, Held]
    own: str | None


class Head(NamedTuple):
    """How far the story of a job goes.

    Args:
        number: The job's.
        seq: Its last frame.
        forgotten: The last frame of which not all is kept any more.
    """

    number: int
    seq: int
    forgotten: int


def one(session: Session, job_id: str) -> Job | None:
    """Return the job of an id; None = there is none."""
    return some(session, (job_id,)).get(job_id)


def some(session: Session, ids: Iterable[str]) -> dict[str, Job]:
    """Return the jobs of some ids that there are, by id."""
    wanted = [each for each in ids if rows.is_kept(each)]
    chosen = select(jobs).where(jobs.c.id.in_(wanted)).order_by(jobs.c.number)
    return {row.id: _job(row) for row in session.execute(chosen)}


def locked(session: Session, ids: Iterable[str], held: Mapping[str, Held]) -> Locked:
    """Return jobs as `some`; others who would change them wait until the transaction ends.

    Args:
        session: The transaction.
        ids: Which.
        held: Jobs as they were, by id; not read are those that are so still. In SQLite that is
            every one: only this process could change them.
    """
    wanted = [each for each in ids if rows.is_kept(each)]
    own: str | None = ""
    if session.dialect.name == "sqlite":
        versions = dict.fromkeys(wanted, "")
        known = {name: held[name] for name in wanted if name in held}
    else:
        found = session.exec_driver_sql(_LOCK, (wanted,)).all()
        own = found[0][-1] if found else None
        versions = {row[0]: row[-2] for row in found}
        known = {row[0]: held[row[0]] for row in found if _is_so_still(held.get(row[0]), row)}
    others = [name for name in versions if name not in known]
    read = some(session, others) if others else {}
    return Locked(known | {it: Held(job, versions[it]) for it, job in read.items()}, own)


def _is_so_still(held: Held | None, row: Row[Any]) -> bool:
    if held is None:
        return False
    job = held.job
    return tuple(row)[1:-1] == (job.number, job.seq, job.reported_at, held.version)


def heads(session: Session, ids: Collection[str]) -> dict[str, Head]:
    """Return by id how far the stories of some jobs go."""
    wanted = [each for each in ids if rows.is_kept(each)]
    chosen = select(jobs.c.id, jobs.c.number, jobs.c.seq, jobs.c.forgotten)
    found = session.execute(chosen.where(jobs.c.id.in_(wanted)))
    return {row.id: Head(row.number, row.seq, row.forgotten) for row in found}


def page(
    session: Session,
    *,
    limit: int,
    before: int | None = None,
    statuses: Collection[JobStatus] | None = None,
    clusters: Collection[str] | None = None,
    namespaces: Collection[str] | None = None,
    owner: str | None = None,
) -> tuple[Job, ...]:
    """Return jobs, newest first, without `result` and `error`.

    Args:
        session: The transaction.
        limit: The most to return.
        before: Only those numbered below.
        statuses: Only those; None = all.
        clusters: Only of these; None = of all.
        namespaces: Only of these, and those of *owner*; None = of all.
        owner: See there.
    """
    chosen = select(*_OUTLINE).order_by(jobs.c.number.desc()).limit(limit)
    if before is not None:
        chosen = chosen.where(jobs.c.number < before)
    if statuses is not None:
        chosen = chosen.where(jobs.c.status.in_(statuses))
    if clusters is not None:
        chosen = chosen.where(jobs.c.cluster.in_(clusters))
    if namespaces is not None:
        own = jobs.c.owner == owner
        chosen = chosen.where(or_(jobs.c.namespace.in_(namespaces), own))
    return tuple(map(_job, session.execute(chosen)))


def lately(session: Session, *, ended_after: float, limit: int) -> tuple[Job, ...]:
    """Return jobs that go on, or have not ended for long, the last reported first; as `page`."""
    heard = func.coalesce(jobs.c.reported_at, jobs.c.created_at)
    chosen = select(*_OUTLINE).where(_lately(ended_after))
    chosen = chosen.order_by(heard.desc(), jobs.c.number.desc())
    return tuple(map(_job, session.execute(chosen.limit(limit))))


def count_lately(session: Session, *, ended_after: float) -> int:
    """Return how many jobs `lately` chooses from."""
    chosen = select(func.count()).select_from(jobs).where(_lately(ended_after))
    return int(session.scalar(chosen) or 0)


def count_by_status(session: Session) -> dict[JobStatus, int]:
    """Return how many jobs there are, by status."""
    found = session.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
    return {JobStatus(status): count for status, count in found}


def begin(session: Session, job: Job) -> int | None:
    """Store a new job; returns its number, or None when there is one of that id already."""
    number: int | None = session.execute(_BEGIN, _new(job)).scalar_one_or_none()
    return number


def change(session: Session, changed: Sequence[Job], before: Mapping[str, Job] = _NONE) -> None:
    """Store jobs that are there already.

    Args:
        session: The transaction.
        changed: As they are from now on.
        before: As they are stored, by id, where that is known: the less differs the less is done.
    """
    little, much = list[Values](), list[Values]()
    for job in changed:
        was = before.get(job.id)
        often = (*_OFTEN_OF(job), rows.text(job.steps), rows.text(job.seen))
        if was is not None and _SELDOM_OF(was) == _SELDOM_OF(job):
            little.append((*often, job.number))
        else:
            seldom = (*_PLAIN_OF(job), str(job.status), rows.text(job.tariffs))
            much.append((*often, *seldom, job.number))
    bulk.update(session, jobs, _UPDATED_OFTEN, little)
    bulk.update(session, jobs, _UPDATED, much)


def _new(job: Job) -> dict[str, Any]:
    row = _row(job)
    del row["number"]
    return row


def _lately(ended_after: float) -> ColumnElement[bool]:
    return or_(jobs.c.status.not_in(FINAL), jobs.c.ended_at >= ended_after)


def _row(job: Job) -> dict[str, Any]:
    row = msgspec.structs.asdict(job)
    for name in ("tariffs", "steps", "seen"):
        row[name] = rows.text(row[name])
    row["status"] = str(job.status)
    return row


def _job(row: Row[Any]) -> Job:
    held = list(_IN_ORDER(row))
    held[_STATUS] = JobStatus(held[_STATUS])
    for place, decode in _DECODED:
        held[place] = decode(held[place])
    return Job(*held)
