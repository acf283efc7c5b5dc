"""A relay that misbehaves as only servers of HTTP can, as Prometheus' API does or worse."""

import gzip
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum

from demo.processes import LOOPBACK
from tests.support.raw_server import http as answer
from tests.support.raw_server import whole_request
from tests.support.relay import Relay

_JSON = "Content-Type: application/json"
_SAMPLE = b'{"metric":{"__name__":"a"},"value":[1,"1"]}'
_BEGUN = b'{"status":"success","data":{"resultType":"vector","result":['
_STREAM = f"HTTP/1.1 200 OK\r\n{_JSON}\r\n".encode()
_BOMB_BYTES = 200 * 1024 * 1024
_PAUSE_SECONDS = 0.02


class HttpFault(Enum):
    """What a request is answered with."""

    BAD_DATA = "400 bad_data: the query is no PromQL"
    UNPROCESSABLE = "422 execution: the query cannot be executed"
    UNAVAILABLE = "503 without a word"
    TOO_MANY = "429 without a word"
    REDIRECT = "a redirect to another server"
    WRONG_SHAPE = "JSON of another shape"
    EMPTY = "success, and not one series"
    HALF = "half a body, then hung up on"
    STALLED = "half a body, then nothing"
    DRIPPING = "one byte a second"
    ENDLESS = "a body without end"
    BOMB = "a body that is small only while packed"
    PARTIAL = "what there is, with a warning"


def _failure(status: str, kind: str) -> bytes:
    words = {"status": "error", "errorType": kind, "error": "somebody said so"}
    return answer(json.dumps(words).encode(), _JSON, status=status)


def _bomb() -> bytes:
    blanks = bytes(1024 * 1024).replace(b"\0", b" ")
    packer = gzip.compress(blanks, 9)
    # Members follow one another: what is unpacked of them is one body.
    packed = gzip.compress(_BEGUN) + packer * (_BOMB_BYTES // len(blanks))
    return answer(packed, _JSON, "Content-Encoding: gzip")


_ANSWERS: Mapping[HttpFault, bytes] = {
    HttpFault.BAD_DATA: _failure("400 Bad Request", "bad_data"),
    HttpFault.UNPROCESSABLE: _failure("422 Unprocessable Entity", "execution"),
    HttpFault.UNAVAILABLE: answer(b"", status="503 Service Unavailable"),
    HttpFault.TOO_MANY: answer(b"", "Retry-After: 1", status="429 Too Many Requests"),
    HttpFault.REDIRECT: answer(b"", "Location: http://127.0.0.1:1/", status="302 Found"),
    HttpFault.WRONG_SHAPE: answer(b'{"status":"success","data":[{"a":{}}]}', _JSON),
    HttpFault.EMPTY: answer(_BEGUN + b"]}}", _JSON),
    HttpFault.HALF: answer(_BEGUN + _SAMPLE + b"," + b" " * 1000, _JSON)[:-1000],
    HttpFault.STALLED: answer(_BEGUN + _SAMPLE + b"," + b" " * 1000, _JSON)[:-1000],
    HttpFault.BOMB: _bomb(),
}


class HttpRelay(Relay):
    """A relay before an HTTP server; its fault may be an HttpFault too.

    Attributes:
        requests: How many it was sent.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.requests = 0

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{LOOPBACK}:{self.port}"

    def passed(self, client: socket.socket, data: bytes) -> bool:
        """Answer as the fault says; tell whether *data* is passed on."""
        self.requests += data.startswith((b"POST ", b"GET "))
        fault = self.fault
        if not isinstance(fault, HttpFault):
            return super().passed(client, data)
        # Who hangs up without having read takes back what it has said.
        data = whole_request(client, data)
        if fault is HttpFault.PARTIAL:
            client.sendall(_warned(self.upstream, data))
        elif fault is HttpFault.ENDLESS:
            self._send(client, fault, _endless, _PAUSE_SECONDS)
        elif fault is HttpFault.DRIPPING:
            self._send(client, fault, _single_bytes, 1.0)
        else:
            client.sendall(_ANSWERS[fault])
            if fault is HttpFault.STALLED:
                self.wait_while(fault)
        return False

    def _send(
        self,
        client: socket.socket,
        fault: HttpFault,
        pieces: Callable[[], Iterator[bytes]],
        pause: float,
    ) -> None:
        for piece in pieces():
            client.sendall(piece)
            time.sleep(pause)
            if self.fault is not fault:
                return


def _endless() -> Iterator[bytes]:
    yield _STREAM + b"\r\n" + _BEGUN + _SAMPLE
    while True:
        yield (b"," + _SAMPLE) * 1500


def _single_bytes() -> Iterator[bytes]:
    yield from (bytes([byte]) for byte in answer(_BEGUN + b"]}}", _JSON))


def _warned(port: int, data: bytes) -> bytes:
    """Return what the server at *port* answers, and a warning."""
    head, _, form = data.partition(b"\r\n\r\n")
    path = head.split(b" ")[1].decode()
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    try:
        connection.request(
            "POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        told = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    told["warnings"] = ["a store of yours did not answer"]
    return answer(json.dumps(told).encode(), _JSON)
