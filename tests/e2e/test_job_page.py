"""The page of docs/streaming.md that follows a job shows every frame once, whatever ends."""

import os
import re
import signal
from pathlib import Path

import pytest
import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from demo.stack import ROOT
from tests.support import javascript
from tests.support.api_process import Api, api
from tests.support.processes import Family
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e

SECONDS = 60.0
REPORTS = 4


def _page(folder: Path, stream: str) -> str:
    """Return the program as the docs show it, for a gateway that is elsewhere."""
    blocks = re.findall(r"```js\n(.*?)```", (ROOT / "docs/streaming.md").read_text(), re.DOTALL)
    [shown] = [block for block in blocks if "function follow" in block]
    shown, moved = re.subn(r"127\.0\.0\.1:8081", stream, shown)
    assert 1 == moved
    page = folder / "page.ts"
    page.write_text(f"{shown}\nfollow('job-1');")
    return str(page)


def _kill_gateway(service: Api) -> None:
    gateway = Family(service.process.pid).gateway
    assert gateway
    os.kill(gateway, signal.SIGKILL)


def _report(service: Api, progress: int) -> None:
    report = {"progress": progress, "logLines": [f"at {progress}"]}
    answer = requests.post(
        f"{service.urls[0]}/api/jobs/job-1/progress", json=report, timeout=SECONDS
    )
    assert 200 == answer.status_code


def test_a_page_that_comes_back_misses_nothing(tmp_path: Path) -> None:
    """Its gateway is killed between two reports; what was reported meanwhile it is told, once."""
    stream = f"{LOOPBACK}:{free_port()}"
    settings = {"database_url": prepared(tmp_path), "stream_listen": stream}
    with api(tmp_path, "http://127.0.0.1:1", settings) as service:
        wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=SECONDS, what="a gateway")
        _report(service, 1)
        with javascript.listening(_page(tmp_path, stream), {}, functions=["show"]) as page:
            told = [page.until(lambda it: it[1]["type"] == "JOB_PROGRESS")[1]["seq"]]
            _kill_gateway(service)
            for progress in range(2, 2 + REPORTS):
                _report(service, progress)
            last = told[0] + 2 * REPORTS
            while told[-1] < last:
                told.append(page.until(lambda _: True)[1]["seq"])

            assert list(range(told[0], last + 1)) == told
