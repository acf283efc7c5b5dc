"""Clients that come, follow and are gone without a word leave nothing behind."""

import json
import socket
import struct
from contextlib import suppress
from pathlib import Path

from demo.processes import LOOPBACK, wait_for
from queryapi.settings import Limits, Stream
from tests.support.jobstories import Writer, follow, told
from tests.support.stored import prepared, stored
from tests.support.streaming import Streamed, streaming

_CLIENTS = 100
_OFTEN, _MANY = Limits(per_minute=0), Stream(per_client=2 * _CLIENTS)
_FOLLOWED = "gpuscope_stream_subscriptions"
_HEAD = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
# Closed with a reset: there is no handshake, and nothing more is sent.
_AT_ONCE = struct.pack("ii", 1, 0)


def _follower(gateway: Streamed, job: str) -> socket.socket:
    """Return a client that follows a job from its beginning and reads nothing."""
    client = socket.create_connection((LOOPBACK, gateway.port), timeout=20)
    client.sendall(_HEAD)
    assert client.recv(12) == b"HTTP/1.1 101"
    said = json.dumps({"type": "subscribe:job", "subscriptionId": job, "since": 0}).encode()
    client.sendall(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said)
    return client


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_many_that_vanish_leave_nothing_behind(tmp_path: Path) -> None:
    """No connection, subscription or open file; whoever stays is told as before."""
    url = prepared(tmp_path)
    with (
        stored(url) as store,
        streaming(database_url=url, limits=_OFTEN, stream=_MANY) as gateway,
        gateway.connect(path="/ws") as stays,
    ):
        write = Writer(store)
        for job in range(5):
            write.create(f"j{job}")
            write.report(f"j{job}", times=5, lines=3)
        told(stays, "connected")
        follow(stays, "j0")
        told(stays, "subscribed")
        told(stays, "JOB_PROGRESS")
        before = _files()

        crowd = [_follower(gateway, f"j{each % 5}") for each in range(_CLIENTS)]
        followed = 1.0 + _CLIENTS
        wait_for(lambda: gateway.counted(_FOLLOWED) == followed, seconds=60, what="all")
        for client in crowd:
            with suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            client.close()
        wait_for(lambda: gateway.counted(_FOLLOWED) == 1, seconds=60, what="their end")
        write.report("j0")

        assert 11 == told(stays, "JOB_PROGRESS")["seq"]
        assert 1 == gateway.counted("gpuscope_stream_clients")
        # Threads that read for slow clients keep a connection to the database each.
        assert before + _CLIENTS / 2 > _files()
