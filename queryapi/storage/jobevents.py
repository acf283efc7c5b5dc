"""What was told of jobs: written once, in the order of its numbers, forgotten when old."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, select

from queryapi.storage import bulk
from queryapi.storage.engine import Session
from queryapi.storage.jobrecords import MEASURED, Event, Kind, Sample
from queryapi.storage.jobtables import job_events

_NOTHING = Sample()
_COLUMNS = tuple(column.name for column in job_events.c)
_FIRST = _COLUMNS.index(MEASURED[0])
_BEFORE, _AFTER = attrgetter(*_COLUMNS[:_FIRST]), attrgetter(*_COLUMNS[_FIRST + len(MEASURED) :])
_VALUES = attrgetter(*_COLUMNS[_FIRST : _FIRST + len(MEASURED)])


def add(session: Session, events: Sequence[Event]) -> None:
    """Store events."""
    bulk.insert(session, job_events, _COLUMNS, [_row(event) for event in events])


def after(session: Session, job: int, seq: int, *, limit: int) -> tuple[Event, ...]:
    """Return a job's events beyond the frame *seq*, oldest first."""
    chosen = select(job_events).where(job_events.c.job == job, job_events.c.seq > seq)
    found = session.execute(chosen.order_by(job_events.c.seq).limit(limit))
    return tuple(map(_event, found))


def newest(session: Session, job: int, kind: Kind) -> Event | None:
    """Return the newest of a job's events of a kind; None = there is none."""
    chosen = select(job_events).where(job_events.c.job == job, job_events.c.kind == kind)
    row = session.execute(chosen.order_by(job_events.c.seq.desc()).limit(1)).first()
    return None if row is None else _event(row)


def _row(event: Event) -> tuple[Any, ...]:
    return (*_BEFORE(event), *_VALUES(event.sample or _NOTHING), *_AFTER(event))


def _event(row: Row[Any]) -> Event:
    held = dict(row._mapping)  # noqa: SLF001 - a public name of SQLAlchemy's
    sample = Sample(**{name: held.pop(name) for name in MEASURED})
    return Event(**held, sample=None if sample == Sample() else sample)
