"""Load for one address, from a process of its own: prints what it saw as JSON.

    api_load.py HOST:PORT PATH --connections=N --seconds=S [--rate=R | --once] [--header=…]
                [--post=JSON]

Without a rate every connection asks again as soon as it is answered. With one, requests begin at
fixed times and wait for a free connection if need be, which counts. `--once`: all ask once,
together. `{}` in the path is the connection's number.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import time
from collections import Counter, deque
from functools import partial
from typing import cast


class Client(asyncio.Protocol):
    """One connection: asks, reads the whole answer, tells how long it took."""

    def __init__(self, load: "Load", number: int = 0) -> None:
        self._load = load
        self._request = load.request(number)
        self._left = -1
        self._head = b""
        self._status = 0
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = cast("asyncio.Transport", transport)
        self._load.connected(self)

    def ask(self, began: float) -> None:
        """Send the request; *began* is when it was due."""
        self._began, self._left, self._head = began, -1, b""
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count down to the end of the answer."""
        if self._left < 0:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._status = int(head[9:12])
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._left = int(length or 0)
            data = body
        self._left -= len(data)
        if self._left <= 0:
            self._load.answered(self, self._status, time.perf_counter() - self._began)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - inherited
        """Remember that the server hung up."""
        self._load.lost(self)


class Load:
    """All connections together."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.idle: deque[Client] = deque()
        self.waiting: deque[float] = deque()
        self.ended = False

    def request(self, number: int) -> bytes:
        """Return what the connection of a number asks."""
        options, body = self.options, self.options.post or ""
        path = options.path.replace("{}", str(number))
        lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: bench", *options.header]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
        return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()

    def connected(self, client: Client) -> None:
        """Take in a connection that may be asked."""
        self.idle.append(client)

    def answered(self, client: Client, status: int, seconds: float) -> None:
        """Take down an answer; ask again, if that is the way."""
        self.seconds.append(seconds)
        self.statuses[str(status)] += 1
        if self.ended or self.options.once:
            return
        if self.waiting:
            client.ask(self.waiting.popleft())
        elif self.options.rate:
            self.idle.append(client)
        else:
            client.ask(time.perf_counter())

    def lost(self, client: Client) -> None:
        """Take down a connection that ended before its time."""
        if not self.ended:
            self.statuses["lost"] += 1
            with contextlib.suppress(ValueError):
                self.idle.remove(client)

    async def run(self) -> None:
        """Connect, ask for as long as told, and end."""
        loop = asyncio.get_running_loop()
        host, _, port = self.options.address.rpartition(":")
        for number in range(self.options.connections):
            client = partial(Client, self, number)
            await loop.create_connection(client, host, int(port))
        began = time.perf_counter()
        if self.options.rate:
            await self._at_a_rate(began)
        else:
            while self.idle:
                self.idle.popleft().ask(time.perf_counter())
            await self._wait(began)
        self.ended = True

    async def _at_a_rate(self, began: float) -> None:
        for number in range(int(self.options.rate * self.options.seconds)):
            due = began + number / self.options.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if self.idle:
                self.idle.popleft().ask(due)
            else:
                self.waiting.append(due)

    async def _wait(self, began: float) -> None:
        while time.perf_counter() < began + self.options.seconds:
            if self.options.once and self.statuses.total() >= self.options.connections:
                return
            await asyncio.sleep(0.01)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("path")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--once", action="store_true")
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
                "p50": statistics.median(ordered) * 1000,
                "p95": ordered[len(ordered) * 95 // 100] * 1000,
                "p99": ordered[len(ordered) * 99 // 100] * 1000,
                "max": ordered[-1] * 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
