"""Clients that are slow or silent cost themselves their connection, and others nothing."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from demo.processes import LOOPBACK
from tests.support import fake_prometheus
from tests.support.api_process import Api, api
from tests.support.stored import prepared
from tests.support.waiting_prometheus import answering

pytestmark = pytest.mark.e2e

THREADS = 16
# Where a thread waited for each, three turns of them would take 15 s or more.
SOON = 12.0
TASKS = "/api/v1/realtime/running-tasks"
# A few megabytes: more than the kernel keeps for a client that does not read.
_PODS = [
    fake_prometheus.series("gpu_pod_info", 1, namespace="ml", pod="p" * 200, uid=f"{number}")
    for number in range(30_000)
]


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    patient = {"timeouts": {"query": 20, "request": 20}, "database_url": prepared(folder)}
    with answering() as (prometheus, url):
        prometheus.found["tasks"] = _PODS
        with api(folder, url, patient) as running:
            yield running


@contextlib.contextmanager
def _clients(service: Api, number: int, begun: bytes) -> Iterator[list[socket.socket]]:
    """Connect *number* clients that say *begun* and then nothing, and read nothing."""
    port = int(service.urls[0].rpartition(":")[2])
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(60)
            client.connect((LOOPBACK, port))
            client.sendall(begun)
            clients.append(client)
        yield clients


def _ask(service: Api) -> int:
    return requests.get(f"{service.urls[0]}/healthz", timeout=SOON).status_code


def _get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "\r\n"]).encode()


def _put(*headers: str) -> bytes:
    kind = "Content-Type: application/json"
    return "\r\n".join(["PUT /api/pools/a HTTP/1.1", "Host: x", kind, *headers, "\r\n"]).encode()


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /healthz HTT", id="half a line"),
        pytest.param(_get("/healthz")[:-2], id="half a head"),
        pytest.param(_get("/healthz") + b"GET /hea", id="a request and a half"),
        pytest.param(_get("/healthz", "Content-Length: 9"), id="no body"),
        pytest.param(_get("/healthz", "Transfer-Encoding: chunked") + b"ff\r\n", id="half a chunk"),
        pytest.param(_put("Content-Length: 9") + b"{", id="half a short body"),
        pytest.param(_put("Content-Length: 999999") + b"{", id="half a long body"),
        pytest.param(_put("Transfer-Encoding: chunked") + b"ff\r\n{", id="half a chunk to read"),
        pytest.param(_put("Expect: 100-continue", "Content-Length: 9"), id="not what it asked for"),
        pytest.param(_put("Content-Length: 9", *4 * ["x: " + "y" * 16000]) + b"{", id="long head"),
        pytest.param(_get("/healthz", "Connection: close"), id="no end"),
        pytest.param(_get(f"{TASKS}?cluster=prod-cluster"), id="reads no answer"),
    ],
)
def test_who_stops_half_way_holds_no_thread(service: Api, begun: bytes) -> None:
    """Several times as many of them as there are threads: others are answered at once."""
    if TASKS.encode() in begun:
        service.get(TASKS, cluster="prod-cluster")
    with _clients(service, 3 * THREADS, begun):
        assert 200 == _ask(service)


def test_a_body_may_come_in_pieces(service: Api) -> None:
    """Short or long, announced or asked for, while many others wait for theirs."""
    with _clients(service, 3 * THREADS, _put("Content-Length: 9") + b"{"):
        for length, *headers in ((9,), (32 * 1024,), (32 * 1024 + 1,), (9, "Expect: 100-continue")):
            head = _put(f"Content-Length: {length}", "Connection: close", *headers)
            with _clients(service, 1, head) as (client,):
                for piece in (b"{", b"}".ljust(length - 2), b" "):
                    time.sleep(0.1)
                    client.sendall(piece)

                assert b'"The requested resource was not found"' in _all_of(client)


def test_who_stops_in_the_middle_of_a_head_is_hung_up_on(service: Api) -> None:
    """After a while, in the middle of a first line or of a second request."""
    with (
        _clients(service, 1, b"GET /healthz HTT") as first,
        _clients(service, 1, _get("/healthz") + b"GET /hea") as second,
    ):
        assert b"" == _all_of(first[0])
        assert _all_of(second[0]).endswith(b'{"alive":true}')


def test_a_head_may_come_in_pieces(service: Api) -> None:
    """Byte by byte, for two requests of one connection."""
    with _clients(service, 1, b"") as (client,):
        for _ in range(2):
            for byte in _get("/healthz"):
                client.sendall(bytes([byte]))
            told = b""
            while not told.endswith(b'{"alive":true}'):
                piece = client.recv(65536)
                assert piece
                told += piece


def test_a_slow_reader_gets_all_of_its_answer(service: Api) -> None:
    """However long it does not read, within its time; and its connection goes on."""
    whole = _of_any_time(service.get(TASKS, cluster="prod-cluster").content)
    request = _get(f"{TASKS}?cluster=prod-cluster", "Accept-Encoding: identity")
    with _clients(service, 1, request) as (client,):
        assert 200 == _ask(service)
        client.sendall(_get("/healthz", "Connection: close"))
        told = _all_of(client)

    assert _of_any_time(told.partition(b"\r\n\r\n")[2]).startswith(whole)
    assert told.endswith(b'{"alive":true}')


def _of_any_time(answer: bytes) -> bytes:
    """Return an answer without the begin of its window: another one may have opened since."""
    return re.sub(rb'"timestamp":"[^"]*"', b"", answer)


def _all_of(client: socket.socket) -> bytes:
    """Read until the server ends or breaks off the connection."""
    told = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(1024 * 1024):
            told += piece
    return bytes(told)
