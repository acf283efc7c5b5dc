"""Who is slow costs the query service a place for a while, and nobody else anything.

Many of every kind at once, at the HTTP service and at the gateway, seen from outside: what others
are answered meanwhile, and what the kernel says that the processes hold.
"""

import socket
from dataclasses import dataclass

import pytest
import requests

from demo.processes import LOOPBACK, wait_for
from queryapi.settings import Role
from tests.support.attacked import FILES, TASKS, Attacked
from tests.support.proc import Held, held
from tests.support.slow import Crowd, Manner

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_THREADS = 16
_EACH = 5 * _THREADS
# Those that ask Prometheus begin when they are needed first.
_ASKING = 8
# More than the gateway lets be silent.
_SILENT = 700
# Many times what any of them is given, and nothing to anybody who is not held up.
_SECONDS = 180
_FEW = 24
_CLIENTS = "gpuscope_stream_clients"
_UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What one process held: before, at worst, and when all had ended."""

    before: Held
    worst: Held
    after: Held


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen while they were there."""

    worker: Watched
    gateway: Watched
    statuses: list[int]


def _head(line: str, token: str, *headers: str) -> bytes:
    """Return the head of a request that is never ended by itself."""
    known = f"Authorization: Bearer {token}"
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", known, *headers, ""]).encode()


def _manners(token: str) -> list[Manner]:
    """Return the kinds, each of which would hold all threads if one could."""
    kind = "Content-Type: application/json"
    post = _head("POST /api/pools", token, kind)
    return [
        Manner(),
        Manner(b"GET /healthz HTT", b"P"),
        Manner(_head("GET /healthz", token) + b"X-A: ", b"a"),
        Manner(_head("GET /healthz", token) + b"\r\nGET /hea", b"l"),
        Manner(post + b"Content-Length: 9999\r\n\r\n{", b" "),
        Manner(post + b"Content-Length: 999999\r\n\r\n{", b" "),
        Manner(post + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n{", b" "),
        Manner(_head(f"GET {TASKS}", token, "Accept-Encoding: identity") + b"\r\n"),
        Manner(_head(f"GET {TASKS}", token, "Accept-Encoding: identity") + b"\r\n", takes=True),
    ]


def _statuses(service: Attacked) -> list[int]:
    """Ask as anybody would."""
    admin = {"Authorization": f"Bearer {service.tokens[Role.ADMIN]}"}
    asked = [
        (service.port, "/healthz"),
        (service.port, "/api/pools"),
        (service.port, TASKS),
        (service.stream, "/healthz"),
    ]
    return [
        requests.get(f"http://{LOOPBACK}:{port}{path}", headers=admin, timeout=60).status_code
        for port, path in asked
    ]


@pytest.fixture(name="seen", scope="module")
def _seen(service: Attacked) -> Seen:
    """Let all of them come at once, and watch until none has a place any more."""
    wait_for(lambda: {200} == set(_statuses(service)), seconds=_SECONDS, what="the pods")
    for _ in range(3):
        _statuses(service)
    token = service.tokens[Role.ADMIN]
    processes = service.worker, service.gateway
    before = worst = tuple(held(pid) for pid in processes)
    statuses = list[int]()
    with Crowd(service.port) as http, Crowd(service.stream) as stream:
        for manner in _manners(token):
            http.add(_EACH, manner)
        stream.add(_EACH, Manner(_head("GET /ws", token) + b"X-A: ", b"a"))
        stream.add(_EACH, Manner(_head("GET /ws", token, *_UPGRADE) + b"\r\n"))
        stream.add(_SILENT, Manner())

        def are_gone() -> bool:
            nonlocal worst
            now = [held(pid) for pid in processes]
            worst = tuple(one.most(other) for one, other in zip(worst, now, strict=True))
            statuses.extend(_statuses(service))
            return all(
                one.files <= other.files + _FEW for one, other in zip(now, before, strict=True)
            )

        # They themselves go on: it is not they who hang up.
        wait_for(are_gone, seconds=_SECONDS, what="the end of the slow", every=1.5)
        after = [held(pid) for pid in processes]
    worker, gateway = (Watched(*each) for each in zip(before, worst, after, strict=True))
    return Seen(worker, gateway, statuses)


def test_others_are_answered_all_the_while(seen: Seen) -> None:
    """Each request, of every kind, at both listeners."""
    assert len(seen.statuses) > 20
    assert {200} == set(seen.statuses)


def test_they_cost_no_thread(seen: Seen) -> None:
    """The service has so many threads, however many wait; the gateway has none for them."""
    assert seen.worker.before.threads + _THREADS + _ASKING >= seen.worker.worst.threads
    assert seen.gateway.before.threads + 4 >= seen.gateway.worst.threads


def test_they_cost_a_file_each_and_no_more(seen: Seen) -> None:
    """Of the silent the gateway keeps 512, whoever comes."""
    # On a busy machine the first are gone before the last come: many times the threads at least.
    assert seen.worker.before.files + _EACH < seen.worker.worst.files
    assert FILES >= seen.worker.worst.files
    assert seen.gateway.before.files + 512 + 2 * _EACH + _FEW >= seen.gateway.worst.files


def test_they_cost_little_memory(seen: Seen) -> None:
    """While they are there, too: an answer that many take is there once."""
    assert 2.5 * seen.worker.before.kilobytes > seen.worker.worst.kilobytes
    assert 2.5 * seen.gateway.before.kilobytes > seen.gateway.worst.kilobytes


def test_all_that_they_had_is_given_back(seen: Seen) -> None:
    """Files and memory are as before."""
    for process in (seen.worker, seen.gateway):
        assert process.before.files + _FEW >= process.after.files
        assert 1.5 * process.before.kilobytes > process.after.kilobytes


def test_more_than_there_is_room_for_wait_their_turn(service: Attacked, seen: Seen) -> None:
    """The listener takes in no more than it may; who comes then is answered when there is room."""
    with Crowd(service.port) as crowd:
        crowd.add(FILES + 50, Manner())
        wait_for(
            lambda: held(service.worker).files > FILES - 200, seconds=_SECONDS, what="the flood"
        )
        assert FILES >= held(service.worker).files
        assert {200} == set(_statuses(service))
        few = seen.worker.before.files + _FEW
        wait_for(
            lambda: held(service.worker).files <= few, seconds=_SECONDS, what="the flood's end"
        )
    assert "Too many open files" not in service.api.process.log.read_text()


def test_who_vanishes_is_noticed(service: Attacked, seen: Seen) -> None:
    """Neither FIN nor RST, as when a machine loses its power: places and files come back."""
    if service.network is None:
        pytest.skip("laying a network takes the rights of root")
    token, cable = service.tokens[Role.ADMIN], service.network
    said = [
        (service.port, _head("GET /healthz", token)),
        (service.port, _head("POST /api/pools", token) + b"Content-Length: 9999\r\n\r\n{"),
        (service.port, _head(f"GET {TASKS}", token) + b"\r\n"),
        (service.stream, _head("GET /ws", token)),
        (service.stream, _head("GET /ws", token, *_UPGRADE) + b"\r\n"),
    ]
    before = [held(pid).files for pid in (service.worker, service.gateway)]
    far = list[socket.socket]()
    try:
        for port, begun in said * 8:
            far.append(cable.connect(port))
            far[-1].sendall(begun)
        wait_for(
            lambda: service.streamed(_CLIENTS) == 8, seconds=_SECONDS, what="clients", every=0.5
        )
        cable.pull()
        # The kernel alone would take a quarter of an hour to give them up.
        wait_for(
            lambda: service.streamed(_CLIENTS) == 0, seconds=_SECONDS, what="their end", every=0.5
        )
        for pid, files in zip((service.worker, service.gateway), before, strict=True):
            wait_for(
                lambda pid=pid, files=files: held(pid).files <= files + 4,  # type: ignore[misc]
                seconds=_SECONDS,
                what="their files",
            )
        assert {200} == set(_statuses(service))
    finally:
        cable.plug()
        for client in far:
            client.close()
    assert seen.worker.before.threads + _THREADS + _ASKING >= held(service.worker).threads
