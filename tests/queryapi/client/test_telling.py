"""What a program tells of its job arrives: its end, its attempts, what it logs and measures."""

import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from demo.processes import wait_for
from demo.stack import ROOT
from queryapi.client import JobLogHandler
from tests.support.jobservice import JobService, reporter_of
from tests.support.raw_server import silent

LOG = logging.getLogger("gpuscope.client")


def test_a_block_that_ends_well_completes_its_job(service: JobService) -> None:
    """The end comes after all that was said before it, and nothing comes after the end."""
    with reporter_of(service, worker_id="w") as job:
        with job:
            job.report(50)
            job.log("info", "nearly done")
            job.complete({"accuracy": 0.985, "where": Path("/models/1")})
            job.report(51)
        job.log("info", "too late")

    assert ["progress", "complete"] == [
        each.path.rpartition("/")[2]
        for each in service.said
        if each.body.get("progress") or "status" in each.body
    ]
    assert {
        "workerId": "w",
        "status": "completed",
        "result": {"accuracy": 0.985, "where": "/models/1"},
    } == service.said[-1].body
    assert ["nearly done"] == service.lines()


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (RuntimeError("CUDA out of memory"), "RuntimeError: CUDA out of memory"),
        (SystemExit(3), "SystemExit: 3"),
        (SystemExit(0), None),
    ],
)
def test_a_block_that_fails_fails_its_job(
    service: JobService, error: BaseException, ends: str | None
) -> None:
    """The exception is told and goes on its way."""
    with reporter_of(service) as job, pytest.raises(type(error)), job:
        raise error

    [said] = [each.body for each in service.said]
    assert ("completed" if ends is None else "failed", ends) == (said["status"], said.get("error"))


@pytest.mark.parametrize("result", [[], {}, 0, False, ""])
def test_a_result_that_is_empty_is_a_result(service: JobService, result: object) -> None:
    """Only None says nothing."""
    with reporter_of(service) as job:
        job.complete(result)
        assert job.flush(20)

    assert result == service.said[0].body["result"]


@pytest.mark.parametrize("result", [float("nan"), {1, 2}, [[]] * 2])
def test_any_result_can_be_told(service: JobService, result: object) -> None:
    """What JSON has no form for is told in words."""
    with reporter_of(service) as job:
        job.complete(result)
        assert job.flush(20)

    assert "completed" == service.said[0].body["status"]


def test_a_new_attempt_says_so_once(service: JobService) -> None:
    """`restart` goes with the first report of it, and numbers go on rising."""
    with reporter_of(service, restart=True) as job:
        job.report(40)
        job.report(50)
        assert job.flush(20)
        job.restart(5, "from the last checkpoint")
        assert job.flush(20)

    bodies = [each.body for each in service.said]
    assert [True, None, True] == [body.get("restart") for body in bodies]
    assert sorted(body["sequence"] for body in bodies) == [body["sequence"] for body in bodies]
    assert (5, "from the last checkpoint") == (
        bodies[-1]["progress"],
        bodies[-1]["currentOperation"],
    )


def test_a_restart_is_not_mistaken_for_what_another_thread_says(
    service: JobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its progress goes back, whoever reports in the same moment."""
    with reporter_of(service) as job:
        told = job.report

        def beside(*said: Any) -> None:
            other = threading.Thread(target=told, args=(80,))
            other.start()
            other.join(0.1)
            told(*said)

        monkeypatch.setattr(job, "report", beside)
        job.restart(5)
        assert job.flush(20)
        wait_for(lambda: 2 == len(service.taken), seconds=60, what="both")

    assert [5] == [body["progress"] for body in service.taken if body.get("restart")]


def test_another_process_goes_on_with_higher_numbers(service: JobService) -> None:
    """A worker that crashed and goes on is not taken for a repetition of itself."""
    for percent in (10, 20):
        with reporter_of(service) as job:
            job.report(percent)
            assert job.flush(20)
        time.sleep(0.01)

    assert [10, 20] == [body["progress"] for body in service.taken]


def test_log_records_become_lines(service: JobService) -> None:
    """Levels are the API's three; what is wrong with a record is logging's own affair."""
    logger = logging.getLogger("a training program")
    logger.setLevel(logging.DEBUG)
    # Whoever runs the tests could not write down the last of its records.
    logger.propagate = False
    with reporter_of(service) as job:
        logger.addHandler(JobLogHandler(job))
        logger.debug("not sent")
        logger.info("epoch %d", 3)
        logger.warning("hot")
        logger.critical("broken \ud800")
        LOG.addHandler(handler := JobLogHandler(job))
        LOG.warning("about sending")
        LOG.removeHandler(handler)
        assert job.flush(20)

    lines = [line for body in service.taken for line in body["logLines"]]
    assert [("info", "epoch 3"), ("warning", "hot"), ("error", "broken ?")] == [
        (line["level"], line["message"]) for line in lines
    ]
    assert {"progress"}.isdisjoint(service.taken[0])


def test_a_flood_of_lines_is_bounded_and_told(service: JobService) -> None:
    """The newest lines are kept, in requests that the service takes, and the rest is counted."""
    service.failing = [silent]
    with reporter_of(service, timeout=1.0) as job:
        job.report(1)
        service.wait_for_requests(1)
        for number in range(6000):
            job.log("info", f"{number} {'x' * 200}")
        assert job.flush(20)

    lines = service.lines()
    assert 5001 == len(lines)
    assert "gpuscope was away or slow: 0 reports were merged and 1000 lines lost" == lines[0]
    assert lines[-1].startswith("5999 ")
    assert all(len(each.body["logLines"]) <= 500 for each in service.said[2:])
    assert all(len(json.dumps(each.body)) < 1_000_000 for each in service.said)


def test_a_driver_that_hangs_holds_up_nothing(service: JobService) -> None:
    """Reports go without metrics while the GPUs cannot be measured."""
    gate = threading.Event()

    def measure() -> None:
        gate.wait(20)

    with reporter_of(service, measure=measure) as job:
        began = time.monotonic()
        job.report(10)
        job.report(20)
        took = time.monotonic() - began
        assert job.flush(20)
        gate.set()

    assert took < 10
    assert [None, None] == [body["metrics"] for body in service.taken]


def test_what_measuring_raises_is_told_and_no_more(
    service: JobService, caplog: pytest.LogCaptureFixture
) -> None:
    """A function of the user's that fails costs the metrics, not the report."""

    def measure() -> None:
        raise RuntimeError("no such sensor")

    with reporter_of(service, measure=measure) as job:
        job.report(10)
        assert job.flush(20)

    assert [None] == [body["metrics"] for body in service.taken]
    assert "no such sensor" in caplog.text


def test_where_no_thread_can_be_started_reports_wait_until_one_can(
    service: JobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program at the limit of its system goes on working, and what it said is not lost."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with reporter_of(service, measure=dict) as job:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            job.report(10)
            job.log("info", "crowded")
        job.report(20)
        assert job.flush(20)

    assert [10, 20] == [body["progress"] for body in service.taken]
    assert ["crowded"] == service.lines()


def test_a_fork_sends_nothing(service: JobService) -> None:
    """Data loaders that are forked off may log what they like: it is neither sent nor waits."""
    with reporter_of(service) as job:
        job.report(10)
        assert job.flush(20)
        job._process += 1  # as it looks from a fork
        job.report(20)
        job.log("info", "from a data loader")
        assert job.flush(0)
        job._process -= 1

    assert [10] == [body["progress"] for body in service.taken]


def test_a_program_that_forgets_to_close_loses_nothing(service: JobService) -> None:
    """What waits is sent when the interpreter ends."""
    program = (
        "from queryapi.client import JobReporter\n"
        f"JobReporter({service.url!r}, 'j').report(10, logs=['last words'])"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)

    assert ["last words"] == service.lines()
