"""WebSockets of jobs in bad hands, at the gateway as it is shipped.

What is not yours looks like nothing, a crowd leaves nothing behind, a slow one delays nobody, and
who has lost a token does not stay.
"""

import json
import socket
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from types import MappingProxyType
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from demo.processes import LOOPBACK, wait_for
from queryapi.settings import Role
from tests.support.access import issue, revoke
from tests.support.attacked import Attacked
from tests.support.jobstories import follow, say, told, upto
from tests.support.proc import held
from tests.support.streaming import closing_code
from tests.support.whole import some

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_SECONDS = 120
_CROWD = some(15, 40)
_MOST = 100
_SLOW = 10
_CLOSED = 'gpuscope_stream_closed_total{code="1013"}'
_NONE: Mapping[str, str] = MappingProxyType({})
_NUMBERS = count()


def _connected(
    service: Attacked, token: str | None = None, headers: Mapping[str, str] = _NONE, **options: Any
) -> ClientConnection:
    known = {"Authorization": f"Bearer {token}"} if token else {}
    opened: ClientConnection = connect(
        f"ws://{LOOPBACK}:{service.stream}/ws",
        additional_headers={**known, **headers},
        compression=None,
        proxy=None,
        open_timeout=_SECONDS,
        **options,
    )
    return opened


def _is_known(service: Attacked, token: str) -> bool:
    """Tell whether the file has been read again since the token is in it."""
    try:
        with _connected(service, token):
            return True
    except InvalidStatus:
        return False


def _report(service: Attacked, job: str, **more: object) -> int:
    """Report once; return the number of its last frame."""
    token = service.tokens[Role.ADMIN]
    answer = requests.post(
        f"{service.api.urls[0]}/api/jobs/{job}/progress",
        json={"workerId": "w", "progress": 1, **more},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.ok, answer.text
    return int(answer.json()["seq"])


@pytest.fixture(name="leaving", scope="module", autouse=True)
def _leaving(service: Attacked) -> Iterator[list[ClientConnection]]:
    """Connect three at once: one whose token is taken back, one whose expires, one who stays.

    The gateway judges again within half a minute, in which all others here have their turn.
    """
    lost = issue(service.file, Role.VIEWER, name="lost")
    expiring = issue(service.file, Role.VIEWER, name="old", expires=time.time() + 30)
    with ExitStack() as stack:
        wait_for(
            lambda: _is_known(service, expiring), seconds=_SECONDS, what="the tokens", every=0.3
        )
        tokens = (lost, expiring, service.tokens[Role.VIEWER])
        clients = [stack.enter_context(_connected(service, each)) for each in tokens]
        for client in clients:
            told(client, "connected")
        revoke(service.file, lost)
        yield clients


def test_anothers_job_is_one_that_does_not_exist(service: Attacked) -> None:
    """The same bytes but for the id, in the same time, and nothing is told of it afterwards."""
    token = issue(service.file, Role.VIEWER, name="narrow", namespaces=("ours",))
    _report(service, "foreign-0", namespace="theirs")

    wait_for(lambda: _is_known(service, token), seconds=_SECONDS, what="the token", every=0.3)
    took: dict[str, list[float]] = {"foreign-0": [], "unknown-0": []}
    answers: dict[str, set[str]] = {"foreign-0": set(), "unknown-0": set()}
    with _connected(service, token) as client:
        told(client, "connected")
        for _ in range(30):
            for job, seconds in took.items():
                began = time.perf_counter()
                follow(client, job, since=0)
                answers[job].add(str(client.recv(timeout=_SECONDS)).replace(job, "ID"))
                seconds.append(time.perf_counter() - began)
                # Ten messages a second are heard of one client.
                time.sleep(0.05)
        _report(service, "foreign-0", namespace="theirs")
        say(client, "ping")
        told(client, "pong")
    foreign, unknown = (statistics.median(each) for each in took.values())

    assert 1 == len(answers["foreign-0"] | answers["unknown-0"])
    assert 4 > max(foreign, unknown) / min(foreign, unknown)


def test_thousands_of_subscriptions_leave_nothing(service: Attacked) -> None:
    """Thousands of ids that nobody has; who follows a job is told of it meanwhile."""
    admin = service.tokens[Role.ADMIN]
    _report(service, "followed")
    _storm(service, admin)
    before = held(service.gateway)
    with _connected(service, admin) as other:
        told(other, "connected")
        follow(other, "followed")
        told(other, "subscribed")
        with ExitStack() as crowd:
            for client in _subscribed(service, admin, crowd):
                # Of ids that nobody has there is no end.
                follow(client, f"more-{next(_NUMBERS)}")
            seq = _report(service, "followed")
            upto(other, seq, seconds=_SECONDS)
            during = held(service.gateway)
    wait_for(
        lambda: held(service.gateway).files <= before.files + 4,
        seconds=_SECONDS,
        what="their end",
        every=0.3,
    )

    assert before.threads + 2 >= during.threads
    assert 1.3 * before.kilobytes > held(service.gateway).kilobytes


def _storm(service: Attacked, token: str) -> None:
    """Let the process have what a crowd takes once: what it keeps of that is no leak."""
    with ExitStack() as crowd:
        _subscribed(service, token, crowd)


def _subscribed(service: Attacked, token: str, crowd: ExitStack) -> list[ClientConnection]:
    clients = [crowd.enter_context(_connected(service, token)) for _ in range(_CROWD)]
    for client in clients:
        for _ in range(_MOST - 1):
            follow(client, f"nobodys-{next(_NUMBERS)}")
    for client in clients:
        told(client, "connected")
        for _ in range(_MOST - 1):
            told(client, "subscribed", seconds=_SECONDS)
    return clients


def test_who_is_slow_is_closed_and_goes_on_later(service: Attacked) -> None:
    """Others are told all of a busy job at once; the slow get 1013, and the rest when they ask."""
    admin = service.tokens[Role.ADMIN]
    seq = _report(service, "busy")
    lines, before = ["x" * 2000] * 200, service.streamed(_CLOSED)
    with ExitStack() as stack:
        slow = [stack.enter_context(_narrow(service, admin)) for _ in range(_SLOW)]
        for client in slow:
            follow(client, "busy", since=0)
        other = stack.enter_context(_connected(service, admin, max_size=None))
        told(other, "connected")
        follow(other, "busy", since=seq)
        epoch = told(other, "subscribed")["data"]["epoch"]
        for _ in range(12):
            seq = _report(service, "busy", logLines=lines)
            upto(other, seq, seconds=_SECONDS)
        wait_for(
            lambda: before + _SLOW == service.streamed(_CLOSED),
            seconds=_SECONDS,
            what="their end",
            every=0.3,
        )
        seen = [_ended(client) for client in slow]
    # The code comes behind what they have not read, and their place was given away soon after.
    assert {1006, 1013} >= {code for code, _ in seen}
    assert all(last < seq for _, last in seen)

    with _connected(service, admin, max_size=None) as again:
        told(again, "connected")
        last = seen[0][1]
        follow(again, "busy", since=last, epoch=epoch)
        assert told(again, "subscribed")["data"]["recovered"]
        assert list(range(last + 1, seq + 1)) == upto(again, seq, seconds=_SECONDS)


def _narrow(service: Attacked, token: str) -> ClientConnection:
    """Return a client that has little room for what it does not read."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect((LOOPBACK, service.stream))
    return _connected(service, token, sock=small, max_queue=1, max_size=None, ping_interval=None)


def _ended(client: ClientConnection) -> tuple[int, int]:
    """Return the code with which it is closed, and the last frame that it was told before."""
    last = 0
    try:
        while True:
            last = json.loads(client.recv(timeout=_SECONDS)).get("seq", last)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006, last


@pytest.mark.parametrize(
    ("status", "origin", "known"),
    [
        (401, None, False),
        (401, "http://127.0.0.1:{port}", False),
        (403, "https://evil.example", True),
        (403, "null", True),
        (403, "http://127.0.0.1:{port}.evil.example", True),
        (101, "http://127.0.0.1:{port}", True),
        (101, None, True),
    ],
)
def test_a_cookie_lets_nobody_in(
    service: Attacked,
    status: int,
    origin: str | None,
    known: bool,  # noqa: FBT001 - a row of a table
) -> None:
    """What a browser sends by itself says nothing of who asks; pages of others stay outside."""
    admin = service.tokens[Role.ADMIN]
    headers = {"Cookie": f"token={admin}; access_token={admin}; Authorization=Bearer {admin}"}
    if origin:
        headers["Origin"] = origin.format(port=service.stream)
    try:
        with _connected(service, admin if known else None, headers=headers) as client:
            told(client, "connected")
            found = 101
    except InvalidStatus as refused:
        found = refused.response.status_code

    assert status == found


def test_who_has_lost_their_token_does_not_stay(leaving: list[ClientConnection]) -> None:
    """1008 within half a minute for one that was taken back or has expired; others stay."""
    lost, expired, kept = leaving

    assert [1008, 1008] == [closing_code(client, _SECONDS) for client in (lost, expired)]
    say(kept, "ping")
    told(kept, "pong")
