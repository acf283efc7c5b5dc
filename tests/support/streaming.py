"""A stream gateway in this process, the service that it asks, and clients of both."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection, connect

from demo.processes import LOOPBACK, free_port
from queryapi.gateway.process import gateway, listen
from queryapi.settings import Settings
from tests.support.raw_server import RawServer, http, read_request

PATH = "/api/v1/real-time-metrics/ws"
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Service:
    """What stands in for the HTTP service; answers count up.

    Attributes:
        asked: Path and Authorization header of every question.
        addresses: The X-Forwarded-For of every question.
        statuses: Answers that are no 200, by Authorization header; "" = all others.
        padding: Characters that every answer holds besides.
        gate: Answers wait while it is closed.
    """

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    addresses: list[str | None] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    padding: int = 0
    refusal: bytes = b'{"error":"no such thing"}'
    gate: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def manners(self, connection: socket.socket) -> None:
        """Answer the questions of one connection."""
        while said := read_request(connection):
            lines = said.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            authorization = headers.get("Authorization")
            self.asked.append((lines[0].split(" ")[1], authorization))
            self.addresses.append(headers.get("X-Forwarded-For"))
            self.gate.wait(_PATIENCE_SECONDS)
            status = self.statuses.get(authorization or "") or self.statuses.get("")
            connection.sendall(
                http(self.refusal, status=status) if status else http(self._answer())
            )

    def _answer(self) -> bytes:
        return json.dumps({"number": len(self.asked), "padding": "x" * self.padding}).encode()


@dataclass(frozen=True, slots=True)
class Streamed:
    """A running gateway."""

    service: Service
    port: int

    def connect(
        self, query: str = "", *, token: str | None = None, path: str = PATH, **options: Any
    ) -> ClientConnection:
        """Open a WebSocket; close it."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        opened: ClientConnection = connect(
            f"ws://{LOOPBACK}:{self.port}{path}{query}",
            additional_headers=headers | options.pop("headers", {}),
            compression=None,
            proxy=None,
            close_timeout=2,
            **{"open_timeout": _PATIENCE_SECONDS, **options},
        )
        return opened

    def refusal(self, query: str = "", **options: Any) -> Response:
        """Return the answer to a client that may not open a WebSocket."""
        with pytest.raises(InvalidStatus) as refused:
            self.connect(query, **options)
        return refused.value.response

    def get(self, path: str, **headers: str) -> requests.Response:
        """Send one plain GET."""
        return requests.get(f"http://{LOOPBACK}:{self.port}{path}", headers=headers, timeout=20)

    def counted(self, line: str) -> float:
        """Return a number of /metrics; 0 when it is not there."""
        for each in self.get("/metrics").text.splitlines():
            if each.startswith(f"{line} "):
                return float(each.rpartition(" ")[2])
        return 0.0


@contextmanager
def streaming(
    *, judged_every: float = 30.0, hearing: socket.socket | None = None, **settings: Any
) -> Iterator[Streamed]:
    """Run a gateway with *settings* in a thread, and the service that it asks."""
    service = Service()
    service.gate.set()
    with RawServer(service.manners) as server:
        service.url = server.url
        address = f"{LOOPBACK}:{free_port()}"
        given = Settings(
            listen=(server.url.removeprefix("http://"),), stream_listen=address, **settings
        )
        begun = threading.Event()
        ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

        async def serve() -> None:
            over = asyncio.Event()
            ends.append((asyncio.get_running_loop(), over))
            with gateway(given, hearing=hearing, judged_every=judged_every) as made:
                await made.open(listen(address))
                begun.set()
                await over.wait()
                await made.close()

        thread = threading.Thread(target=asyncio.run, args=(serve(),), name="gateway")
        thread.start()
        try:
            assert begun.wait(_PATIENCE_SECONDS)
            yield Streamed(service, int(address.rpartition(":")[2]))
        finally:
            service.gate.set()
            [(loop, over)] = ends
            loop.call_soon_threadsafe(over.set)
            thread.join(_PATIENCE_SECONDS)


def number_of(message: str | bytes) -> int:
    """Return which answer of the service a message holds."""
    return int(json.loads(message)["number"])


def next_of(client: ClientConnection) -> Any:
    """Return the next message of a client, decoded."""
    return json.loads(client.recv(timeout=_PATIENCE_SECONDS))


def closing_code(client: ClientConnection, seconds: float = _PATIENCE_SECONDS) -> int:
    """Return the code with which a connection is closed, whatever comes before."""
    try:
        while True:
            client.recv(timeout=seconds)
    except ConnectionClosed as closed:
        return 1006 if closed.rcvd is None else int(closed.rcvd.code)
