"""What is not HTTP, or too much of it, is refused in the API's own words."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demo.processes import LOOPBACK, wait_for
from queryapi.server.refusals import refuse
from queryapi.server.worker import Worker
from tests.support.api_process import Api, api

pytestmark = pytest.mark.e2e

REALTIME = b"/api/v1/realtime/status"
HOST = b"Host: x\r\n"


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    folder = tmp_path_factory.mktemp("api")
    with api(folder, "http://127.0.0.1:1", {}) as running:
        yield running, folder


def said(service: Api, request: bytes) -> tuple[int, dict[str, str], Any]:
    """Send bytes and return status, headers and decoded body of the answer."""
    port = int(service.urls[0].rpartition(":")[2])
    with socket.create_connection((LOOPBACK, port), timeout=30) as client:
        client.sendall(request)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    head, _, body = received.decode().partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (
            b"GET " + REALTIME + b"?cluster=" + b"c" * 8200 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
            414,
            {"meta": {"code": 4000, "message": "The request line is too long"}, "data": None},
        ),
        (
            b"GET /api/jobs/" + b"j" * 10_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
            414,
            {"success": False, "error": "The request line is too long"},
        ),
        (
            b"GET " + REALTIME + b" HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 17_000 + b"\r\n\r\n",
            431,
            {
                "meta": {
                    "code": 4000,
                    "message": "There are too many headers, or too long ones",
                },
                "data": None,
            },
        ),
        (
            b"GET /api/pools HTTP/1.1\r\n" + HOST + b"A: a\r\n" * 64 + b"\r\n",
            431,
            {
                "error": "Request Header Fields Too Large",
                "message": "There are too many headers, or too long ones",
            },
        ),
        (
            b"GET " + REALTIME + b" HTTP/1.1\r\n" + HOST + b"A b: c\r\n\r\n",
            400,
            {"meta": {"code": 4000, "message": "The request is not valid HTTP"}, "data": None},
        ),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, {"error": "The request is not valid HTTP"}),
        (b"get / HTTP/1.1\r\n\r\n", 400, {"error": "The request is not valid HTTP"}),
        (
            b"POST " + REALTIME + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: rot13\r\n\r\n",
            501,
            {
                "meta": {"code": 5000, "message": "This transfer coding is not supported"},
                "data": None,
            },
        ),
        (
            b"GET / HTTP/1.1\r\n" + HOST + b"Expect: miracles\r\n\r\n",
            417,
            {"error": "This expectation cannot be met"},
        ),
        (
            b"GET " + REALTIME + b" HTTP/1.1\r\nA: b\r\n\r\n",
            400,
            {"meta": {"code": 4000, "message": "The header Host is missing"}, "data": None},
        ),
        (
            b"GET /healthz HTTP/1.1\r\n" + HOST + b"host: y\r\n\r\n",
            400,
            {"error": "The request is not valid HTTP"},
        ),
    ],
    ids=[
        "line",
        "other-line",
        "header",
        "headers",
        "name",
        "tls",
        "method",
        "coding",
        "expect",
        "no-host",
        "hosts",
    ],
)
def test_refusals_speak_the_apis_language(
    service: tuple[Api, Path], request_: bytes, status: int, body: object
) -> None:
    """The status is HTTP's, the body is JSON as the asked API writes errors; the door is shut."""
    answered, headers, told = said(service[0], request_)

    assert (status, body) == (answered, told)
    assert "application/json" == headers["Content-Type"]
    assert "close" == headers["Connection"]
    assert "no-store" == headers["Cache-Control"]


def test_a_refused_head_has_no_body(service: tuple[Api, Path]) -> None:
    """What HEAD gets says how long GET's body is, and ends there (RFC 9110, section 9.3.2)."""
    port = int(service[0].urls[0].rpartition(":")[2])
    with socket.create_connection((LOOPBACK, port), timeout=30) as client:
        client.sendall(b"HEAD /api/pools HTTP/1.1\r\n" + HOST + b"A b: c\r\n\r\n")
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("head", [b"1.0\r\n", b"1.1\r\nHost:\r\nConnection: close\r\n"])
def test_a_host_may_be_empty_and_was_not_always_there(
    service: tuple[Api, Path], head: bytes
) -> None:
    """HTTP/1.0 does not know the header; HTTP/1.1 wants it, whatever it says."""
    assert 200 == said(service[0], b"GET /healthz HTTP/" + head + b"\r\n")[0]


def test_refusals_are_in_the_access_log(service: tuple[Api, Path]) -> None:
    """A refused request leaves the line that every request leaves, without its parameters."""
    running, folder = service
    target = REALTIME + b"?secret=" + b"c" * 9000
    _, headers, _ = said(running, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")

    def logged() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in (folder / "api.log").read_text().splitlines()]
        return [line for line in lines if line.get("request_id") == headers["X-Request-ID"]]

    wait_for(lambda: bool(logged()), seconds=60, what="the line")
    [line] = logged()

    assert ("GET", REALTIME.decode(), 414, LOOPBACK) == (
        line["method"],
        line["path"],
        line["status"],
        line["client"],
    )
    assert "secret" not in (folder / "api.log").read_text()


def test_refusals_are_counted(service: tuple[Api, Path]) -> None:
    """As requests of no known route: a flood of them is seen where all others are."""
    line = (
        'gpuscope_api_request_duration_seconds_count{method="PUT",route="unmatched",status="400"}'
    )

    def counted() -> float:
        told = service[0].get("/metrics").text.splitlines()
        return sum(float(found.split()[-1]) for found in told if found.startswith(line))

    before = counted()
    said(service[0], b"PUT " + REALTIME + b" HTTP/1.1\r\n" + HOST + b"A b: c\r\n\r\n")

    wait_for(lambda: counted() == before + 1, seconds=60, what="the refusal among the counts")


def test_long_questions_are_answered(service: tuple[Api, Path]) -> None:
    """A line of 8 KB and a token of 15 KB reach the service."""
    line = b"GET " + REALTIME + b"?include=" + b"nodes," * 1300 + b" HTTP/1.1\r\n" + HOST
    token = b"Authorization: Bearer " + b"t" * 15_000 + b"\r\n"
    status, _, told = said(service[0], line + token + b"Connection: close\r\n\r\n")

    assert status in {400, 401}
    assert told["meta"]["code"] in {4000, 4003}


def test_a_body_that_makes_no_sense_ends_the_connection(service: tuple[Api, Path]) -> None:
    """A broken chunk behind a request is no failure of the service: no traceback is logged."""
    running, folder = service
    head = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    status, _, told = said(running, head + b"nonsense\r\n")

    assert (200, {"alive": True}) == (status, told)
    assert "Traceback" not in (folder / "api.log").read_text()


def test_a_failure_of_ours_is_logged_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody caught is an error in the log, and 500 without its words for the client."""
    ours, theirs = socket.socketpair()
    counted: list[tuple[object, ...]] = []
    worker: Any = SimpleNamespace(
        log=logging.getLogger("gunicorn.error"),
        app=SimpleNamespace(refused=lambda *seen: counted.append(seen[:2])),
    )
    with ours, theirs:
        Worker.handle_error(worker, None, ours, None, RuntimeError("secret"))
        told = theirs.recv(65536).decode()

    assert told.startswith("HTTP/1.1 500 Internal Server Error\r\n")
    assert told.endswith('\r\n\r\n{"error":"Internal server error"}')
    assert "RuntimeError: secret" in caplog.text
    assert [("", 500)] == counted


def test_nobody_needs_to_listen_to_a_refusal() -> None:
    """A client that is gone when it is refused is no error."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        refuse(ours, (LOOPBACK, 1), RuntimeError(), lambda *_: None)


@pytest.mark.parametrize("header", [b"SCRIPT_NAME: /x", b"PATH_INFO: /healthz"])
def test_no_header_moves_a_request_to_another_path(
    service: tuple[Api, Path], header: bytes
) -> None:
    """What a proxy in front saw is what is answered, wherever the request comes from."""
    status, *_ = said(
        service[0],
        b"GET /x/healthz HTTP/1.1\r\n" + HOST + header + b"\r\nConnection: close\r\n\r\n",
    )

    assert 404 == status
