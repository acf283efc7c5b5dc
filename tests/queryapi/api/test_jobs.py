"""What the document's clients send of jobs and read of them, over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs import JOBS, MEASURED, documented, read, reported, working
from tests.support.query_service import body

_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("name", documented())
def test_the_documents_reports_are_answered_as_it_reads_them(tmp_path: Path, name: str) -> None:
    """A second one after 45 s at 45 % has 55 s left, and has cost 45 s of an hour's price."""
    with working(tmp_path) as service:
        first = service.http.post(f"{JOBS}/j/progress", data=documented()[name], headers=_JSON)
        service.clock.now += 45
        second = service.http.post(f"{JOBS}/j/progress", data=documented()[name], headers=_JSON)

    assert (200, True) == (first.status_code, body(first)["success"])
    assert "timeRemaining" not in body(first)
    assert {"timeRemaining": 55.0, "costSoFar": 0.03125} == {
        key: body(second)[key] for key in ("timeRemaining", "costSoFar")
    }


def test_a_page_begins_with_what_it_shows(tmp_path: Path) -> None:
    """Status, progress, operation, measurements oldest first, lines, what is left and its cost."""
    with working(tmp_path) as service:
        reported(service, "j", workerId="w", progress=10, currentOperation="Load")
        service.clock.now += 10
        for utilization in (50, 87):
            reported(
                service,
                "j",
                progress=50,
                metrics=MEASURED | {"gpuUtilization": utilization},
                logLines=[{"message": "82°C", "level": "warning"}, "bare"],
            )
            service.clock.now += 1
        told = read(service, "/j/monitor")

    assert ("RUNNING", 50, "Load") == tuple(
        told["job"][key] for key in ("status", "progress", "currentOperation")
    )
    assert [50, 87] == [metric["gpuUtilization"] for metric in told["metrics"]["history"]]
    assert told["metrics"]["latest"] == told["metrics"]["history"][-1]
    assert ["82°C", "bare"] * 2 == [line["message"] for line in told["logs"]]
    assert (True, 12.0) == (told["success"], told["timeRemaining"])
    assert round(12 / 3600 * 2.5, 6) == told["costSoFar"]


def test_what_nobody_can_tell_is_left_out_and_never_null(tmp_path: Path) -> None:
    """A page that formats a number must not meet null: before the start, and after the end."""
    with working(tmp_path) as service:
        told = [reported(service, "j", workerId="w"), reported(service, "j", progress=0)]
        before = read(service, "/j/monitor")
        told.append(reported(service, "j", progress=30))
        reported(service, "j", progress=100)
        after = read(service, "/j/monitor")

    unknown = {"timeRemaining", "timeRemainingRecent", "costSoFar", "costExact"}
    assert not any(unknown & answer.keys() for answer in (told[0], told[1], before, after))
    assert all(None not in answer.values() for answer in told)
    assert ("PENDING", "COMPLETED") == (before["job"]["status"], after["job"]["status"])


def test_a_silent_job_has_no_latest_measurement(tmp_path: Path) -> None:
    """After 60 s there is none, and nobody is shown an old one as new."""
    with working(tmp_path) as service:
        reported(service, "j", progress=1, metrics=MEASURED)
        service.clock.now += 60
        known = read(service, "/j/monitor")["metrics"]
        service.clock.now += 1
        silent = read(service, "/j/monitor")["metrics"]

    assert 72 == known["latest"]["gpuTemperature"]
    assert {"latest": None, "history": []} == silent


def test_a_monitor_holds_thirty_measurements_and_a_hundred_lines(tmp_path: Path) -> None:
    """The newest of each, oldest first."""
    with working(tmp_path) as service:
        for number in range(40):
            reported(
                service,
                "j",
                metrics={"powerUsage": number},
                logLines=[f"{number}.{place}" for place in range(5)],
            )
        told = read(service, "/j/monitor")

    assert [*range(10, 40)] == [metric["powerUsage"] for metric in told["metrics"]["history"]]
    assert [f"{n}.{p}" for n in range(20, 40) for p in range(5)] == [
        line["message"] for line in told["logs"]
    ]


def test_measurements_of_a_time_are_told_oldest_first(tmp_path: Path) -> None:
    """60 s without a word; reports without measurements are none."""
    with working(tmp_path) as service:
        for number in range(4):
            reported(service, "j", progress=number, metrics=MEASURED | {"powerUsage": number})
            reported(service, "j", progress=number)
            service.clock.now += 30
        default, longer = read(service, "/j/metrics"), read(service, "/j/metrics?timeRange=3600")

    assert (True, 60, [2, 3]) == (
        default["success"],
        default["timeRange"],
        [row["powerUsage"] for row in default["metrics"]],
    )
    assert [0, 1, 2, 3] == [row["powerUsage"] for row in longer["metrics"]]
    assert not {"min", "max", "count", "step", "partial"} & {*longer, *longer["metrics"][0]}


def test_pages_of_a_log_are_counted_from_the_newest(tmp_path: Path) -> None:
    """`offset=50` is the 50 lines before the newest 50; each page is oldest first."""
    with working(tmp_path) as service:
        for number in range(60):
            lines = [{"message": f"{number}", "level": "info"}, {"message": "x", "level": "error"}]
            reported(service, "j", logLines=lines)
        first = read(service, "/j/logs?level=info&limit=50")
        second = read(service, "/j/logs?level=info&limit=50&offset=50")
        older = read(service, f"/j/logs?level=info&limit=50&before={first['next']}")
        found = read(service, "/j/logs?search=5&limit=3")

    assert [f"{n}" for n in range(10, 60)] == [line["message"] for line in first["logs"]]
    assert [f"{n}" for n in range(10)] == [line["message"] for line in second["logs"]]
    assert (60, 50, 50, None) == tuple(second[k] for k in ("total", "limit", "offset", "next"))
    assert second["logs"] == older["logs"]
    assert (["57", "58", "59"], 15) == ([it["message"] for it in found["logs"]], found["total"])


def test_a_log_can_be_downloaded_as_text(tmp_path: Path) -> None:
    """A line each, none of which can be taken for another; under a name that any system takes."""
    with working(tmp_path) as service:
        for number in range(5):
            lines = [f"line {number}.{place}" for place in range(400)]
            reported(service, 'a "b" ü', logLines=[*lines, {"message": "a\nb", "level": "error"}])
        answer = service.get(f"{JOBS}/a%20%22b%22%20%C3%BC/logs?format=text&limit=1")
        errors = service.get(f"{JOBS}/a%20%22b%22%20%C3%BC/logs?format=text&level=error")

    assert 'attachment; filename="a_b_.log"' == answer.headers["Content-Disposition"]
    assert "text/plain; charset=utf-8" == answer.headers["Content-Type"]
    lines = answer.text.splitlines()
    assert 5 * 402 == len(lines)
    assert lines[0].endswith("Z info line 0.0")
    assert ["    b"] * 5 == [line for line in lines if line.startswith(" ")]
    assert 10 == len(errors.text.splitlines())


def test_a_job_that_is_created_waits_for_its_worker(tmp_path: Path) -> None:
    """201 with its place; reports go on with it; the list has the newest first."""
    with working(tmp_path) as service:
        made = service.http.post(JOBS, json={"id": "b-ü", "gpus": 8})
        again = service.http.post(JOBS, json={"id": "b-ü"})
        one = body(service.get(made.headers["Location"]))
        reported(service, "z", progress=5)
        listed = read(service, "")
        running = read(service, "?status=running")
        page = read(service, "?limit=1")
        rest = read(service, f"?limit=1&before={page['next']}")

    assert (201, "/api/jobs/b-%C3%BC") == (made.status_code, made.headers["Location"])
    assert (409, False) == (again.status_code, body(again)["success"])
    assert ("b-ü", "PENDING", 8, 0) == (one["id"], one["status"], one["gpus"], one["progress"])
    assert ["z", "b-ü"] == [job["id"] for job in listed["jobs"]]
    assert ["z"] == [job["id"] for job in running["jobs"]]
    assert (["z"], ["b-ü"], None) == (
        [job["id"] for job in page["jobs"]],
        [job["id"] for job in rest["jobs"]],
        rest["next"],
    )


def test_a_job_is_completed_as_workers_of_the_original_do(tmp_path: Path) -> None:
    """By `complete`, with how it ended, when, what it cost and how long it took."""
    with working(tmp_path) as service:
        reported(service, "j", workerId="w", progress=20)
        service.clock.now += 72
        sent: dict[str, Any] = {"workerId": "w", "status": "failed", "error": "out of memory"}
        answer = service.http.post(f"{JOBS}/j/complete", json=sent)
        other = service.http.post(f"{JOBS}/j/complete", json={"workerId": "w"})
        one = read(service, "/j")

    assert {"success", "job", "payment", "releaseTxHash"} == body(answer).keys()
    assert {"id": "j", "status": "FAILED", "actualCost": 0.05, "actualDuration": 72.0} == {
        key: value for key, value in body(answer)["job"].items() if key != "completedAt"
    }
    assert body(answer)["job"]["completedAt"] == one["completedAt"]
    assert 409 == other.status_code


def test_a_job_nobody_hears_of_is_stalled_and_still_running(tmp_path: Path) -> None:
    """`status` is what its worker said; `liveness` is what we think of that."""
    with working(tmp_path) as service:
        reported(service, "j", progress=20)
        live = read(service, "/j")
        service.clock.now += 301
        stalled = read(service, "/j")

    assert [("RUNNING", "LIVE"), ("RUNNING", "STALLED")] == [
        (job["status"], job["liveness"]) for job in (live, stalled)
    ]
