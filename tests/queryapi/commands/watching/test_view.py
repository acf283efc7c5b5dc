"""What is shown of a job, as text."""

from dataclasses import replace
from typing import Any

import pytest

from queryapi.commands.watching.view import View, changes, drawn, duration, fitted, told

LINES = tuple(
    {"id": f"{n}", "timestamp": f"2026-01-01T12:00:0{n}.000Z", "level": "info", "message": f"m{n}"}
    for n in range(3)
)
RUNNING = View(
    "job-1",
    status="RUNNING",
    progress=45,
    operation="Training epoch 5/10",
    metrics={"gpuUtilization": 87, "gpuMemoryUsed": 18000.4, "gpuTemperature": None},
    remaining=3725.2,
    cost=1.5,
    logs=LINES,
)


def test_a_running_job() -> None:
    """Everything that is known stands in its place; what nobody measured is left out."""
    assert [
        "job-1  RUNNING",
        "[##################----------------------] 45.0 %",
        "Training epoch 5/10",
        "GPU 87 %, 18000 MiB · 1 h 02 min left · 1.5000 QUBIC",
        "12:00:00 info    m0",
        "12:00:01 info    m1",
        "12:00:02 info    m2",
    ] == drawn(RUNNING, 79)


def test_a_job_of_which_nothing_is_known() -> None:
    """There are no empty lines, and no numbers that nobody told."""
    assert ["job-1", "[----------------------------------------] "] == [
        line.rstrip() if "job" in line else line for line in drawn(View("job-1"), 79)
    ]


def test_nothing_is_wider_than_the_terminal() -> None:
    """A line that wrapped would spoil the picture; wide characters count twice."""
    assert all(len(line) <= 24 for line in drawn(RUNNING, 24))
    assert "世界" == fitted("世界世界", 5)
    assert "e\u0301e" == fitted("e\u0301ee", 2)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min")]
)
def test_durations(seconds: float, expected: str) -> None:
    """They are told as people tell them."""
    assert expected == duration(seconds)


def test_changes_are_told_once() -> None:
    """A view that differs in nothing writes nothing; a new line is one line."""
    line = {"timestamp": "2026-01-01T12:00:03.000Z", "level": "error", "message": "no\nmore"}
    now = told(RUNNING, {"type": "JOB_LOGS", "data": {"logs": [line]}})

    assert [] == changes(RUNNING, RUNNING)
    assert ["12:00:03 error   no more"] == changes(RUNNING, now)
    assert [] == changes(now, told(now, {"type": "JOB_LOGS", "data": {"logs": [line]}}))
    assert ["gone"] == changes(now, replace(now, note="gone"))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "connected", "data": {}}, {}),
        ({"type": "pong"}, {}),
        (
            {"type": "JOB_PROGRESS", "data": {"progress": 50}},
            {"progress": 50, "remaining": None},
        ),
        (
            {"type": "JOB_COMPLETED", "data": {"status": "FAILED", "result": {"error": "no GPU"}}},
            {"status": "FAILED", "remaining": None, "outcome": "no GPU"},
        ),
        (
            {"type": "JOB_COMPLETED", "data": {"status": "COMPLETED", "result": None}},
            {"status": "COMPLETED", "progress": 100, "remaining": None, "outcome": ""},
        ),
    ],
)
def test_messages(message: dict[str, Any], expected: dict[str, Any]) -> None:
    """What a message does not say stays as it was, but for what was true of its moment alone."""
    assert replace(RUNNING, **expected) == told(RUNNING, message)
