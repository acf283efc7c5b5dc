"""Reads the stories of jobs from the store; used by threads, never by the event loop."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.services.jobs.frames import Frame, story
from queryapi.storage.jobrecords import FINAL, Event, Job

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

KEPT = 64
"""Frames that are read at a time."""

# More than twice the lines of one frame: those of at least one are whole.
_LINES = 1001
_IDS = 500


@dataclass(frozen=True, slots=True)
class Known:
    """How far a story is known.

    Args:
        number: Of the job; another one has another story.
        seq: Of the last frame.
    """

    number: int
    seq: int


@dataclass(frozen=True, slots=True)
class News:
    """What is new in a story.

    Args:
        job: The job as it is now.
        frames: Beyond what was known; of a story that was not, the last ones, or none.
        head: Up to which frame the story is known now.
        newest: What was told of its progress last; None = nothing in these frames.
        ended: What was told of its end last; the same.
    """

    job: Job
    frames: tuple[Frame, ...]
    head: int
    newest: Event | None
    ended: Event | None


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one look.

    Args:
        news: By id of those that are new or have changed; None = there is no such job.
        whole: Those after whose frame nothing is missing.
    """

    news: Mapping[str, News | None]
    whole: Collection[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class _Page:
    frames: tuple[Frame, ...]
    events: tuple[Event, ...]
    last: bool


class Stories:
    """What the store has of jobs.

    Args:
        store: Only read.
    """

    def __init__(self, store: "Store") -> None:
        self._store = store

    def look(
        self, wanted: Mapping[str, Known | None], back: Collection[tuple[str, int]] = ()
    ) -> Look:
        """Return what is new of some jobs.

        Args:
            wanted: By id how far each is known; None = not at all.
            back: Ids and frames, to tell whether all frames beyond them are there.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        with self._store.reading() as session:
            heads: dict[str, storage.jobs.Head] = {}
            for ids in _batches(wanted):
                heads |= storage.jobs.heads(session, ids)
            changed = [
                each
                for each, known in wanted.items()
                if each in heads and (known is None or heads[each][:2] != (known.number, known.seq))
            ]
            news: dict[str, News | None] = dict.fromkeys(wanted.keys() - heads.keys())
            for ids in _batches(changed):
                for each, job in storage.jobs.some(session, ids).items():
                    news[each] = _news(session, job, wanted[each])
            whole = {
                (each, seq)
                for each, seq in back
                if each in heads and heads[each].forgotten <= seq <= heads[each].seq
            }
        return Look(news, whole)

    def page(self, job: Job, seq: int) -> tuple[Frame, ...]:
        """Return some frames of a job beyond *seq*; none = there are none.

        Raises:
            StoreUnavailable: When the database does not answer.
        """
        with self._store.reading() as session:
            return _page(session, job, seq).frames


def _news(session: "Session", job: Job, known: Known | None) -> News:
    if known is not None and known.number == job.number and known.seq < job.seq:
        page = _page(session, job, known.seq)
        head = job.seq if page.last or not page.frames else page.frames[-1].seq
        return News(job, page.frames, head, _last(page, "progress"), _last(page, "completed"))
    page = _page(session, job, max(0, job.seq - KEPT))
    newest = _last(page, "progress") if page.last else None
    ended = _last(page, "completed") if page.last else None
    if ended is None and job.status in FINAL:
        ended = storage.jobevents.newest(session, job.number, "completed")
    return News(
        job,
        page.frames if page.last else (),
        job.seq,
        newest or storage.jobevents.newest(session, job.number, "progress"),
        ended,
    )


def _page(session: "Session", job: Job, seq: int) -> _Page:
    events = storage.jobevents.after(session, job.number, seq, limit=KEPT)
    lines = storage.joblogs.after(session, job.number, seq, limit=_LINES)
    # What may be cut off belongs to the next page.
    upto = job.seq
    if len(events) == KEPT:
        upto = events[-1].seq
    if len(lines) == _LINES:
        upto = min(upto, lines[-1].seq - 1)
    events = tuple(event for event in events if event.seq <= upto)
    frames = story(job.id, events, (line for line in lines if line.seq <= upto))
    return _Page(frames, events, upto == job.seq)


def _last(page: _Page, kind: str) -> Event | None:
    return next((event for event in reversed(page.events) if event.kind == kind), None)


def _batches(ids: Collection[str]) -> Iterator[list[str]]:
    given = iter(ids)
    while batch := list(islice(given, _IDS)):
        yield batch
