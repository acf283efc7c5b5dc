"""A stand-in for the routes of jobs that workers call, which fails in every way it is told to."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from demo.processes import wait_for
from queryapi.client import JobReporter
from tests.support.raw_server import Manners, RawServer, http, read_request

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Jobs:
    """Where jobs are served: the base URL of the HTTP API, and the URL of the WebSockets."""

    url: str
    stream_url: str


@dataclass(frozen=True, slots=True)
class Said:
    """One request."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(slots=True)
class JobService:
    """Keeps what it is told.

    Attributes:
        said: Every request, answered or not.
        taken: Bodies of the reports that were stored, each once.
        failing: What is done with the next requests, one each, in place of an answer.
        answer: What reports are answered.
    """

    said: list[Said] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    failing: list[Manners] = field(default_factory=list)
    answer: dict[str, Any] = field(
        default_factory=lambda: {"success": True, "timeRemaining": 55.0, "costSoFar": 0.25}
    )
    url: str = ""

    def manners(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        while request := read_request(connection):
            head, _, body = request.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            self.said.append(Said(first.split(" ")[1], json.loads(body), headers))
            if self.failing:
                self.failing.pop(0)(connection)
                return
            self.store(self.said[-1].body)
            connection.sendall(http(json.dumps(self.answer).encode(), "Connection: close"))
            return

    def store(self, body: dict[str, Any]) -> None:
        """Store one report unless it is stored."""
        if body.get("sequence") is None or body["sequence"] not in [
            each.get("sequence") for each in self.taken
        ]:
            self.taken.append(body)

    def cut(self, connection: socket.socket) -> None:
        """Store it and break off in the middle of the answer."""
        self.store(self.said[-1].body)
        connection.sendall(http(json.dumps(self.answer).encode())[:-10])

    def lines(self) -> list[str]:
        """Return the log lines that were stored."""
        return [line["message"] for body in self.taken for line in body.get("logLines", [])]

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many came."""
        wait_for(
            lambda: len(self.said) >= count, seconds=_PATIENCE_SECONDS, what=f"{count} requests"
        )


def refusing(status: str, *headers: str) -> Manners:
    """Return manners that answer one request with *status*."""
    body = b'{"success":false,"error":"not now"}'
    return lambda connection: connection.sendall(
        http(body, "Connection: close", *headers, status=status)
    )


@contextmanager
def job_service() -> Iterator[JobService]:
    """Run one."""
    service = JobService()
    with RawServer(service.manners) as server:
        service.url = server.url
        yield service


@contextmanager
def reporter_of(service: JobService, **options: Any) -> Iterator[JobReporter]:
    """Give who reports to *service*; what it still waits with is taken in the end."""
    reporter = JobReporter(
        service.url, "job 1", **{"measure": lambda: None, "timeout": 5.0, **options}
    )
    try:
        yield reporter
    finally:
        service.failing.clear()
        reporter.close()
