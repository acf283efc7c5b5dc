"""The demo's jobs get on as its training pods do."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.processes import Process, wait_for
from demo.stack import ROOT
from tests.support.raw_server import RawServer, http, read_request


class _Service:
    """Tells of pods, and keeps what workers report."""

    def __init__(self) -> None:
        self.tasks: dict[str, int] = {}
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.failing = False

    def manners(self, connection: socket.socket) -> None:
        request = read_request(connection)
        head, _, body = request.partition(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        answer: dict[str, Any] = {"success": True}
        if "running-tasks" in path:
            assert "cluster=prod-cluster&namespace=ml-team" in path
            tasks = [{"pod_name": n, "running_time_seconds": s} for n, s in self.tasks.items()]
            answer = {"data": {"tasks": tasks}}
        else:
            self.said.append((path, json.loads(body)))
        status = "503 Service Unavailable" if self.failing else "200 OK"
        connection.sendall(http(json.dumps(answer).encode(), "Connection: close", status=status))

    def of(self, path: str) -> list[dict[str, Any]]:
        """Return what was said at a path."""
        return [body for at, body in self.said if at == f"/api/jobs/{path}"]


@pytest.fixture(name="service")
def _service(tmp_path: Path) -> Iterator[_Service]:
    service = _Service()
    service.tasks = {f"pod-{number}": 290 + number for number in range(6)}
    with RawServer(service.manners) as server:
        command = [sys.executable, "-m", "demo.jobs", f"--url={server.url}", "--every=0.05"]
        log, path = tmp_path / "jobs.log", {"PYTHONPATH": str(ROOT)}
        with Process("demo-jobs", command, log, environment=path) as process:
            yield service
            assert process.alive()


def test_jobs_follow_their_pods(service: _Service) -> None:
    """Some pods report, a finished epoch is two lines, and the end of a pod is that of its job."""
    wait_for(lambda: bool(service.of("pod-3/progress")), seconds=60, what="reports")
    service.tasks = {"pod-0": 301, "pod-5": 10}
    wait_for(lambda: bool(service.of("pod-5/progress")), seconds=60, what="reports of another pod")
    service.failing = True
    wait_for(lambda: bool(service.of("pod-3/complete")), seconds=60, what="the end of a job")

    first, *_, last = service.of("pod-0/progress")
    assert ("pod-0", "ml-team", 19.33, "Training epoch 10/50") == (
        *(first["workerId"], first["namespace"], first["progress"]),
        first["currentOperation"],
    )
    assert 20.07 == last["progress"]
    lines = [line["message"] for body in service.of("pod-0/progress") for line in body["logLines"]]
    assert ["loading the data set", "Epoch 10/50 completed"] == lines[:2]
    assert [] == service.of("pod-4/progress")
    assert {"status": "completed", "workerId": "pod-3", "result": {"epochs": 10}} == service.of(
        "pod-3/complete"
    )[0]
