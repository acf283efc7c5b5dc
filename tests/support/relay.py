"""A TCP relay before any service, which a test tells how to misbehave."""

import contextlib
import socket
import threading
import time
from enum import Enum
from typing import Self

from demo.processes import LOOPBACK
from tests.support.raw_server import RawServer

_SLOW_SECONDS = 10.0
_POLL_SECONDS = 0.05


class Fault(Enum):
    """What becomes of a request."""

    NONE = "passed on"
    GARBAGE = "answered with what no protocol knows"
    FAILURE = "answered with HTTP 500"
    SLOW = "passed on ten seconds later"


class Relay:
    """Passes bytes on to a port of loopback, both ways, as long as `fault` is NONE.

    The fault of the moment counts for connections that are open already, too.
    """

    def __init__(self, port: int) -> None:
        self.fault = Fault.NONE
        self._upstream = port
        self._server = RawServer(self._serve)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.fault = Fault.NONE
        self._server.__exit__()

    def _serve(self, client: socket.socket) -> None:
        # When the service is down, this hangs up: the client sees a connection that ends.
        with socket.create_connection((LOOPBACK, self._upstream), timeout=5.0) as service:
            service.settimeout(None)
            back = threading.Thread(target=_pump, args=(service, client), daemon=True)
            back.start()
            try:
                while data := client.recv(65536):
                    if not self._passed(client):
                        return
                    service.sendall(data)
            finally:
                with contextlib.suppress(OSError):
                    service.shutdown(socket.SHUT_RDWR)
                back.join()

    def _passed(self, client: socket.socket) -> bool:
        """Wait or answer as the fault says; tell whether the request is passed on."""
        fault = self.fault
        if fault is Fault.GARBAGE:
            client.sendall(b"\x00\xffnot a word of it\r\n" * 20)
        elif fault is Fault.FAILURE:
            client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nsad\n")
        elif fault is Fault.SLOW:
            until = time.monotonic() + _SLOW_SECONDS
            while self.fault is fault and time.monotonic() < until:
                time.sleep(_POLL_SECONDS)
        return fault in {Fault.NONE, Fault.SLOW}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    # One that ended ends the other.
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
