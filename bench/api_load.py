"""Load for one address, from a process of its own: prints what it saw as JSON.

    api_load.py HOST:PORT PATH … --connections=N --seconds=S [--rate=R | --once] [--header=…]
                [--post=JSON] [--again]

Of several paths each connection asks for one after the other, and begins with another one.
Without a rate every connection asks again as soon as it is answered. With one, requests begin at
fixed times and wait for a free connection if need be, which counts. `--once`: all ask once,
together. `{}` in the path is the connection's number.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import resource
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from typing import cast

_FAILED = 400
_MOST = 10_000
_PAUSE = 0.05
_PATIENCE = 10.0
"""Seconds for which answers are waited for in the end."""


class Client(asyncio.Protocol):
    """One connection: asks, reads the whole answer, tells how long it took."""

    def __init__(self, load: "Load", number: int = 0) -> None:
        self._load = load
        self._number = number
        self._requests = load.requests(number)
        self._left = -1
        self._head = b""
        self._status = 0
        self._began = 0.0
        self._asks = False
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = cast("asyncio.Transport", transport)
        self._load.connected(self)

    def ask(self, began: float) -> None:
        """Send the request; *began* is when it was due."""
        self._began, self._left, self._head = began, -1, b""
        self._asks = True
        self._asked = next(self._requests)
        self._transport.write(self._asked)

    @property
    def asked(self) -> str:
        """The path of the last request."""
        return self._asked.split(b" ", 2)[1].decode() if self._asked else ""

    def data_received(self, data: bytes) -> None:
        """Count down to the end of the answer."""
        if self._left < 0:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._status = int(head[9:12])
            if b"\r\nwarning: 110" in head.lower():
                self._load.stale.append((time.time(), f"{self.asked}, {_age(head)} s old"))
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._left = int(length or 0)
            data = body
        self._left -= len(data)
        if self._left <= 0:
            self._asks = False
            self._load.answered(self, self._status, time.perf_counter() - self._began)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - inherited
        """Remember that the server hung up."""
        self._load.lost(self, self._number, unanswered=self._asks)


def _age(head: bytes) -> str:
    return head.lower().partition(b"\r\nage:")[2].partition(b"\r\n")[0].decode().strip()


class Load:
    """All connections together."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.stale: list[tuple[float, str]] = []
        self.failed: list[tuple[float, str]] = []
        self.idle: deque[Client] = deque()
        self.waiting: deque[float] = deque()
        self.ended = False
        self._connecting: set[asyncio.Task[None]] = set()

    def requests(self, number: int) -> Iterator[bytes]:
        """Return what the connection of a number asks, one after the other."""
        paths = self.options.path
        begin = number % len(paths)
        asked = [self._request(path, number) for path in paths[begin:] + paths[:begin]]
        return itertools.cycle(asked)

    def _request(self, path: str, number: int) -> bytes:
        options, body = self.options, self.options.post or ""
        path = path.replace("{}", str(number))
        lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: bench", *options.header]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
        return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()

    def connected(self, client: Client) -> None:
        """Take in a connection that may be asked."""
        if self.waiting:
            client.ask(self.waiting.popleft())
        else:
            self.idle.append(client)

    def answered(self, client: Client, status: int, seconds: float) -> None:
        """Take down an answer; ask again, if that is the way."""
        self.seconds.append(seconds)
        self.statuses[str(status)] += 1
        if status >= _FAILED:
            self.failed.append((time.time(), f"{status} {client.asked}"))
        if self.ended or self.options.once:
            return
        if self.waiting:
            client.ask(self.waiting.popleft())
        elif self.options.rate:
            self.idle.append(client)
        else:
            client.ask(time.perf_counter())

    def lost(self, client: Client, number: int, *, unanswered: bool) -> None:
        """Take down a connection that ended before its time; make it anew, if that is the way."""
        if self.ended:
            return
        # A server may end a connection that nobody waits at.
        if unanswered or not self.options.again:
            self.statuses["lost"] += 1
            self.failed.append((time.time(), f"lost {client.asked}"))
        with contextlib.suppress(ValueError):
            self.idle.remove(client)
        if self.options.again:
            task = asyncio.get_running_loop().create_task(self._connected_again(number))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connected_again(self, number: int) -> None:
        while not self.ended:
            try:
                await self._connect(number)
            except OSError:
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def run(self) -> None:
        """Connect, ask for as long as told, and end."""
        for number in range(self.options.connections):
            await self._connect(number)
        began = time.perf_counter()
        if self.options.rate:
            await self._at_a_rate(began)
        else:
            while self.idle:
                self.idle.popleft().ask(time.perf_counter())
            await self._wait(began)
        self.ended = True

    async def _connect(self, number: int) -> None:
        host, _, port = self.options.address.rpartition(":")
        client = partial(Client, self, number)
        await asyncio.get_running_loop().create_connection(client, host, int(port))

    async def _at_a_rate(self, began: float) -> None:
        for number in range(int(self.options.rate * self.options.seconds)):
            due = began + number / self.options.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if self.idle:
                self.idle.popleft().ask(due)
            else:
                self.waiting.append(due)
        await self._last_answers()

    async def _last_answers(self) -> None:
        """Wait for what was asked and is not answered, for a while."""
        until = time.perf_counter() + _PATIENCE
        asked = int(self.options.rate * self.options.seconds)
        while self.statuses.total() < asked and time.perf_counter() < until:  # noqa: ASYNC110 - until a moment
            await asyncio.sleep(0.01)
        if left := asked - self.statuses.total():
            self.statuses["unanswered"] += left
            self.failed += [(time.time(), "unanswered")] * left

    async def _wait(self, began: float) -> None:
        while time.perf_counter() < began + self.options.seconds:
            if self.options.once and self.statuses.total() >= self.options.connections:
                return
            await asyncio.sleep(0.01)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("path", nargs="+")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--again", action="store_true", help="connect anew when one is lost")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--post", help="what to send; without it, nothing is")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = Load(parser.parse_args())
    asyncio.run(load.run())
    ordered = sorted(load.seconds) or [0.0]
    print(
        json.dumps(
            {
                "rate": len(load.seconds) / load.options.seconds,
                "statuses": load.statuses,
                "stale": load.stale,
                "failed": load.failed[:_MOST],
                "p50": statistics.median(ordered) * 1000,
                "p95": ordered[len(ordered) * 95 // 100] * 1000,
                "p99": ordered[len(ordered) * 99 // 100] * 1000,
                "max": ordered[-1] * 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
