"""HTTP as bytes: what is said on one connection, and exactly the answers that come back on it."""

import re
import socket
from dataclasses import dataclass

from demo.processes import LOOPBACK

_LENGTH = re.compile(rb"\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole.

    Args:
        status: Its status.
        head: First line and headers.
        body: As many bytes as it says that it has.
    """

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header; None = it is not there."""
        found = re.search(rf"\r\n{name}: *([^\r]*)".encode(), self.head, re.IGNORECASE)
        return found[1].decode() if found else None


def port_of(url: str) -> int:
    """Return the port that a URL or an address ends with."""
    return int(url.rpartition(":")[2])


def spoken(
    port: int, said: bytes, *, ends: bool = False, heads: bool = False, source: str = LOOPBACK
) -> list[Answer]:
    """Say it all on one connection; return the answers until the server closes it.

    Args:
        port: Of the server, on loopback.
        said: What is sent at once.
        ends: Whether the client says that nothing more comes: a kept connection ends with that.
        heads: Whether all that is asked is HEAD, whose answers have no body whatever they say.
        source: The client's address.
    """
    received = b""
    with socket.create_connection((LOOPBACK, port), 30, (source, 0)) as client:
        client.sendall(said)
        if ends:
            client.shutdown(socket.SHUT_WR)
        while chunk := _read(client):
            received += chunk
    return _answers(received, heads=heads)


def _read(client: socket.socket) -> bytes:
    try:
        return client.recv(1 << 16)
    except ConnectionResetError:
        # What we sent beyond the end of their interest; what was answered has come before.
        return b""


def _answers(received: bytes, *, heads: bool) -> list[Answer]:
    """Cut what was received into answers; fails where there is anything else."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, received
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert status, received
        length = _LENGTH.search(head + b"\r\n")
        size = int(length[1]) if length and not heads else 0
        assert size <= len(rest), received
        found.append(Answer(int(status[1]), head, rest[:size]))
        received = rest[size:]
    return found
