"""A listener serves what it is for, whatever a client calls it."""

import socket
from collections.abc import Iterator

import pytest
import requests

from demo.processes import LOOPBACK
from tests.support.api_process import Api, api

pytestmark = pytest.mark.e2e

STATUS = "/api/v1/realtime/status"


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with api(folder, "http://127.0.0.1:1", {}, second=["monitoring"]) as running:
        yield running


def _port(service: Api, listener: int) -> int:
    return int(service.urls[listener].rpartition(":")[2])


def _status(service: Api, listener: int, request: str) -> int:
    """Send a request as it is to one of the listeners; return the answer's status."""
    first, second = (_port(service, one) for one in (0, 1))
    text = request.format(first=first, second=second) + "Connection: close\r\n\r\n"
    with socket.create_connection((LOOPBACK, (first, second)[listener]), timeout=30) as client:
        client.sendall(text.encode())
        return int(client.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("/healthz", 200, 200),
        ("/metrics", 200, 200),
        ("/openapi.json", 200, 404),
        ("/docs", 200, 404),
        ("/readyz", 503, 404),
        ("/api/v1/clusters", 200, 404),
        (STATUS, 400, 404),
        ("/api/v1/workers", 503, 503),
        ("/api/v1/scheduler/status", 503, 503),
        ("/api/v1/system/health", 200, 200),
        ("/api/v1/system/none", 404, 404),
    ],
)
def test_a_listener_serves_its_api_alone(service: Api, path: str, first: int, second: int) -> None:
    """Beside it only health and metrics; the other listener serves everything."""
    answers = [requests.get(url + path, timeout=20) for url in service.urls]

    assert [first, second] == [answer.status_code for answer in answers]


def test_what_is_not_served_is_told_in_the_apis_words(service: Api) -> None:
    """The same 404 as for a path that is nowhere."""
    there, nowhere = (
        requests.get(f"{service.urls[1]}{path}", timeout=20) for path in (STATUS, f"{STATUS}-x")
    )

    assert {"meta": {"code": 4004, "message": "Not found"}, "data": None} == there.json()
    assert there.content == nowhere.content


@pytest.mark.parametrize(
    "request_",
    [
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{{first}}\r\n",
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{{second}}\r\n",
        "GET {path} HTTP/1.1\r\nHost:\r\n",
        "GET {path} HTTP/1.0\r\n",
        "GET {path} HTTP/1.0\r\nHost: x:{{first}}\r\n",
        "GET http://127.0.0.1:{{first}}{path} HTTP/1.1\r\nHost: 127.0.0.1:{{first}}\r\n",
        "GET {path} HTTP/1.1\r\nHost: x\r\nServer-Port: {{first}}\r\n",
        "GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Port: {{first}}\r\n",
        "GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: 127.0.0.1:{{first}}\r\n",
        "GET {path} HTTP/1.1\r\nHost: x\r\nForwarded: for=x;host=x:{{first}}\r\n",
    ],
)
def test_no_header_moves_a_request_to_another_listener(service: Api, request_: str) -> None:
    """The port is that of the socket which the connection came in by."""
    request = request_.format(path="/docs")

    assert [200, 404] == [_status(service, listener, request) for listener in (0, 1)]


def test_a_kept_connection_stays_where_it_is(service: Api) -> None:
    """Every request of one connection is answered by the listener that took it in."""
    with requests.Session() as here, requests.Session() as there:
        found = [
            [session.get(url + "/docs", timeout=20).status_code for _ in range(3)]
            for session, url in zip((here, there), service.urls, strict=True)
        ]

    assert [[200] * 3, [404] * 3] == found
