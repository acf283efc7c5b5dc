"""Jobs in a database, for tests: as rows, whoever wrote them."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from queryapi.storage import jobevents, joblogs, jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import LINES_EACH, Event, Job, JobStatus, LogLine

DAY = 86400.0


def job_of(id_: str, **told: Any) -> Job:
    """Return a job that runs, but for what is told."""
    given: dict[str, Any] = {
        "cluster": "c",
        "owner": "ann",
        "created_at": 0.0,
        "status": JobStatus.RUNNING,
    }
    return Job(**(given | {"number": 0, "id": id_} | told))


def event_of(seq: int, at: float, **told: Any) -> Event:
    """Return a report of a job."""
    given: dict[str, Any] = {"job": 0, "kind": "progress", "attempt": 1, "progress": 50.0}
    return Event(**(given | {"seq": seq, "at": at} | told))


def keep(
    store: Store,
    job: Job,
    *,
    events: Sequence[Event] = (),
    lines: Sequence[tuple[float, str]] = (),
    written: float | None = None,
) -> int:
    """Store a job with what it told; returns its number.

    Args:
        store: Where.
        job: Which.
        events: Its reports.
        lines: When each came, and what it says.
        written: When they were written, by their worker's clock; None = when they came.
    """
    logged = [
        LogLine(0, n * LINES_EACH, heard if written is None else written, "info", text, heard)
        for n, (heard, text) in enumerate(lines, 1)
    ]
    size = sum(line.size for line in logged)
    with store.writing() as session:
        number = jobs.begin(session, replace(job, log_lines=len(logged), log_bytes=size))
        assert number is not None
        jobevents.add(session, [replace(one, job=number) for one in events])
        joblogs.add(session, [replace(one, job=number) for one in logged])
    return number


def frames(store: Store, number: int) -> list[int]:
    """Return the numbers of a job's events that are kept."""
    with store.reading() as session:
        return [one.seq for one in jobevents.after(session, number, 0, limit=10_000)]


def messages(store: Store, number: int) -> list[str]:
    """Return the log lines of a job that are kept, oldest first."""
    with store.reading() as session:
        return [one.message for one in joblogs.after(session, number, 0, limit=1_000_000)]
