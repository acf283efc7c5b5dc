"""What was measured of jobs: one by one, or span by span, counted where it is kept."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import BigInteger, Select, and_, case, cast, func, literal_column, or_, select

from queryapi.storage.engine import Session
from queryapi.storage.jobrecords import MEASURED, Sample, Span
from queryapi.storage.jobtables import job_events, jobs

_COLUMNS = tuple(job_events.c[name] for name in MEASURED)
_HOW: Mapping[str, Callable[..., Any]] = {"mean": func.avg, "least": func.min, "most": func.max}
_NUMBER = "number"


def since(session: Session, job: int, at: float, *, limit: int) -> tuple[Span, ...]:
    """Return the newest of a job's measurements of after a moment, oldest first.

    Each is a span of its own.
    """
    chosen = _chosen(select(job_events.c.at, job_events.c.seq, *_COLUMNS), job, at)
    newest = chosen.order_by(job_events.c.at.desc(), job_events.c.seq.desc()).limit(limit)
    found = [
        Span(row.at, row.seq, 1, Sample(**{name: row._mapping[name] for name in MEASURED}))  # noqa: SLF001 - a public name of SQLAlchemy's
        for row in session.execute(newest)
    ]
    return tuple(reversed(found))


def newest(session: Session, numbers: Collection[int], *, since: float) -> dict[int, Sample]:
    """Return the newest that was measured of some jobs since a moment, by their numbers."""
    newest = (
        select(job_events.c.seq)
        .where(job_events.c.job == jobs.c.number, job_events.c.at >= since)
        .where(or_(*(column.is_not(None) for column in _COLUMNS)))
        .order_by(job_events.c.at.desc(), job_events.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    its_own = job_events.alias()
    columns = (its_own.c[name] for name in ("job", *MEASURED))
    beside = and_(its_own.c.job == jobs.c.number, its_own.c.seq == newest)
    chosen = (
        select(*columns).select_from(jobs).join(its_own, beside).where(jobs.c.number.in_(numbers))
    )
    return {row[0]: Sample(*row[1:]) for row in session.execute(chosen)}


def spans(session: Session, job: int, begin: float, *, step: float) -> tuple[Span, ...]:
    """Return what was measured of a job, span by span, oldest first; none of spans without any.

    Args:
        session: The transaction.
        job: The job's number.
        begin: Where the first span begins.
        step: How long each is, in seconds.
    """
    place = (job_events.c.at - begin) / step
    # One database cuts a cast off, the other rounds it; not every SQLite has a floor of its own.
    whole = cast(place, BigInteger)
    number = (whole - case((whole > place, 1), else_=0)).label(_NUMBER)
    told = [
        function(column).label(f"{kind}_{column.name}")
        for kind, function in _HOW.items()
        for column in _COLUMNS
    ]
    counted = (func.count().label("counted"), func.min(job_events.c.seq).label("first"))
    # By its name: two expressions with parameters are never the same to PostgreSQL.
    named: Any = literal_column(_NUMBER)
    chosen = _chosen(select(number, *counted, *told), job, begin)
    return tuple(
        _span(row._mapping, begin, step)  # noqa: SLF001 - as above
        for row in session.execute(chosen.group_by(named).order_by(named))
    )


def _chosen(chosen: Select[Any], job: int, since: float) -> Select[Any]:
    measured = or_(*(column.is_not(None) for column in _COLUMNS))
    return chosen.where(job_events.c.job == job, job_events.c.at >= since, measured)


def _span(row: Mapping[Any, Any], begin: float, step: float) -> Span:
    mean, least, most = (
        Sample(**{name: row[f"{kind}_{name}"] for name in MEASURED}) for kind in _HOW
    )
    at = begin + row[_NUMBER] * step
    return Span(at, row["first"], row["counted"], mean, least, most)
