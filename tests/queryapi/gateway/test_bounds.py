"""One client, however it behaves, costs a bounded amount and nobody else anything."""

import contextlib
import socket
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed

from demo.processes import LOOPBACK, wait_for
from queryapi.gateway import line
from queryapi.settings import Stream
from tests.support.streaming import PATH, Streamed, closing_code, next_of, streaming

PING = bytes([0x89, 0x80, 0, 0, 0, 0])


def _opened(gateway: Streamed, query: str = "?interval=300") -> socket.socket:
    """Return a WebSocket that nobody reads from or answers pings on."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect((LOOPBACK, gateway.port))
    client.sendall(_head(query))
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def _head(query: str = "") -> bytes:
    """Return the request for a WebSocket."""
    return (
        f"GET {PATH}{query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def test_a_client_that_does_not_read_is_skipped_and_then_closed() -> None:
    """It gets no queue of its own, 1013 after the patience, and others are not held up."""
    stream = Stream(patience=2, ping_interval=300)
    with streaming(stream=stream) as gateway:
        gateway.service.padding = 900_000
        with (
            gateway.connect("?interval=1", max_size=None) as other,
            _opened(gateway, "?interval=1"),
        ):
            wait_for(
                lambda: gateway.counted('gpuscope_stream_closed_total{code="1013"}') == 1,
                seconds=60,
                what="its end",
            )
            before = next_of(other)["number"]
            wait_for(lambda: next_of(other)["number"] > before, seconds=60, what="others' messages")

        assert gateway.counted("gpuscope_stream_messages_skipped_total") >= 1


def test_a_client_that_answers_no_pings_is_closed() -> None:
    """It is gone after two intervals at the most, 1011."""
    with streaming(stream=Stream(ping_interval=0.3)) as gateway, _opened(gateway):
        wait_for(
            lambda: gateway.counted('gpuscope_stream_closed_total{code="1011"}') == 1,
            seconds=60,
            what="its end",
        )


def test_a_large_message_is_refused() -> None:
    """More than 16 KiB is 1009, in one frame or in many."""
    with streaming() as gateway:
        for message in ("x" * 16385, ["x" * 8193, "x" * 8193]):
            with gateway.connect() as client:
                with contextlib.suppress(ConnectionClosed):  # refused before all of it was sent
                    client.send(message)
                assert 1009 == closing_code(client)


def test_ordinary_messages_are_ignored() -> None:
    """This path only tells: what is sent to it changes nothing."""
    with streaming() as gateway, gateway.connect("?interval=1") as client:
        next_of(client)
        client.send("hello")
        client.send(b"x" * 16384)

        assert "number" in next_of(client)


def test_many_messages_are_refused() -> None:
    """More than a hundred frames at once are 1008, of any kind: pings too."""
    with streaming() as gateway:
        with gateway.connect() as client:
            with suppress(ConnectionClosed):
                for _ in range(200):
                    client.send("x")
            assert 1008 == closing_code(client)
        with _opened(gateway) as raw:
            raw.sendall(PING * 5000)
            wait_for(
                lambda: gateway.counted('gpuscope_stream_closed_total{code="1008"}') == 2,
                seconds=60,
                what="its end",
            )


def test_who_has_us_answer_and_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers to pings that nobody takes do not fill our memory."""
    monkeypatch.setattr(line, "_FRAMES_AT_ONCE", 1_000_000_000)
    with streaming() as gateway, _opened(gateway) as raw:
        long_ping = bytes([0x89, 0x80 | 125, 0, 0, 0, 0]) + bytes(125)
        raw.settimeout(1)
        with suppress(ConnectionError, TimeoutError):
            while True:
                raw.sendall(long_ping * 500)
        wait_for(
            lambda: gateway.counted("gpuscope_stream_clients") == 0, seconds=60, what="its end"
        )


def test_silent_strangers_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that say nothing are bounded: the oldest of them make room for who comes."""
    monkeypatch.setattr("queryapi.gateway.listener._SILENT", 2)
    # Long after this test: until then they would be cut off one by one.
    monkeypatch.setattr("queryapi.gateway.listener._HEAD_SECONDS", 300)
    with streaming(stream=Stream(connections=1)) as gateway:
        silent = [socket.create_connection((LOOPBACK, gateway.port)) for _ in range(4)]
        try:
            silent[0].settimeout(20)
            # Reset or ended: nothing was said either way.
            with suppress(ConnectionError):
                assert b"" == silent[0].recv(1)
            with gateway.connect() as client:
                next_of(client)
                # A client that is known is no stranger.
                assert 200 == gateway.get("/healthz").status_code
                assert 200 == gateway.get("/healthz").status_code
                assert 1 == gateway.counted("gpuscope_stream_clients")
        finally:
            for each in silent:
                each.close()


def test_a_head_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is kept in memory who goes on and on about who they are."""
    monkeypatch.setattr("queryapi.gateway.listener._HEAD_SECONDS", 300)
    with streaming() as gateway, socket.create_connection((LOOPBACK, gateway.port)) as raw:
        raw.settimeout(20)
        raw.sendall(b"GET /healthz HTTP/1.1\r\n")
        with suppress(ConnectionError):
            for _ in range(10):
                raw.sendall(b"X-Long: " + b"x" * 8000 + b"\r\n")
            # It is told so, and its connection ends.
            while raw.recv(1024):
                pass


def test_what_comes_before_our_answer_is_no_frame(caplog: pytest.LogCaptureFixture) -> None:
    """A client that does not wait is refused; one request behind another leaves no trace."""
    with streaming() as gateway:
        for request, status in ((_head(), b"400"), (b"GET /healthz HTTP/1.1\r\n\r\n", b"200")):
            with socket.create_connection((LOOPBACK, gateway.port)) as raw:
                raw.settimeout(20)
                raw.sendall(request + PING + request)
                assert status == raw.recv(12).split()[1]
        wait_for(
            lambda: gateway.counted("gpuscope_stream_clients") == 0, seconds=60, what="no client"
        )
    assert "unexpected internal error" not in caplog.text


def test_no_compression_is_agreed_to() -> None:
    """A small frame that unpacks to a large one cannot be sent."""
    with streaming() as gateway:
        offered = {"Sec-WebSocket-Extensions": "permessage-deflate"}
        with gateway.connect(headers=offered) as client:
            assert client.response is not None
            assert "Sec-WebSocket-Extensions" not in client.response.headers


def test_all_are_told_when_the_service_ends() -> None:
    """Whoever is connected is closed with 1001, whoever has said nothing yet is cut off."""
    with ExitStack() as stack:
        with streaming() as gateway:
            clients = [stack.enter_context(gateway.connect()) for _ in range(2)]
            stack.enter_context(socket.create_connection((LOOPBACK, gateway.port)))
            stack.enter_context(_opened(gateway))
            next_of(clients[0])
        assert [1001, 1001] == [closing_code(client) for client in clients]
