"""An answer as http.client reads it, held to one moment in time however its bytes come."""

import io
import socket
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse

# Of all lines until the body begins, those of 1xx answers included; servers send a hundredth.
HEAD_BYTES = 64 * 1024
_READ_AT_ONCE = 64 * 1024

Left = Callable[[], float]
"""Returns the seconds that are left; raises when there are none."""


class TimedAnswer(HTTPResponse):
    """An answer none of whose reads waits longer than is *left* for all of them.

    Args:
        sock: Where it comes from.
        left: Asked before each read: a socket's own timeout starts anew with every byte.
        method: Of the request.
    """

    def __init__(self, sock: socket.socket, left: Left, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self._file = self.fp = _Lines(_TimedFile(sock, self.fp.detach(), left), _READ_AT_ONCE)

    def begin(self) -> None:
        """Read the head.

        Raises:
            HTTPException: When it is no head, or has no end.
        """
        self._file.most = HEAD_BYTES
        super().begin()
        self._file.most = None


class _TimedFile(io.RawIOBase):
    """What comes over a socket."""

    def __init__(self, sock: socket.socket, file: io.RawIOBase, left: Left) -> None:
        self._sock = sock
        self._file = file
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        self._sock.settimeout(self._left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Lines(io.BufferedReader):
    """Lines of which there may be so many bytes; None = as many as come."""

    most: int | None = None

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.most is not None:
            self.most -= len(line)
            if self.most < 0:
                raise HTTPException("its head has no end")
        return line
