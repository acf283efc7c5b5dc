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
    HELD = "kept for as long as it lasts, both ways: nobody hears anything, nobody hangs up"
    HUNG = "never answered"
    CUT = "hung up on"


class Relay:
    """Passes bytes on to a port of loopback, both ways, as long as `fault` is NONE.

    The fault of the moment counts for connections that are open already, too.
    """

    def __init__(self, port: int) -> None:
        self.fault: Enum = Fault.NONE
        self.upstream = port
        self._server = RawServer(self._serve)
        self._open: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def cut(self) -> None:
        """Hang up on all who are connected; who connects anew is passed on."""
        for client in list(self._open):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.fault = Fault.NONE
        self._server.__exit__()

    def _serve(self, client: socket.socket) -> None:
        # When the service is down, this hangs up: the client sees a connection that ends.
        with socket.create_connection((LOOPBACK, self.upstream), timeout=5.0) as service:
            service.settimeout(None)
            back = threading.Thread(target=self._back, args=(service, client), daemon=True)
            back.start()
            self._open.add(client)
            try:
                while data := client.recv(65536):
                    if not self.passed(client, data):
                        return
                    service.sendall(data)
            finally:
                self._open.discard(client)
                with contextlib.suppress(OSError):
                    service.shutdown(socket.SHUT_RDWR)
                back.join()

    def passed(self, client: socket.socket, data: bytes) -> bool:
        """Wait or answer as the fault says; tell whether *data* is passed on."""
        del data
        fault = self.fault
        if fault is Fault.GARBAGE:
            client.sendall(b"\x00\xffnot a word of it\r\n" * 20)
        elif fault is Fault.FAILURE:
            client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nsad\n")
        elif fault is Fault.SLOW:
            self.wait_while(fault, _SLOW_SECONDS)
        elif fault is Fault.HUNG:
            self.wait_while(fault)
        self._hold()
        return fault in {Fault.NONE, Fault.SLOW, Fault.HELD}

    def wait_while(self, fault: Enum, seconds: float = float("inf")) -> None:
        """Wait until it is told to misbehave otherwise, at most *seconds*."""
        until = time.monotonic() + seconds
        while self.fault is fault and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    def _hold(self) -> None:
        self.wait_while(Fault.HELD)

    def _back(self, service: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := service.recv(65536):
                self._hold()
                client.sendall(data)
        # One that ended ends the other: as soon as it can be heard.
        self._hold()
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
