"""What is sent after the head of a request is read as HTTP means it, or not at all."""

import json
import socket
from collections.abc import Iterator

import pytest

from demo.processes import LOOPBACK
from queryapi.settings import Role
from tests.support.access import issue
from tests.support.api_process import api
from tests.support.pools import WHOLE
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e

_POOL = json.dumps(dict(WHOLE)).encode()
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(name="port", scope="module")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, bytes]]:
    folder = tmp_path_factory.mktemp("api")
    token = issue(folder / "tokens.json", Role.ADMIN)
    settings = {
        "auth": {"tokens_file": str(folder / "tokens.json")},
        "database_url": prepared(folder),
    }
    with api(folder, "http://127.0.0.1:1", settings) as running:
        yield int(running.urls[0].rpartition(":")[2]), f"Authorization: Bearer {token}".encode()


def answers(port: int, request: bytes, *, end: bool = True) -> list[int]:
    """Send bytes on one connection and return the statuses of what comes back."""
    with socket.create_connection((LOOPBACK, port), timeout=30) as client:
        client.sendall(request)
        if end:
            client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def post(headers: bytes, body: bytes) -> bytes:
    """Return a request that wants a pool to be created."""
    kind = b"Content-Type: application/json\r\n"
    return b"POST /api/pools HTTP/1.1\r\nHost: x\r\n" + kind + headers + b"\r\n" + body


def chunk(data: bytes) -> bytes:
    """Return one chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_chunks_are_one_body(port: tuple[int, bytes]) -> None:
    """However it was cut."""
    number, token = port
    body = b"".join(chunk(_POOL[at : at + 7]) for at in range(0, len(_POOL), 7)) + b"0\r\n\r\n"

    assert [201] == answers(number, post(token + b"\r\n" + _CHUNKED, body))


def test_chunks_that_cannot_be_read_are_refused(port: tuple[int, bytes]) -> None:
    """Broken ones, and those that end too early: nothing is created, and nothing is a defect."""
    number, token = port
    head = token + b"\r\n" + _CHUNKED

    assert [400] == answers(number, post(head, b"zz\r\n{}\r\n0\r\n\r\n"))
    assert [400] == answers(number, post(head, chunk(_POOL)[:-40]))
    assert [400] == answers(number, post(head, b"5\r\n{}"))


def test_a_body_that_ends_too_early_is_refused(port: tuple[int, bytes]) -> None:
    """Less than its length says."""
    number, token = port
    length = b"Content-Length: %d\r\n" % len(_POOL)

    assert [400] == answers(number, post(token + b"\r\n" + length, _POOL[:-9]))


def test_more_than_there_may_be_is_refused_in_chunks_too(port: tuple[int, bytes]) -> None:
    """Though all of it begins like a pool."""
    number, token = port
    body = chunk(_POOL) + chunk(b" " * 1024 * 1024) + b"0\r\n\r\n"

    assert [413] == answers(number, post(token + b"\r\n" + _CHUNKED, body))


def test_a_body_that_nobody_read_is_no_request(port: tuple[int, bytes]) -> None:
    """What a stranger sends as a body is never taken for the next request on the connection."""
    number, _ = port
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    length = b"Content-Length: %d\r\n" % len(hidden)
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert [401, 200] == answers(number, post(length, hidden) + last)
    assert [401, 200] == answers(number, post(_CHUNKED, chunk(hidden) + b"0\r\n\r\n") + last)
