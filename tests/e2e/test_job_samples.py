"""The programs of the document on jobs do their work, as they are written there."""

import json
import re
import runpy
import stat
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from queryapi.cli import main
from queryapi.client import JobReporter
from tests.support import javascript
from tests.support.api_process import api
from tests.support.jobservice import Jobs
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e

SAMPLES = Path(__file__).parents[1] / "samples" / "jobs"
METRICS = {
    "gpuUtilization": 87,
    "gpuMemoryUsed": 18000,
    "gpuMemoryTotal": 24000,
    "gpuTemperature": 72,
    "powerUsage": 350,
}
EPOCH = [
    ("info", "Epoch 5/10 completed"),
    ("info", "Loss: 0.0234, Accuracy: 98.5%"),
    ("warning", "GPU temperature high: 82°C"),
]
_NUMBERS = count()


@pytest.fixture(name="jobs", scope="module")
def _jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    port, folder = free_port(), tmp_path_factory.mktemp("jobs")
    settings = {
        "database_url": prepared(folder),
        "stream_listen": f"{LOOPBACK}:{port}",
        "providers": {"default": 3600},
        "limits": {"per_minute": 0},
    }
    with api(folder, "http://127.0.0.1:1", settings) as service:
        wait_for(lambda: answers(f"http://{LOOPBACK}:{port}/healthz"), seconds=60, what="gateway")
        yield Jobs(service.urls[0], f"ws://{LOOPBACK}:{port}/ws")


@pytest.fixture(name="job")
def _job() -> str:
    return f"job-{next(_NUMBERS)}"


def _monitor(jobs: Jobs, job: str) -> dict[str, Any]:
    answer = requests.get(f"{jobs.url}/api/jobs/{job}/monitor", timeout=20)
    assert 200 == answer.status_code, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _lines(logs: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(line["level"], line["message"]) for line in logs]


def _values(jobs: Jobs, job: str) -> dict[str, str]:
    return {"API_URL": jobs.url, "WS_URL": jobs.stream_url, "jobId": job}


def _report(jobs: Jobs, job: str, **body: Any) -> None:
    answer = requests.post(f"{jobs.url}/api/jobs/{job}/progress", json=body, timeout=20)
    assert 200 == answer.status_code, answer.text


def test_basic_report(jobs: Jobs, job: str) -> None:
    """What is printed are numbers from the second report on."""
    javascript.printed("jobs/report_basic.ts", _values(jobs, job))
    time.sleep(0.1)
    remaining, cost = javascript.printed("jobs/report_basic.ts", _values(jobs, job))

    assert float(remaining.removeprefix("Time remaining: ").removesuffix("s")) >= 0
    assert float(cost.removeprefix("Cost so far: ").removesuffix(" QUBIC")) > 0
    told = _monitor(jobs, job)["job"]
    assert ("RUNNING", 45, "Training epoch 5/10", "your_worker_id") == (
        told["status"],
        told["progress"],
        told["currentOperation"],
        told["provider"]["workerId"],
    )


@pytest.mark.parametrize(
    ("sample", "metrics", "lines"),
    [("metrics", METRICS, []), ("logs", None, EPOCH), ("complete", METRICS, EPOCH[:2])],
)
def test_report(
    jobs: Jobs,
    job: str,
    sample: str,
    metrics: dict[str, float] | None,
    lines: list[tuple[str, str]],
) -> None:
    """Metrics and lines are stored as they were sent."""
    javascript.printed(f"jobs/report_{sample}.ts", _values(jobs, job))
    told = _monitor(jobs, job)

    latest = told["metrics"]["latest"]
    assert metrics == (latest and {name: latest[name] for name in METRICS})
    assert lines == _lines(told["logs"])


def test_monitor(jobs: Jobs, job: str) -> None:
    """Everything that a page begins with is there under its name."""
    javascript.printed("jobs/report_complete.ts", _values(jobs, job))
    *printed, history, logs = javascript.printed(
        "jobs/monitor.ts", _values(jobs, job), tells=["metricsHistory", "logs"]
    )

    assert [
        "Status: RUNNING",
        "Progress: 45%",
        "Operation: Training epoch 5/10",
        "GPU: 87%",
        "Temp: 72°C",
    ] == printed[:5]
    assert float(printed[5].removeprefix("Time remaining: ").removesuffix("s")) >= 0
    assert float(printed[6].removeprefix("Cost so far: ").removesuffix(" QUBIC")) >= 0
    assert [87] == [sample["gpuUtilization"] for sample in json.loads(history)[1]]
    assert EPOCH[:2] == _lines(json.loads(logs)[1])


def test_subscription(jobs: Jobs, job: str) -> None:
    """A page is told of progress, of lines, and of the end, in order."""
    functions = [
        *("updateProgressBar", "updateCurrentOperation", "updateGPUUtilization"),
        *("updateGPUMemory", "updateGPUTemperature", "updatePowerUsage", "updateTimeRemaining"),
        *("updateCostSoFar", "appendLogs", "handleJobCompletion"),
    ]
    javascript.printed("jobs/report_basic.ts", _values(jobs, job))
    with javascript.listening("jobs/subscribe.ts", _values(jobs, job), functions=functions) as page:
        # It may have come before the subscription: the page is told the state then.
        page.until(lambda told: told == ["updateProgressBar", 45])
        javascript.printed("jobs/report_complete.ts", _values(jobs, job))
        page.until(lambda told: told == ["updateGPUUtilization", 87])
        page.until(lambda told: told == ["updateGPUMemory", 18000, 24000])
        page.until(lambda told: told == ["updateGPUTemperature", 72])
        page.until(lambda told: told == ["updatePowerUsage", 350])
        assert page.until(lambda told: told[0] == "updateTimeRemaining")[1] >= 0
        assert page.until(lambda told: told[0] == "updateCostSoFar")[1] >= 0
        assert EPOCH[:2] == _lines(page.until(lambda told: told[0] == "appendLogs")[1])
        _report(jobs, job, progress=100)
        _, status, result = page.until(lambda told: told[0] == "handleJobCompletion")
    # Nobody has said what came of it.
    assert ("COMPLETED", None) == (status, (result or {}).get("result"))


def test_charts(jobs: Jobs, job: str) -> None:
    """Samples come with times that a page can read."""
    javascript.printed("jobs/report_complete.ts", _values(jobs, job))
    [data] = javascript.printed("jobs/charts.tsx", _values(jobs, job), tells=["chartData"])
    [sample] = json.loads(data)[1]

    assert sample.pop("timestamp").endswith("Z")
    names = ("gpuUtilization", "gpuTemperature", "gpuMemoryUsed")
    assert {name: METRICS[name] for name in names} == sample


def test_filtered_logs(jobs: Jobs, job: str) -> None:
    """Lines of one level are printed with their times; the next page is the 50 before."""
    javascript.printed("jobs/report_logs.ts", _values(jobs, job))
    _report(jobs, job, logLines=[{"level": "error", "message": f"{n}"} for n in range(50)])
    *printed, second = javascript.printed(
        "jobs/filtered_logs.ts", _values(jobs, job), tells=["await page2.json()"]
    )

    assert ["[info]", "[info]"] == [line.split(" ")[0] for line in printed]
    assert [message for _, message in EPOCH[:2]] == [line.split("Z: ")[1] for line in printed]
    assert EPOCH == _lines(json.loads(second)[1]["logs"])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("87, 18000, 24000, 72, 350.00", METRICS),
        # The program splits at commas alone.
        ("87, 18000, 24000, 72, 350.00\n85, 1, 2, 3, 4.5", None),
        ("87, 18000, 24000, 72, [N/A]", None),
        (None, None),
    ],
)
def test_python_worker(
    jobs: Jobs,
    job: str,
    answer: str | None,
    told: dict[str, float] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The worker gets through its ten epochs, with or without GPUs that it can read."""
    if answer is not None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<END\n{answer}\nEND\n")
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.02)))
    runpy.run_path(
        str(SAMPLES / "worker.py"),
        {"API_URL": jobs.url, "job_id": job, "worker_id": "w1", "loss": 0.0234, "acc": 98.5},
    )
    printed = [line for line in capsys.readouterr().out.splitlines() if "Progress" in line]
    monitored = _monitor(jobs, job)

    assert [f"Progress: {percent}%" for percent in range(10, 101, 10)] == [
        line.split(" - ")[0] for line in printed
    ]
    remaining = [line.rpartition(": ")[2].removesuffix("s") for line in printed]
    assert all(float(seconds) >= 0 for seconds in remaining[1:-1])
    # The last one ends the job: nothing remains, or nothing is said of that.
    assert remaining[-1] in {"0", "0.0", "None"}
    latest = monitored["metrics"]["latest"]
    assert told == (latest and {name: latest[name] for name in METRICS})
    assert ("COMPLETED", 100, "Training epoch 10/10") == (
        monitored["job"]["status"],
        monitored["job"]["progress"],
        monitored["job"]["currentOperation"],
    )
    assert 20 == len(monitored["logs"])
    assert ("info", "Loss: 0.0234, Accuracy: 98.50%") == _lines(monitored["logs"])[-1]


def _shows(text: str, shown: list[list[str]]) -> bool:
    return ["text", text] in shown


def test_react_component(jobs: Jobs, job: str) -> None:
    """It shows what there is, then follows: numbers, a chart of samples with times, lines."""
    javascript.printed("jobs/report_complete.ts", _values(jobs, job))
    with javascript.component("jobs/JobMonitor.tsx", _values(jobs, job)) as page:
        first = page.until(partial(_shows, "Progress: 45%"))
        page.until(lambda shown: ["log", f"[info] {EPOCH[1][1]}"] in shown)
        # It does not ask for lines that came before it listened; who listens is told the state.
        _report(jobs, job, progress=46)
        page.until(partial(_shows, "Progress: 46%"))
        _report(
            jobs,
            job,
            progress=60,
            currentOperation="Training epoch 6/10",
            metrics=METRICS | {"gpuUtilization": 90},
            logLines=[{"level": "warning", "message": EPOCH[2][1]}],
        )
        last = page.until(lambda shown: ["log", f"[warning] {EPOCH[2][1]}"] in shown)

    assert ["text", f"Job {job}"] == first[0]
    assert ["text", "Operation: Training epoch 6/10"] in last
    assert ["text", "Progress: 60%"] in last
    assert ["text", "Status: RUNNING"] in last
    [chart] = [told[1] for told in last if told[0] == "chart"]
    assert 90 == chart[-1]["gpuUtilization"]
    assert all(sample["timestamp"].endswith("Z") for sample in chart)
    [cost] = [told[1] for told in last if told[1][:4] == "Cost"]
    assert float(cost.removeprefix("Cost So Far: ").removesuffix(" QUBIC")) > 0


def test_worker_helper(jobs: Jobs, job: str) -> None:
    """Our own helper says the same things, and is told the same."""
    with JobReporter(jobs.url, job, worker_id="w1", measure=lambda: METRICS) as reporter:
        reporter.report(45, "Training epoch 5/10", logs=[EPOCH[0][1]])
        reporter.log(*EPOCH[2])
        assert reporter.flush(20)
        assert reporter.last["success"]
        reporter.complete({"accuracy": 0.985})
    told = _monitor(jobs, job)

    assert ("COMPLETED", 100) == (told["job"]["status"], told["job"]["progress"])
    assert 87 == told["metrics"]["latest"]["gpuUtilization"]
    assert [EPOCH[0], EPOCH[2]] == _lines(told["logs"])


def test_watching(jobs: Jobs, job: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command follows a job to its end, over the same routes."""
    _report(jobs, job, progress=45, metrics=METRICS, logLines=[{"message": "before"}])
    command = ["job", "watch", job, "--url", jobs.url, "--stream-url", jobs.stream_url]
    statuses: list[int] = []
    watching = threading.Thread(target=lambda: statuses.append(main(command)))
    watching.start()
    said = ""
    for percent in range(46, 90):
        _report(jobs, job, progress=percent)
        said += capsys.readouterr().out
        if said.count("RUNNING") > 1:
            break
        time.sleep(0.2)
    _report(jobs, job, progress=100, logLines=[{"message": "after"}])
    watching.join(20)
    said += capsys.readouterr().out

    assert [0] == statuses
    assert ["before", "after"] == re.findall(r"info +(\w+)\n", said)
    assert "GPU 87 %, 72 °C, 350 W, 18000/24000 MiB" in said
    assert re.search(r"COMPLETED  100.0 %", said)
