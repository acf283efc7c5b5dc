"""The log lines of a report, as they are kept: so many, so long, at a time that can be."""

from collections.abc import Iterator

from queryapi.services.jobs.bounds import LINE_BYTES, LINES
from queryapi.services.jobs.ingesting.decision import held
from queryapi.services.jobs.ingesting.texts import plain
from queryapi.services.jobs.model import Line, Report
from queryapi.storage.jobrecords import LINES_EACH, Job, LogLine


def kept(job: Job, report: Report, moment: float, now: float) -> tuple[LogLine, ...]:
    """Return the lines of a report, numbered as those of the job's last frame.

    Args:
        job: Whose they are; `seq` is the number of the frame that tells of them.
        report: What was said.
        moment: When it was true: lines without a time are of then.
        now: When it arrived.
    """
    first, shift = job.seq * LINES_EACH, 0.0 if report.sent_at is None else now - report.sent_at
    return tuple(
        LogLine(
            job=job.number,
            number=first + place,
            at=moment if line.at is None else held(job, line.at + shift, now),
            level=line.level,
            message=plain(line.message, LINE_BYTES),
            heard=now,
        )
        for place, line in enumerate(_some(report.lines))
    )


def _some(lines: tuple[Line, ...]) -> Iterator[Line]:
    yield from lines[:LINES]
    beyond = len(lines) - LINES
    if beyond > 0:
        told = f"gpuscope left out {beyond} more lines of this report: it takes {LINES}"
        yield Line("warning", told)
