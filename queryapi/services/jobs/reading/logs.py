"""What a job has logged: page by page, or all of it as text."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.services.jobs.answers import LogsTold
from queryapi.services.jobs.reading.asked import LogsAsked
from queryapi.services.jobs.reading.items import log_of
from queryapi.services.wording import instant
from queryapi.storage.jobrecords import LINES_EACH, Job, LogLine

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

_LINES_AT_ONCE = 1000
# No line of a log can be taken for another's: what goes on is further in.
_GOES_ON = "\n    "


def logs_of(session: "Session", job: Job, asked: LogsAsked) -> LogsTold:
    """Return a page of lines."""
    found = storage.joblogs.page(
        session,
        job.number,
        # One more tells whether there is another page.
        limit=asked.limit + 1,
        offset=asked.offset,
        level=asked.level,
        before=asked.before,
        search=asked.search,
    )
    lines = found[-asked.limit :]
    return LogsTold(
        success=True,
        logs=tuple(log_of(job, line) for line in lines),
        total=_total(session, job, asked),
        limit=asked.limit,
        offset=asked.offset,
        next=str(lines[0].number) if len(found) > len(lines) else None,
    )


def _total(session: "Session", job: Job, asked: LogsAsked) -> int:
    if asked.level is None and asked.search is None:
        # Of a long log it takes longer to count the lines than to read the page.
        return job.log_lines - job.lines_forgotten
    return storage.joblogs.count(session, job.number, level=asked.level, search=asked.search)


def text_of(store: "Store", job: Job, asked: LogsAsked) -> Iterator[bytes]:
    """Yield all lines that there are now, a piece at a time, each in a transaction of its own."""
    beyond = -1
    until = job.seq * LINES_EACH + LINES_EACH - 1
    while True:
        with store.reading() as session:
            lines = storage.joblogs.onward(
                session,
                job.number,
                beyond=beyond,
                until=until,
                limit=_LINES_AT_ONCE,
                level=asked.level,
                search=asked.search,
            )
        if lines:
            yield "".join(map(_line, lines)).encode()
        if len(lines) < _LINES_AT_ONCE:
            return
        beyond = lines[-1].number


def _line(line: LogLine) -> str:
    message = _GOES_ON.join(line.message.splitlines())
    return f"{instant(line.at)} {line.level} {message}\n"
