"""An exchange is complete, or fails in bounded time, whatever the other side does."""

import contextlib
import gzip
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from demo.processes import LOOPBACK, free_port
from queryapi.errors import UpstreamUnavailable
from queryapi.promql.transport import HttpTransport, Reply
from tests.support import raw_server
from tests.support.raw_server import Manners, RawServer, http

_PATIENT = 30.0
_BRIEF = 0.3


@contextlib.contextmanager
def _transport(max_bytes: int = 10_000, ca_file: str | None = None) -> Iterator[HttpTransport]:
    transport = HttpTransport(connect=1.0, max_bytes=max_bytes, ca_file=ca_file)
    try:
        yield transport
    finally:
        transport.close()


def _exchange(url: str, *, seconds: float = _PATIENT, ca_file: str | None = None) -> Reply:
    with _transport(ca_file=ca_file) as transport:
        return transport.post(url, {"query": "up"}, {}, time.monotonic() + seconds)


def _failure(manners: Manners, *, seconds: float = _PATIENT) -> UpstreamUnavailable:
    with RawServer(manners) as server, pytest.raises(UpstreamUnavailable) as failure:
        _exchange(server.url, seconds=seconds)
    return failure.value


def test_the_query_travels_in_the_body() -> None:
    """A query longer than any URL may be arrives whole, as a form."""
    received: list[bytes] = []
    query = "up" * 20_000

    def manners(connection: socket.socket) -> None:
        received.append(raw_server.read_request(connection))
        connection.sendall(http(b"{}"))

    with RawServer(manners) as server, _transport() as transport:
        transport.post(server.url + "/q", {"query": query}, {"X-A": "b"}, time.monotonic() + 30)

    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /q HTTP/1.1")
    assert b"X-A: b" in head
    assert {"query": [query]} == parse_qs(body.decode())


def test_one_connection_serves_many_queries() -> None:
    """Connections are kept: the second query does not connect again."""
    with RawServer(raw_server.saying(http(b"{}"))) as server, _transport() as transport:
        for _ in range(3):
            transport.post(server.url, {}, {}, time.monotonic() + 30)

        assert 1 == server.connections


@pytest.mark.parametrize("status", ["200 OK", "422 Unprocessable", "503 Service Unavailable"])
def test_any_complete_answer_is_a_reply(status: str) -> None:
    """What a status means is for others to judge."""
    with RawServer(raw_server.saying(http(b"words", status=status))) as server:
        assert Reply(int(status[:3]), b"words") == _exchange(server.url)


def test_packed_answers_are_unpacked() -> None:
    """An answer that came as gzip is handed on as what it says."""
    packed = http(gzip.compress(b"words" * 100), "Content-Encoding: gzip")
    with RawServer(raw_server.saying(packed)) as server:
        assert b"words" * 100 == _exchange(server.url).body


def test_nobody_there_is_said_at_once() -> None:
    """A refused connection does not use up the time."""
    with pytest.raises(UpstreamUnavailable) as failure:
        _exchange(f"http://{LOOPBACK}:{free_port()}")

    assert "refused" == failure.value.reason


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("refused", b""),
        ("refused", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("refused", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf a bod"),
        ("refused", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf a chunk"),
        ("garbled", http(b"not packed at all", "Content-Encoding: gzip")),
        ("too_large", http(b"x" * 10_001)),
        ("too_large", http(gzip.compress(b"x" * 10_000_000), "Content-Encoding: gzip")),
    ],
)
def test_what_is_not_an_answer_is_an_error(reason: str, answer: bytes) -> None:
    """Half an answer, no answer, rubbish and floods are told apart and never taken for data."""
    assert reason == _failure(raw_server.saying_once(answer)).reason


def test_a_server_that_never_answers_costs_the_deadline_and_no_more() -> None:
    """A hung server is given up."""
    assert "timeout" == _failure(raw_server.silent, seconds=_BRIEF).reason


@pytest.mark.parametrize("farewell", ["", "Connection: close\r\n"])
def test_a_server_that_drips_is_given_up(farewell: str) -> None:
    """A byte now and then does not renew the deadline."""

    def drip(connection: socket.socket) -> None:
        raw_server.read_request(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{farewell}Content-Length: 9999\r\n\r\n".encode())
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    assert "timeout" == _failure(drip, seconds=_BRIEF).reason


def test_a_deadline_that_has_passed_is_not_tried() -> None:
    """Without time left nothing is sent."""
    with RawServer(raw_server.silent) as server:
        with pytest.raises(UpstreamUnavailable) as failure:
            _exchange(server.url, seconds=-1)

        assert "timeout" == failure.value.reason
        assert 0 == server.connections


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and a certificate for 127.0.0.1 that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "server.pem", folder / "key.pem"
    made_by = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    about = ["-subj", "/CN=test", "-addext", f"subjectAltName=IP:{LOOPBACK}"]
    subprocess.run(
        [*made_by.split(), *about, "-keyout", str(key), "-out", str(pem)],
        check=True,
        capture_output=True,
    )
    pem.write_bytes(pem.read_bytes() + key.read_bytes())
    return pem


def test_https_is_held_to_the_authorities_given(certificate: Path) -> None:
    """A server is believed when the given authority vouches for it, and not otherwise."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with RawServer(raw_server.saying(http(b"words")), tls=context) as server:
        assert b"words" == _exchange(server.url, ca_file=str(certificate)).body

        with pytest.raises(UpstreamUnavailable) as failure:
            _exchange(server.url)

    assert "refused" == failure.value.reason
