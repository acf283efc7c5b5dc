"""What the loop of a worker keeps for clients is bounded."""

import selectors
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from demo.processes import LOOPBACK
from queryapi.server import worker
from queryapi.server.connection import Connection
from queryapi.server.refusals import Parser
from queryapi.server.worker import Worker

LONG = bytes(32 * 1024 * 1024)


class Reader:
    """A client who is owed a long answer, and the worker's view of it."""

    def __init__(self, stack: ExitStack) -> None:
        with socket.create_server((LOOPBACK, 0)) as listener:
            self.client = socket.create_connection(listener.getsockname(), timeout=20)
            self.sock = Connection(listener.accept()[0])
        stack.enter_context(self.client)
        stack.enter_context(self.sock)
        self.sock.taken_by = 1e12
        self.sock.sendall(LONG)
        self.closed = False

    def close(self) -> None:
        """Remember that."""
        self.closed = True

    def read(self, poller: selectors.BaseSelector) -> None:
        """Read until the worker could send more."""
        sent = False
        while not sent:
            self.client.recv(1024 * 1024)
            for key, _ in poller.select(0):
                key.data(key.fileobj)
                sent = sent or key.fileobj is self.sock


def test_who_takes_nothing_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are so many slow readers and no more; whoever goes on reading stays."""
    monkeypatch.setattr(worker, "_TAKERS", 2)
    looping: Any = Worker.__new__(Worker)
    with ExitStack() as stack, selectors.DefaultSelector() as poller:
        looping.poller, looping.nr_conns = poller, 3
        looping._waiting, looping._takers = {}, {}
        first, second, third = readers = [Reader(stack) for _ in range(3)]
        for reader in (first, second):
            looping.finish_request(reader, Future())
        first.read(poller)
        looping.finish_request(third, Future())

        assert [False, True, False] == [reader.closed for reader in readers]
        assert 2 == looping.nr_conns


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize(("stays", "said"), [(True, GET), (False, POST), (True, POST + b"{}")])
def test_a_busy_machine_hangs_up_on_nobody(
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
    *,
    stays: bool,
) -> None:
    """A thread that comes late keeps the connection, unless the client owes a rest."""
    monkeypatch.setattr(worker, "_BODY_SECONDS", -1)
    looping: Any = Worker.__new__(Worker)
    with _connected() as (client, conn):
        client.sendall(said)
        conn.parser = Parser(Config(), conn.sock, conn.client)
        message = next(conn.parser)
        if said.endswith(b"{}"):
            message.body.read()

        assert stays == looping._keepalive_after(conn, keepalive=True)


@pytest.mark.parametrize(
    ("cut", "hears", "taken_by"), [(False, False, 0), (True, True, 0), (True, False, 1)]
)
def test_who_is_read_late_is_not_cut(*, cut: bool, hears: bool, taken_by: float) -> None:
    """Only a client that is waited for, or that has had the time of a whole request."""
    looping: Any = Worker.__new__(Worker)
    looping.pending_conns, looping._waiting = (), {}
    with _connected() as (client, conn):
        conn.sock.hears, conn.sock.taken_by = hears, taken_by
        looping._deadlines = {conn: time.monotonic() - 1}
        looping.murder_pending()
        client.settimeout(0 if not cut else 20)

        assert cut == _hung_up(client)


def _hung_up(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


@contextmanager
def _connected() -> Iterator[tuple[socket.socket, Any]]:
    """Return a client, and the worker's view of its connection."""
    with (
        socket.create_server((LOOPBACK, 0)) as listener,
        socket.create_connection(listener.getsockname(), timeout=20) as client,
        Connection(listener.accept()[0]) as sock,
    ):
        yield client, TConn(Config(), sock, client.getsockname(), listener.getsockname())
