"""What the loop of a worker keeps for clients is bounded."""

import selectors
import socket
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest

from demo.processes import LOOPBACK
from queryapi.server import worker
from queryapi.server.connection import Connection
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
