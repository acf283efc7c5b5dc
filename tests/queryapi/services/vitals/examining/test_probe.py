"""A health URL tells how its service is, however badly it is answered."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.processes import LOOPBACK, free_port
from queryapi.services.vitals.model import Finding, Status
from tests.support.examining import PATIENT, looking
from tests.support.raw_server import (
    Manners,
    RawServer,
    http,
    read_request,
    saying,
    saying_once,
    silent,
)
from tests.support.tls import self_signed

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
_BIG = 100 * 1024 * 1024


def _found(url: str, *, timeout: float = PATIENT, **more: Any) -> Finding:
    service = {"name": "s", "health_url": url, "timeout": timeout, **more}
    with looking(service) as look:
        return look.only()


def _answered(manners: Manners, *, timeout: float = PATIENT) -> tuple[Status, str]:
    with RawServer(manners) as server:
        finding = _found(f"{server.url}/health", timeout=timeout)
    return finding.status, finding.error


def _dripping(text: bytes) -> Manners:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(text)
        while True:
            connection.sendall(b"a")
            time.sleep(0.02)

    return drip


def _hundred_megabytes(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {_BIG}\r\n\r\n".encode())
    for _ in range(_BIG // 65536):
        connection.sendall(b"a" * 65536)


_ANSWERED: dict[str, tuple[str, Manners]] = {
    "an object": ("", saying(http(b"{}"))),
    "nothing": ("", saying(http(b"", status="204 No Content"))),
    "pass": ("", saying(http(b'{"status": "pass"}'))),
    "a word unknown": ("", saying(http(b'{"status": "starting"}'))),
    "no word": ("", saying(http(b'{"status": {"deep": 1}}'))),
    "garbage": ("", saying(http(b"\xff\x00{garbage", "Content-Type: application/json"))),
    "no end of nesting": ("", saying(http(b"[" * 60_000))),
    "100 MB": ("", _hundred_megabytes),
    "500": ("answered 500", saying(http(b'{"status": "pass"}', status="500 Internal"))),
    "404": ("answered 404", saying(http(b"", status="404 Not Found"))),
    "down": ("says that it is 'down'", saying(http(b'{"status": "DOWN", "service": "x"}'))),
    "degraded": ("says that it is 'degraded'", saying(http(b'{"status": "degraded"}'))),
}
_NO_ANSWER: dict[str, tuple[str, Manners]] = {
    "garbage": ("did not answer in HTTP", saying_once(b"garbage\r\n\r\n")),
    "nothing": ("broke off the connection", saying_once(b"")),
    "half": ("broke off its answer", saying_once(_HEAD + b"half")),
    "no gzip": ("broke off its answer", saying_once(http(b"no", "Content-Encoding: gzip"))),
}
_NO_END: dict[str, Manners] = {
    "silent": silent,
    "dripping head": _dripping(b"HTTP/1.1 200 OK\r\n"),
    "dripping body": _dripping(_HEAD),
}


@pytest.mark.parametrize(("said", "manners"), _ANSWERED.values(), ids=_ANSWERED)
def test_what_a_service_answers_is_what_it_is(said: str, manners: Manners) -> None:
    """2xx is healthy unless its body says otherwise; everything else is not."""
    assert (Status.UNHEALTHY if said else Status.HEALTHY, said) == _answered(manners)


@pytest.mark.parametrize(("said", "manners"), _NO_ANSWER.values(), ids=_NO_ANSWER)
def test_what_is_no_answer_is_an_error(said: str, manners: Manners) -> None:
    """The text says what happened, and names nobody."""
    assert (Status.ERROR, said) == _answered(manners)


@pytest.mark.parametrize("manners", _NO_END.values(), ids=_NO_END)
def test_what_does_not_come_to_an_end_is_late(manners: Manners) -> None:
    """Bytes that come one at a time buy no time."""
    assert (Status.TIMEOUT, "did not answer in time") == _answered(manners, timeout=0.3)


def test_nobody_there_is_said_so() -> None:
    """A service that was killed refuses connections."""
    finding = _found(f"http://{LOOPBACK}:{free_port()}/health")

    assert (Status.ERROR, "refused the connection") == (finding.status, finding.error)
    assert None is finding.response_time
    assert (1, 1, None) == (finding.checks, finding.failures, finding.last_success)


def test_an_address_nobody_can_have_is_said_so() -> None:
    """There is no way to broadcast a connection, so nobody tries."""
    said = "its address is link-local or another that nothing is sent to"
    assert said == _found("http://255.255.255.255/health").error


def test_a_name_nobody_knows_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name itself is not repeated."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert "its name cannot be resolved" == _found("http://secret.example/health").error


def test_https_is_held_to_the_authorities_of_the_settings(tmp_path: Path) -> None:
    """A certificate that nobody vouches for is not talked to."""
    made = self_signed(tmp_path)
    with RawServer(saying(http(b"")), tls=made.context()) as server:
        trusted = _found(server.url, ca_file=str(made.cert))
        other = _found(server.url)

    assert Status.HEALTHY is trusted.status
    assert (Status.ERROR, "no trusted TLS connection can be made") == (other.status, other.error)


def test_a_redirect_is_not_followed() -> None:
    """Nobody sends this service where the settings did not."""
    with RawServer(saying(http(b""))) as target:
        redirect = http(b"", f"Location: {target.url}/secret", status="302 Found")
        assert (Status.UNHEALTHY, "answered 302") == _answered(saying(redirect))
        assert 0 == target.connections


def test_headers_of_the_settings_are_sent() -> None:
    """And nothing of what the service answers is a number of its."""
    asked: list[bytes] = []

    def manners(connection: socket.socket) -> None:
        asked.append(read_request(connection))
        connection.sendall(http(b'{"status": "ok", "events": 7}'))

    with RawServer(manners) as server:
        finding = _found(f"{server.url}/h?a=b", headers={"Authorization": "x", "accept": "a/b"})

    [head] = [request.decode().lower() for request in asked]
    assert head.startswith("get /h?a=b http/1.1\r\n")
    assert "authorization: x\r\n" in head
    assert 1 == head.count("accept: ")
    assert {} == finding.numbers


def test_a_secret_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A line is written when a service becomes ill, and one when it is well again: no more."""
    port = free_port()
    service = {"name": "s", "health_url": f"http://{LOOPBACK}:{port}/h?key=secret", "timeout": 9.0}
    caplog.set_level("INFO", "queryapi")
    with looking({**service, "headers": {"Authorization": "secret"}}) as look:
        assert Status.ERROR is look.only().status
        assert Status.ERROR is look.only().status
        with _server_at(port, saying(http(b""))):
            assert Status.HEALTHY is look.only().status

    lines = [(r.getMessage(), getattr(r, "fields", {})) for r in caplog.records]
    told = [line for line in lines if "service" in line[1]]
    about = {"service": "s", "status": "error", "error": "refused the connection"}
    assert 2 == len([line for line in lines if line[1].get("service") == "s"])
    assert ("A service is not healthy", about) in told
    assert ("A service is healthy again", {"service": "s"}) in told
    assert "secret" not in repr(lines)


def test_looks_are_counted_for_five_minutes() -> None:
    """What was found longer ago counts no more; the last success is remembered."""
    port = free_port()
    with looking({"name": "s", "health_url": f"http://{LOOPBACK}:{port}", "timeout": 9.0}) as look:
        with _server_at(port, saying(http(b""))):
            well = look.only()
        look.clock.now += 200
        ill = look.only()
        look.clock.now += 150
        later = look.only()

    assert (1, 0, 1000.0) == (well.checks, well.failures, well.last_success)
    assert (2, 1, 1000.0) == (ill.checks, ill.failures, ill.last_success)
    assert (2, 2, 1000.0) == (later.checks, later.failures, later.last_success)
    assert well.response_time is not None
    assert well.response_time > 0


def test_a_service_that_hangs_costs_one_thread_and_one_connection() -> None:
    """Round after round the others are told of, and the one that hangs is late."""
    with RawServer(saying(http(b""))) as well, RawServer(silent) as hung:
        services: list[dict[str, Any]] = [
            {"name": f"well{at}", "health_url": well.url, "timeout": PATIENT} for at in range(3)
        ]
        services.insert(1, {"name": "hung", "health_url": hung.url, "timeout": PATIENT})
        with looking(*services, deadline=1.0) as look:
            rounds = [look.round() for _ in range(4)]
            threads = [it for it in threading.enumerate() if it.name.startswith("vitals")]

    late = [Status.HEALTHY, Status.TIMEOUT, Status.HEALTHY, Status.HEALTHY]
    assert [late] * 4 == [[finding.status for finding in told.findings] for told in rounds]
    # Four services, and the rate of events.
    assert [5] == look.threads
    assert len(threads) <= 5
    # Asked anew only when the question before has ended by its own deadline.
    assert hung.connections <= 4


def _server_at(port: int, manners: Manners) -> "_At":
    return _At(port, manners)


class _At:
    """A server on a port that was chosen before."""

    def __init__(self, port: int, manners: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server((LOOPBACK, port))
        self._manners = manners
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=10)
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            self._manners(connection)
