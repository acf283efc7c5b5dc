"""Promises to those who scrape while others misuse the port."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from exporter.web.deadlines import Deadlines, Phase
from tests.support.serving import Served, Shown, serving

_GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@contextmanager
def _clients(served: Served, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Connect clients that say so much and no more."""
    host, port = served.address.split(":")
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            for _ in range(count)
        ]
        for client in clients:
            client.sendall(said)
        yield clients


def _answers(served: Served, request: bytes) -> list[bytes]:
    """Return the status lines of what a request is answered until the connection is closed."""
    with _clients(served, 1, request) as (client,):
        said = b"".join(iter(lambda: client.recv(1 << 16), b""))
    return [line for line in said.split(b"\r\n") if line.startswith(b"HTTP/")]


@pytest.mark.parametrize("said", [b"", b"G", _GET + b"X-A: "])
def test_clients_that_do_not_go_on(said: bytes) -> None:
    """Four times as many as there are threads keep nobody from being answered in time."""
    with serving(Shown()) as served, _clients(served, 40, said):
        began = time.monotonic()
        status = served.ask("/metrics").status

    assert 200 == status
    assert 8 > time.monotonic() - began


@pytest.mark.parametrize(
    "header",
    [
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 30\r\n",
        b"Content-Length: -5\r\n",
    ],
)
def test_a_body_is_no_request(header: bytes) -> None:
    """What a proxy takes for a body is not answered as if it were a request of somebody's."""
    with serving(Shown()) as served:
        answers = _answers(served, _GET + header + b"\r\n" + _GET + b"\r\n")

    assert [b"HTTP/1.1 200 OK"] == answers


@pytest.mark.parametrize(
    "request_",
    [b"GET //[::1/metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n x: y\r\n\r\n"],
)
def test_nonsense_is_the_clients_error(request_: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """No client makes the exporter log an error, whatever it sends."""
    with serving(Shown()) as served:
        answers = _answers(served, request_)

    assert [b"HTTP/1.1 400 Bad Request"] == answers
    assert [] == [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_the_end_does_not_wait_for_clients() -> None:
    """One that does not take its answer keeps the process from ending for a second or two."""
    large = Shown(blocks=[b"x" * 20_000_000])
    with serving(large) as served, _clients(served, 1, b"GET /metrics HTTP/1.0\r\n\r\n") as (it,):
        assert it.recv(1)
        began = time.monotonic()
        served.stop()

    assert 6 > time.monotonic() - began


@pytest.mark.parametrize(
    ("waiting", "pressed", "reading", "answering"),
    [
        (0, False, float("inf"), float("inf")),
        (1, False, 0.5, 2.0),
        (80, False, 0.25, 2.0),
        (1000, False, 0.1, 2.0),
        (0, True, float("inf"), 2.0),
    ],
)
def test_time_under_pressure(
    waiting: int, reading: float, answering: float, *, pressed: bool
) -> None:
    """The more clients wait for a thread, the less time has one to say what it wants."""
    deadlines = Deadlines(lambda: waiting, threads=10)
    if pressed:
        deadlines.press()

    assert {Phase.READING: reading, Phase.ANSWERING: answering} == deadlines._longest(
        time.monotonic()
    )
