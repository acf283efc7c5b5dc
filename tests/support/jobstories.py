"""Jobs as part of a database, written as the service would, and clients that follow them."""

import json
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from websockets.sync.client import ClientConnection

from queryapi.services.jobs.ended import Ended, body_of
from queryapi.storage import jobevents, joblogs, jobs
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import LINES_EACH, Event, Job, JobStatus, LogLine, Sample

_RESULT = {"loss": 0.5}
SAMPLE = Sample(87.0, 18000.0, 24000.0, 72.0, 350.0)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes stories.

    Args:
        store: Where.
    """

    store: Store

    def create(self, job_id: str, **fields: Any) -> Job:
        """Store a job that nobody has told anything of."""
        given: dict[str, Any] = {
            "cluster": "prod-cluster",
            "owner": "anonymous",
            "created_at": 1_000.5,
        }
        job = Job(number=0, id=job_id, **given | fields)
        with self.store.writing() as session:
            return msgspec.structs.replace(job, number=jobs.begin(session, job))

    def job(self, job_id: str) -> Job:
        """Return a job as it is."""
        with self.store.reading() as session:
            found = jobs.one(session, job_id)
        assert found is not None
        return found

    def report(
        self,
        job_id: str,
        *,
        lines: int = 0,
        times: int = 1,
        sample: Sample | None = None,
        length: int = 8,
        **changes: Any,
    ) -> Job:
        """Store reports in one transaction, each with some log lines; returns the job."""
        job, events, logged = self.job(job_id), list[Event](), list[LogLine]()
        seq, now = job.seq, time.time()
        for _ in range(times):
            seq += 1
            events.append(
                Event(job.number, seq, now, "progress", 1, float(seq % 100), "at it", sample)
            )
            if lines:
                seq += 1
                logged += [
                    LogLine(job.number, seq * LINES_EACH + place, now, "info", "x" * length, now)
                    for place in range(lines)
                ]
        changed = msgspec.structs.replace(
            job,
            seq=seq,
            status=JobStatus.RUNNING,
            progress=events[-1].progress,
            reported_at=now,
            **changes,
        )
        with self.store.writing() as session:
            jobevents.add(session, events)
            joblogs.add(session, logged)
            jobs.change(session, [changed])
        return changed

    def end(
        self, job_id: str, status: JobStatus = JobStatus.COMPLETED, *, result: Any = _RESULT
    ) -> Job:
        """Store the end of a job."""
        job, now = self.job(job_id), time.time()
        ended = Ended(status, now, result, None, "1.25", 60.0)
        changed = msgspec.structs.replace(job, seq=job.seq + 1, status=status, ended_at=now)
        event = Event(
            job.number, changed.seq, now, "completed", 1, job.progress, body=body_of(ended)
        )
        with self.store.writing() as session:
            jobevents.add(session, [event])
            jobs.change(session, [changed])
        return changed


def say(client: ClientConnection, kind: str, **more: Any) -> None:
    """Send one message."""
    client.send(json.dumps({"type": kind, **more}))


def follow(client: ClientConnection, job_id: str, **more: Any) -> None:
    """Ask to be told of a job."""
    say(client, "subscribe:job", subscriptionId=job_id, **more)


def told(client: ClientConnection, kind: str, *, seconds: float = 20.0) -> Any:
    """Return the next message, which is of a kind."""
    message = json.loads(client.recv(timeout=seconds))
    assert kind == message["type"], message
    return message


def upto(client: ClientConnection, seq: int, *, seconds: float = 20.0) -> list[int]:
    """Return the numbers of the frames that come, up to one of them."""
    found: list[int] = []
    while not found or found[-1] < seq:
        message = json.loads(client.recv(timeout=seconds))
        assert message["type"].startswith("JOB_"), message
        found.append(message["seq"])
    return found
