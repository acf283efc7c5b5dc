"""WebSockets in bad hands: each abuse ends its own connection alone."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from demo.processes import LOOPBACK, wait_for
from queryapi.settings import Limits, Stream
from tests.support.jobstories import Writer, follow, told
from tests.support.stored import prepared, stored
from tests.support.streaming import Streamed, closing_code, streaming
from tests.support.whole import some

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_PER_CLIENT = 40
_CLIENTS = "gpuscope_stream_clients"
_FOLLOWED = "gpuscope_stream_subscriptions"
_TEXT, _PING, _LAST = 1, 9, 0x80
_PROTOCOL_ERROR, _NO_TEXT, _TOO_MUCH = 1002, 1007, 1009
_HEAD = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streamed]:
    url = prepared(tmp_path_factory.mktemp("jobs"))
    many = Stream(per_client=_PER_CLIENT, connections=_PER_CLIENT + 5, patience=2)
    often = Limits(per_minute=0)
    with stored(url) as store, streaming(database_url=url, limits=often, stream=many) as gateway:
        write = Writer(store)
        write.create("known")
        write.report("known", times=3, lines=1)
        yield gateway


@pytest.fixture(autouse=True)
def _others_are_served(gateway: Streamed) -> Iterator[None]:
    """Hold every test to it: somebody else is told as ever, and all is given back."""
    before = _files()
    with gateway.connect(path="/ws") as other:
        told(other, "connected")
        yield
        other.send('{"type":"ping"}')
        told(other, "pong")
        follow(other, "known")
        assert told(other, "subscribed")
    wait_for(lambda: gateway.counted(_CLIENTS) == 0, seconds=60, what="everybody's end")
    wait_for(lambda: gateway.counted(_FOLLOWED) == 0, seconds=60, what="the end of what they took")
    wait_for(lambda: before + 10 > _files(), seconds=60, what="their files")


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _frame(first: int, payload: bytes = b"", *, masked: bool = True, length: int = -1) -> bytes:
    """Return a frame whose length may be a lie."""
    size = len(payload) if length < 0 else length
    mask = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    return head + (bytes(4) if masked else b"") + payload


def _opened(gateway: Streamed) -> socket.socket:
    client = socket.create_connection((LOOPBACK, gateway.port), timeout=60)
    client.sendall(_HEAD + b"\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(1)
    assert answer.startswith(b"HTTP/1.1 101")
    return client


def _ended_with(client: socket.socket) -> int | None:
    """Read to the end; return the code of the closing frame, None = there was none."""
    received = b""
    with suppress(ConnectionError):
        while chunk := client.recv(65536):
            received += chunk
    found = received.rfind(b"\x88")
    return None if found < 0 else int.from_bytes(received[found + 2 : found + 4], "big")


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        (_PROTOCOL_ERROR, _frame(_LAST | _TEXT, b"{}", masked=False)),
        (_PROTOCOL_ERROR, _frame(_LAST | 0x40 | _TEXT, b"{}")),
        (_PROTOCOL_ERROR, _frame(_LAST | 0x20 | _TEXT, b"{}")),
        (_PROTOCOL_ERROR, _frame(_LAST | 3, b"{}")),
        (_PROTOCOL_ERROR, _frame(_LAST | 0xF, b"{}")),
        (_PROTOCOL_ERROR, _frame(_LAST | 0, b"{}")),
        (_PROTOCOL_ERROR, _frame(_TEXT, b"{") + _frame(_LAST | _TEXT, b"}")),
        (_PROTOCOL_ERROR, _frame(_PING, b"")),
        (_PROTOCOL_ERROR, _frame(_LAST | _PING, b"x" * 126)),
        (_PROTOCOL_ERROR, _frame(_LAST | 8, b"\x03")),
        (_PROTOCOL_ERROR, _frame(_LAST | 8, b"\x03\xed")),
        (_PROTOCOL_ERROR, _frame(_LAST | 8, b"\x00\x01")),
        (_NO_TEXT, _frame(_LAST | _TEXT, b"\xc0\xae")),
        (_NO_TEXT, _frame(_LAST | _TEXT, b"\xed\xa0\x80")),
        (_NO_TEXT, _frame(_TEXT, b"\xe2") + _frame(_LAST, b"x")),
        (_TOO_MUCH, _frame(_LAST | _TEXT, length=1 << 20)),
        (_TOO_MUCH, _frame(_LAST | _TEXT, length=(1 << 63) - 1)),
        (_TOO_MUCH, _frame(_TEXT, b"x" * 9000) + _frame(_LAST, b"x" * 9000)),
    ],
)
def test_a_frame_that_is_none_ends_its_connection(
    gateway: Streamed, code: int, frames: bytes
) -> None:
    """At once and with the code that says why, before anything of it is kept."""
    with _opened(gateway) as client:
        client.sendall(frames)

        assert code == _ended_with(client)


@pytest.mark.parametrize(
    "frame",
    [_frame(_TEXT), _frame(0), _frame(_LAST | _PING, b"x"), _frame(_LAST | 10), _frame(_LAST | 2)],
    ids=["beginnings", "fragments", "pings", "pongs", "empty"],
)
def test_a_flood_of_frames_ends_its_connection(gateway: Streamed, frame: bytes) -> None:
    """Whatever kind: more than a hundred at once are nobody's habit."""
    with _opened(gateway) as client:
        if frame == _frame(0):
            client.sendall(_frame(_TEXT))
        with suppress(ConnectionError):
            client.sendall(frame * some(2000, 20_000))

        assert _ended_with(client) in {1002, 1008, None}


def test_nothing_is_heard_after_the_end(gateway: Streamed) -> None:
    """Who has closed subscribes to nothing any more."""
    subscribe = b'{"type":"subscribe:job","subscriptionId":"known"}'
    with _opened(gateway) as client:
        client.sendall(_frame(_LAST | 8, b"\x03\xe8") + _frame(_LAST | _TEXT, subscribe))
        received = b""
        while chunk := client.recv(65536):
            received += chunk

    assert b"subscribed" not in received


@pytest.mark.parametrize(
    "change",
    [
        (b"Version: 13", b"Version: 8"),
        (b"Version: 13", b"Version: 13, 8"),
        (b"Sec-WebSocket-Version: 13\r\n", b""),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ="),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"!"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
        (b"Connection: Upgrade", b"Connection: close"),
        (b"Upgrade: websocket", b"Upgrade: h2c"),
        (b"GET /ws", b"POST /ws"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"GET /ws", b"GET /ws?token=x"),
        (b"GET /ws", b"GET /ws/../metrics"),
        (b"GET /ws", b"GET /%77s"),
        (b"Host: x", b"Host: x\r\nOrigin: https://evil.example"),
        (b"Host: x", b"Host: x\r\nOrigin: null"),
        (b"Host: x", b"Host: x\r\nOrigin: http://x.evil.example"),
        (b"Host: x", b"Host: x\r\nOrigin: http://x@evil.example"),
        (b"Host: x", b"Host: x\r\nOrigin: http://x\r\nOrigin: https://evil.example"),
    ],
)
def test_a_handshake_that_is_none_opens_nothing(
    gateway: Streamed, change: tuple[bytes, bytes]
) -> None:
    """Another version, half a key, another page: answered with a sentence and closed."""
    with socket.create_connection((LOOPBACK, gateway.port), timeout=60) as client:
        client.sendall(_HEAD.replace(*change) + b"\r\n")
        with client.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")

    assert head.split()[1] in {b"400", b"403", b"404", b"405", b"426"}
    assert ["error"] == list(json.loads(body))


def test_absurd_wishes_are_answered_one_by_one(gateway: Streamed) -> None:
    """No number, no name and no nesting is more than a sentence to it, and the connection stays."""
    numbers: tuple[object, ...] = (-1, 1.5, 10**400, "1", [], True)
    wishes = [
        *('{"type":"subscribe:job"}', "[]", "null", "{", '"' * 99, '{"type":{}}', "[" * 9000),
        *('{"type":"subscribe:job","subscriptionId":["known"]}', '{"type":"subscribe:pool"}'),
        *(
            json.dumps({"type": "subscribe:job", "subscriptionId": "known", "since": since})
            for since in numbers
        ),
        json.dumps({"type": "subscribe:job", "subscriptionId": "x" * 9000}),
    ]
    with gateway.connect(path="/ws") as client:
        told(client, "connected")
        for wish in wishes:
            client.send(wish)
            answer = json.loads(client.recv(timeout=60))
            assert "error" == answer["type"], wish[:60]
        future = {"type": "subscribe:job", "subscriptionId": "known", "since": 2**53, "epoch": "x"}
        client.send(json.dumps(future))
        assert told(client, "subscribed")["data"]["recovered"] is False


def test_a_flood_of_subscriptions_has_an_end(gateway: Streamed) -> None:
    """More of them than frames are heard of one client: all are given back with it."""
    with gateway.connect(path="/ws") as client:
        told(client, "connected")
        with suppress(ConnectionClosed):
            for number in range(some(1000, 5000)):
                follow(client, f"unknown-{number}")
        assert 1008 == closing_code(client)


def test_more_connections_than_there_may_be_are_refused(gateway: Streamed) -> None:
    """One client has so many places; when they are gone all are free again."""
    with ExitStack() as crowd:
        for _ in range(_PER_CLIENT - 1):
            crowd.enter_context(_opened(gateway))
        assert {429} == {gateway.refusal(path="/ws").status_code for _ in range(5)}


def test_coming_and_going_leaves_nothing(gateway: Streamed) -> None:
    """Crowds that connect, ask, and are gone without a word."""
    wish = _frame(_LAST | _TEXT, b'{"type":"subscribe:job","subscriptionId":"known","since":0}')
    for _ in range(some(3, 8)):
        for _ in range(_PER_CLIENT // 2):
            with _opened(gateway) as client:
                client.sendall(wish)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_for(lambda: gateway.counted(_CLIENTS) == 1, seconds=60, what="their end")
