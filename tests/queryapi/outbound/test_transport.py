"""An exchange is complete, or fails in bounded time, whatever the other side does."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from demo.processes import LOOPBACK, free_port
from queryapi.outbound.transport import ExchangeFailed, HttpTransport, Reply, Request
from tests.support import raw_server
from tests.support.raw_server import Manners, RawServer, http
from tests.support.tls import Certificate, self_signed

_PATIENT = 30.0
_BRIEF = 0.3
# Who drips so often has outlasted every deadline, and ends in another way.
_DRIPS = 500


@contextlib.contextmanager
def _transport(
    *, ca_file: str | None = None, identity: Certificate | None = None
) -> Iterator[HttpTransport]:
    files = (str(identity.cert), str(identity.key)) if identity else None
    transport = HttpTransport(connect=1.0, max_bytes=10_000, ca_file=ca_file, identity=files)
    try:
        yield transport
    finally:
        transport.close()


def _exchange(url: str, *, seconds: float = _PATIENT, ca_file: str | None = None) -> Reply:
    with _transport(ca_file=ca_file) as transport:
        return transport.exchange(
            Request("POST", url, {}, form={"query": "up"}), time.monotonic() + seconds
        )


def _failure(manners: Manners, *, seconds: float = _PATIENT) -> ExchangeFailed:
    with RawServer(manners) as server, pytest.raises(ExchangeFailed) as failure:
        _exchange(server.url, seconds=seconds)
    return failure.value


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The server's certificate."""
    return self_signed(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Our own certificate."""
    return self_signed(tmp_path_factory.mktemp("client"))


def test_the_query_travels_in_the_body() -> None:
    """A query longer than any URL may be arrives whole, as a form."""
    received: list[bytes] = []
    query = "up" * 20_000

    def manners(connection: socket.socket) -> None:
        received.append(raw_server.read_request(connection))
        connection.sendall(http(b"{}"))

    with RawServer(manners) as server, _transport() as transport:
        transport.exchange(
            Request("POST", server.url + "/q", {"X-A": "b"}, form={"query": query}),
            time.monotonic() + 30,
        )

    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /q HTTP/1.1")
    assert b"X-A: b" in head
    assert {"query": [query]} == parse_qs(body.decode())


def test_one_connection_serves_many_queries() -> None:
    """Connections are kept: the second query does not connect again."""
    with RawServer(raw_server.saying(http(b"{}"))) as server, _transport() as transport:
        for _ in range(3):
            transport.exchange(Request("POST", server.url, {}, form={}), time.monotonic() + 30)

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
    with pytest.raises(ExchangeFailed) as failure:
        _exchange(f"http://{LOOPBACK}:{free_port()}")

    assert "refused" == failure.value.reason


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("refused", b""),
        ("refused", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("garbled", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf a bod"),
        ("garbled", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf a chunk"),
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


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (_CHUNKED, b"0"),
        (_CHUNKED + b"5;", b"x"),
        (_CHUNKED + b"5\r\n", b"x"),
        (_CHUNKED + b"0\r\n", b"x\r\n"),
    ],
    ids=["body", "last", "status", "header", "1xx", "size", "extension", "chunk", "trailer"],
)
def test_a_server_that_drips_is_given_up(
    first: bytes,
    then: bytes,
    tls: bool,  # noqa: FBT001 - a table's column
    certificate: Certificate,
) -> None:
    """A byte now and then does not renew the deadline, wherever in the answer it comes."""

    def drip(connection: socket.socket) -> None:
        raw_server.read_request(connection)
        connection.sendall(first)
        for _ in range(_DRIPS):
            time.sleep(0.02)
            connection.sendall(then)

    context = certificate.context() if tls else None
    with RawServer(drip, tls=context) as server, pytest.raises(ExchangeFailed) as failure:
        _exchange(server.url, seconds=_BRIEF, ca_file=str(certificate.cert))

    assert "timeout" == failure.value.reason


def test_a_server_that_does_not_read_the_question_is_given_up(certificate: Certificate) -> None:
    """Sending ends by the deadline too, however little is taken now and then."""

    def sip(connection: socket.socket) -> None:
        for _ in range(_DRIPS):
            time.sleep(0.02)
            if not connection.recv(4096):
                return

    with (
        RawServer(sip, tls=certificate.context()) as server,
        _transport(ca_file=str(certificate.cert)) as transport,
    ):
        question = Request("POST", server.url, {}, body=b"x" * 16_000_000)
        with pytest.raises(ExchangeFailed) as failure:
            transport.exchange(question, time.monotonic() + _BRIEF)

    assert "timeout" == failure.value.reason


@pytest.mark.parametrize(
    "line", [b"X: " + b"x" * 1000 + b"\r\n", b"x" * 1000], ids=["lines", "one line"]
)
def test_a_head_without_an_end_is_no_answer(line: bytes) -> None:
    """A server that sends headers for ever is given up long before the memory or the time is."""

    def flood(connection: socket.socket) -> None:
        raw_server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(line)

    assert "refused" == _failure(flood).reason


def test_a_deadline_that_has_passed_is_not_tried() -> None:
    """Without time left nothing is sent."""
    with RawServer(raw_server.silent) as server:
        with pytest.raises(ExchangeFailed) as failure:
            _exchange(server.url, seconds=-1)

        assert "timeout" == failure.value.reason
        assert 0 == server.connections


def test_https_is_held_to_the_authorities_given(certificate: Certificate) -> None:
    """A server is believed when the given authority vouches for it, and not otherwise."""
    with RawServer(raw_server.saying(http(b"words")), tls=certificate.context()) as server:
        assert b"words" == _exchange(server.url, ca_file=str(certificate.cert)).body

        with pytest.raises(ExchangeFailed) as failure:
            _exchange(server.url)

    assert "refused" == failure.value.reason


def test_a_server_may_ask_who_we_are(certificate: Certificate, ours: Certificate) -> None:
    """With our own certificate a server of mutual TLS lets us in, and without it does not."""
    tls = certificate.context(clients=ours.cert)
    with RawServer(raw_server.saying(http(b"words")), tls=tls) as server:
        with _transport(ca_file=str(certificate.cert), identity=ours) as transport:
            answer = transport.exchange(Request("GET", server.url, {}), time.monotonic() + 30)

        assert b"words" == answer.body

        with pytest.raises(ExchangeFailed) as failure:
            _exchange(server.url, ca_file=str(certificate.cert))

    assert "refused" == failure.value.reason


def test_a_certificate_that_went_away_is_a_failed_exchange(
    certificate: Certificate, ours: Certificate, tmp_path: Path
) -> None:
    """A file that is missing, or no longer a certificate, fails the exchange, not the process."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with RawServer(raw_server.saying(http(b"words")), tls=certificate.context()) as server:
        for cert in (tmp_path / "gone", broken):
            identity = Certificate(cert, ours.key)
            with (
                _transport(ca_file=str(certificate.cert), identity=identity) as transport,
                pytest.raises(ExchangeFailed) as failure,
            ):
                transport.exchange(Request("GET", server.url, {}), time.monotonic() + 30)

            assert "refused" == failure.value.reason


def test_an_answer_can_be_read_while_it_comes() -> None:
    """Its beginning is there before its end was sent."""
    read = threading.Event()

    def manners(connection: socket.socket) -> None:
        raw_server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbeg")
        assert read.wait(timeout=_PATIENT)
        connection.sendall(b"end")

    request = Request("GET", "", {})
    with (
        RawServer(manners) as server,
        _transport() as transport,
        transport.stream(replace(request, url=server.url), time.monotonic() + _PATIENT) as answer,
    ):
        assert (200, b"beg") == (answer.status, next(answer.chunks))
        read.set()
        assert b"end" == b"".join(answer.chunks)


def test_an_answer_that_is_left_unread_spoils_no_other() -> None:
    """A connection with half an answer in it is not used again."""
    with (
        RawServer(raw_server.saying(http(b"x" * 9_000))) as server,
        _transport() as transport,
    ):
        request = Request("GET", server.url, {})
        with transport.stream(request, time.monotonic() + _PATIENT) as answer:
            assert 200 == answer.status

        assert b"x" * 9_000 == transport.exchange(request, time.monotonic() + _PATIENT).body
        assert 2 == server.connections
