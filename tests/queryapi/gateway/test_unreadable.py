"""What cannot be read is refused in our own words, and leaves what every request leaves."""

import json
import logging
import socket

import pytest

from demo.processes import LOOPBACK, wait_for
from queryapi.telemetry.logs import ACCESS
from tests.support.streaming import Streamed, streaming

_LONG = b"X-Long: " + b"x" * 8000 + b"\r\n"
_GET = b"GET /healthz HTTP/1.1\r\n"


def _said(gateway: Streamed, *parts: bytes, ends: bool = False) -> bytes:
    """Send what there is, whoever listens; returns everything that is answered."""
    with socket.create_connection((LOOPBACK, gateway.port)) as raw:
        raw.settimeout(20)
        for part in parts:
            raw.sendall(part)
        if ends:
            raw.shutdown(socket.SHUT_WR)
        with raw.makefile("rb") as answer:
            return answer.read()


@pytest.mark.parametrize(
    ("status", "method", "path", "request_"),
    [
        (414, "GET", "/" + "a" * 200, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"),
        (431, "GET", "/healthz", _GET + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n"),
        (431, "GET", "/healthz", _GET + b"X: a\r\n" * 200 + b"\r\n"),
        (431, "GET", "/healthz", _GET + _LONG * 5),
        (400, "", "", b"\x16\x03\x01\x02\x00hello\r\n\r\n"),
        (400, "PRI", "", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (400, "POST", "/healthz", b"POST /healthz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
    ],
)
def test_what_cannot_be_read_is_answered_counted_and_logged(
    status: int, method: str, path: str, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """As JSON with its own status, once, with as much of the request as could be read."""
    caplog.set_level(logging.INFO, logger=ACCESS)
    with streaming() as gateway:
        head, _, body = _said(gateway, request_).partition(b"\r\n\r\n")
        assert 1 == gateway.counted(f'gpuscope_stream_handshakes_total{{status="{status}"}}')

    assert str(status) == head.decode().split()[1]
    assert b"Content-Type: application/json" in head
    assert ["error"] == list(json.loads(body))
    told = caplog.records[0].__dict__["fields"]
    expected = {"client": LOOPBACK, "path": path, "status": status}
    assert expected == {name: told[name] for name in expected}
    # A method is told where a path could be told too.
    assert (method if path else "") == told.get("method", "")


def test_a_head_request_is_refused_without_a_body() -> None:
    """As HTTP wants it."""
    with streaming() as gateway:
        answer = _said(gateway, b"HEAD /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 414 ")
    assert answer.endswith(b"\r\n\r\n")


def test_who_goes_on_is_still_told() -> None:
    """The rest of what is too long is not read as anything, and does not undo the answer."""
    with streaming() as gateway:
        answer = _said(gateway, _GET, *[_LONG] * 20)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert 1 == answer.count(b"HTTP/1.1")


@pytest.mark.parametrize("said", [b"", b"GET /heal"])
def test_who_goes_without_having_asked_leaves_no_trace(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Probes of a port are no requests."""
    caplog.set_level(logging.INFO, logger=ACCESS)
    with streaming() as gateway:
        assert b"" == _said(gateway, said, ends=True)
    assert [] == caplog.records


def test_who_is_refused_and_stays_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before its time to ask is over."""
    monkeypatch.setattr("queryapi.gateway.listener._HEAD_SECONDS", 300)
    with streaming() as gateway, socket.create_connection((LOOPBACK, gateway.port)) as raw:
        raw.settimeout(20)
        raw.sendall(b"\x16\x03\r\n\r\n")

        def is_cut_off() -> bool:
            try:
                raw.sendall(b"x")
            except ConnectionError:
                return True
            return False

        wait_for(is_cut_off, seconds=60, what="its end")
