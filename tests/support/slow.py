"""Clients that go on for ever: each sends a byte now and then, or takes one, in one thread."""

import socket
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Self

from demo.processes import LOOPBACK

_PAUSE = 0.5
_CONNECT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Manner:
    """How one of them behaves.

    Args:
        begun: What it says at once.
        then: The byte that it says again and again; empty = it is silent.
        takes: Whether it takes a byte of its answer now and then, or nothing.
    """

    begun: bytes = b""
    then: bytes = b""
    takes: bool = False


class Crowd:
    """Clients of one port, until the `with` block ends: none of them hangs up by itself."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[tuple[socket.socket, Manner]] = []
        self._closing = ExitStack()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="crowd")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._closing.close()

    def add(self, number: int, manner: Manner) -> None:
        """Connect *number* more."""
        for _ in range(number):
            client = self._closing.enter_context(socket.socket())
            # What is on its way to a client that takes nothing is small.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(_CONNECT_SECONDS)
            client.connect((LOOPBACK, self._port))
            with suppress(ConnectionError):
                client.sendall(manner.begun)
            client.settimeout(0)
            self._clients.append((client, manner))

    def _go_on(self) -> None:
        while not self._over.wait(_PAUSE):
            for client, manner in list(self._clients):
                # Who is hung up on does not care, and goes on.
                with suppress(OSError):
                    if manner.then:
                        client.send(manner.then)
                with suppress(OSError):
                    if manner.takes:
                        client.recv(1)
