"""What must be told of a job: what its workers said and were told is stored."""

from typing import Any

from tests.support.job_workers import Told


def check_story(told: Told, frames: list[dict[str, Any]]) -> None:
    """Compare the story of a job, frame by frame, with what its workers were told."""
    progress = [it["data"] for it in frames if it["type"] == "JOB_PROGRESS"]
    lines = [
        line["message"] for it in frames if it["type"] == "JOB_LOGS" for line in it["data"]["logs"]
    ]
    # Every report is one frame: repeated or not, it was stored once.
    assert told.reports == len(progress)
    for worker, texts in told.lines.items():
        assert texts == [text for text in lines if text.split()[0] == worker]
    assert sum(map(len, told.lines.values())) == len(lines)
    # A number that was acknowledged is that of a frame, and of one report only.
    assert len(set(told.seqs)) == len(told.seqs)
    assert [it["progress"] for it in progress] == sorted(it["progress"] for it in progress)
    assert ("JOB_COMPLETED", 100) == (frames[-1]["type"], progress[-1]["progress"])
