"""Frames are what the document shows, and the same for the same rows."""

import json
from typing import Any

from queryapi.services.jobs.ended import Ended, body_of
from queryapi.services.jobs.frames import epoch_of, state, story
from queryapi.storage.jobrecords import Event, Job, JobStatus, LogLine, Sample

JOB = Job(7, "job-1", "c", "ann", 1_700_000_000.25, seq=4, status=JobStatus.RUNNING, progress=45.0)
TIME = "2023-11-14T22:13:21.500Z"
AT = 1_700_000_001.5


def _told(*frames: Any) -> list[Any]:
    return [json.loads(frame.message) for frame in frames]


def test_progress_tells_what_is_known_and_no_null() -> None:
    """Clients test for undefined: what nobody knows is left out."""
    sample = Sample(utilization=87.0, power=350.5)
    whole = Event(
        7, 3, AT, "progress", 1, 45.5, "epoch 5", sample, "worker", 12.34, 11.0, "1.2345678"
    )
    bare = Event(7, 4, AT, "progress", 1, 46.0)
    [first, second] = _told(*story("job-1", [whole, bare], []))
    metrics = {"id": "3", "jobId": "job-1", "timestamp": TIME, "gpuUtilization": 87.0}
    assert {
        "type": "JOB_PROGRESS",
        "seq": 3,
        "subscriptionId": "job-1",
        "data": {
            "jobId": "job-1",
            "progress": 45.5,
            "timestamp": TIME,
            "currentOperation": "epoch 5",
            "metrics": metrics | {"powerUsage": 350.5},
            "timeRemaining": 12.3,
            "timeRemainingRecent": 11.0,
            "costSoFar": 1.234568,
        },
    } == first
    assert {"jobId": "job-1", "progress": 46.0, "timestamp": TIME} == second["data"]


def test_lines_of_one_report_are_one_frame_behind_its_progress() -> None:
    """In their order, each with a name of its own."""
    lines = [LogLine(7, number, AT, "warning", f"m{number}", AT) for number in (2000, 2001, 4000)]
    events = [Event(7, seq, AT, "progress", 1, 1.0) for seq in (1, 3)]
    frames = story("job-1", events, lines)
    assert [(1, "JOB_PROGRESS"), (2, "JOB_LOGS"), (3, "JOB_PROGRESS"), (4, "JOB_LOGS")] == [
        (frame.seq, frame.type) for frame in frames
    ]
    log = {"jobId": "job-1", "level": "warning", "timestamp": TIME}
    assert {
        "jobId": "job-1",
        "logs": [{"id": n, "message": f"m{n}", **log} for n in ("2000", "2001")],
        "timestamp": TIME,
    } == _told(frames[1])[0]["data"]


def test_the_end_tells_its_result() -> None:
    """With every key that clients of the document may read."""
    body = body_of(Ended(JobStatus.FAILED, AT, {"a": [1]}, "out of memory", "1.50", 61.5))
    [told] = _told(*story("job-1", [Event(7, 5, AT, "completed", 1, 80.0, body=body)], []))
    assert {
        "jobId": "job-1",
        "status": "FAILED",
        "result": {
            "result": {"a": [1]},
            "error": "out of memory",
            "actualCost": 1.5,
            "actualDuration": 61.5,
            "releaseTxHash": None,
            "completedAt": TIME,
        },
        "timestamp": TIME,
    } == told["data"]


def test_the_state_is_told_when_nothing_else_is_known() -> None:
    """Of a job whose frames were all forgotten, by what the job itself says."""
    job = Job(
        7, "job-1", "c", "ann", 1.0, seq=9, status=JobStatus.COMPLETED, progress=100.0, ended_at=AT,
        result='{"b":2}',
    )  # fmt: skip
    [progress, ended] = _told(*state(job, None, None))
    assert (9, 100.0) == (progress["seq"], progress["data"]["progress"])
    assert {"b": 2} == ended["data"]["result"]["result"]


def test_another_job_of_the_same_id_has_another_epoch() -> None:
    """So that nobody goes on in a story that is not the one they know."""
    assert "7-1700000000250" == epoch_of(JOB)
