"""An HTTP proxy: forwards plain requests, tunnels the others, and remembers what it was asked."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.raw_server import RawServer, read_request


@dataclass(slots=True)
class Proxy:
    """A running proxy.

    Attributes:
        port: Where it listens, on loopback.
        asked: The requests' heads: "GET http://…" or "CONNECT host:port", and their headers.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The first lines of the requests, without the HTTP version."""
        return [head.partition(" HTTP/")[0] for head in self.asked]

    def handle(self, client: socket.socket) -> None:
        """Serve one connection."""
        request = read_request(client)
        if not request:
            return
        head = request.partition(b"\r\n\r\n")[0].decode()
        self.asked.append(head)
        method, target, _ = head.split(" ", 2)
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _join(client, server)
        else:
            parts = urlsplit(target)
            with socket.create_connection((parts.hostname or "", parts.port or 80)) as server:
                origin = target.partition(parts.netloc)[2]
                server.sendall(request.replace(target.encode(), origin.encode(), 1))
                _join(client, server)


@contextmanager
def proxying() -> Iterator[Proxy]:
    """Run a proxy for the length of a `with` block."""
    proxy = Proxy()
    with RawServer(proxy.handle) as server:
        proxy.port = server.port
        yield proxy


def _join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join(10)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
