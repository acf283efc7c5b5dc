"""A TCP server that does with each connection exactly what a test says, however rude."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

from demo.processes import LOOPBACK

Manners = Callable[[socket.socket], None]


class RawServer:
    """Accepts connections and hands each to *manners*, in a thread of its own.

    Args:
        manners: What is done with a connection; it is closed afterwards.
        tls: Speak TLS with this context.
    """

    def __init__(self, manners: Manners, *, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._manners = manners
        self._tls = tls
        self._listener = socket.create_server((LOOPBACK, 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as closing:
            closing.enter_context(connection)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                closing.enter_context(connection)
            self._manners(connection)


def read_request(connection: socket.socket) -> bytes:
    """Read one request, its form included; empty when the client went away."""
    return whole_request(connection, b"")


def whole_request(connection: socket.socket, received: bytes) -> bytes:
    """Read the rest of a request of which *received* is the beginning; see read_request."""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def saying(answer: bytes) -> Manners:
    """Return manners that answer every request of a connection with *answer*."""

    def manners(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)

    return manners


def saying_once(answer: bytes) -> Manners:
    """Return manners that answer one request with *answer* and hang up."""

    def manners(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return manners


def silent(connection: socket.socket) -> None:
    """Read what comes and never answer."""
    while connection.recv(65536):
        pass


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a complete answer with a correct length."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body
