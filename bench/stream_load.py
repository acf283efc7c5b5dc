"""Subscribers of one address's WebSockets, in a process of their own: prints what they saw as JSON.

    stream_load.py HOST:PORT PATH --subscribers=N --seconds=S [--header=…]

The clients are as small as can be: they shake hands, answer pings, and note when each frame was
there. Frames with the same bytes are one message; how late one is counts from the first who had it.
"""

import argparse
import asyncio
import base64
import json
import os
import resource
import statistics
import struct
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import cast

_TEXT, _CLOSE, _PING = 1, 8, 9
_AT_ONCE = 100
_MASK = 0x80
_SHORT = 125
"""Bytes of a frame whose length is one byte: RFC 6455, section 5.2."""


class Subscriber(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._left = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._load.handshake)

    def data_received(self, data: bytes) -> None:
        """Take in frames as they are complete."""
        self._left += data
        if not self._open:
            head, end, rest = self._left.partition(b"\r\n\r\n")
            if not end:
                return
            self._open, self._left = True, rest
            self._load.opened(self, head)
        for opcode, payload in self._frames():
            if opcode == _TEXT:
                self.told(payload)
            elif opcode == _PING:
                # A mask of zeros is a mask.
                self._transport.write(bytes((0x8A, _MASK | len(payload), 0, 0, 0, 0)) + payload)
            elif opcode == _CLOSE:
                self._load.closed(payload)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        while len(self._left) >= 2:  # noqa: PLR2004 - the least frame
            length, begin = self._left[1], 2
            if length == 126:  # noqa: PLR2004 - RFC 6455, section 5.2
                if len(self._left) < 4:  # noqa: PLR2004
                    return
                length, begin = struct.unpack_from("!H", self._left, 2)[0], 4
            elif length == 127:  # noqa: PLR2004
                if len(self._left) < 10:  # noqa: PLR2004
                    return
                length, begin = struct.unpack_from("!Q", self._left, 2)[0], 10
            if len(self._left) < begin + length:
                return
            opcode, payload = self._left[0] & 0x0F, self._left[begin : begin + length]
            self._left = self._left[begin + length :]
            yield opcode, payload

    def told(self, payload: bytes) -> None:
        """Take in a message."""
        self._load.message(payload)

    def say(self, text: str) -> None:
        """Send a short text."""
        told = text.encode()
        assert len(told) <= _SHORT, text  # noqa: S101 - ours alone
        self._transport.write(bytes((0x80 | _TEXT, _MASK | len(told), 0, 0, 0, 0)) + told)

    def leave(self) -> None:
        """Go without a word."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - inherited
        """Remember that the server hung up."""
        self._load.lost()


class Load:
    """All subscribers together."""

    def __init__(self, options: argparse.Namespace) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {options.path} HTTP/1.1",
            f"Host: {options.address}",
            *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
            f"Sec-WebSocket-Key: {key}",
            *options.header,
        ]
        self.handshake = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.options = options
        self.answers: Counter[str] = Counter()
        self.there: list[Subscriber] = []
        self.arrivals: defaultdict[int, list[float]] = defaultdict(list)
        self.sizes: set[int] = set()
        self.cuts: list[float] = []
        self.errors: list[float] = []
        self.whole = 0.0
        self.ended = False
        self._everybody = asyncio.Event()

    def opened(self, subscriber: Subscriber, head: bytes) -> None:
        """Take in one whose handshake was answered."""
        self.answers[head[9:12].decode()] += 1
        self.there.append(subscriber)
        self._count()

    def message(self, payload: bytes) -> None:
        """Note when a message came."""
        if payload.startswith(b'{"error"'):
            self.errors.append(time.time())
        self.sizes.add(len(payload))
        self.arrivals[hash(payload)].append(time.perf_counter())

    def closed(self, payload: bytes) -> None:
        """Take down a close."""
        code = struct.unpack_from("!H", payload)[0] if payload else 0
        self.answers[f"closed {code}"] += 1

    def lost(self) -> None:
        """Take down a connection that ended before its time."""
        if not self.ended:
            self.answers["lost"] += 1
            self.cuts.append(time.time())
            self._count()

    def _count(self) -> None:
        if len(self.there) + self.answers["lost"] >= self.options.subscribers:
            self._everybody.set()

    async def run(self) -> None:
        """Connect everybody, say so, listen for as long as told, and leave."""
        host, _, port = self.options.address.rpartition(":")
        loop, left = asyncio.get_running_loop(), self.options.subscribers
        while left:
            some = min(left, _AT_ONCE)
            await asyncio.gather(
                *(loop.create_connection(self.subscriber, host, int(port)) for _ in range(some))
            )
            left -= some
        await self._everybody.wait()
        self.whole = time.perf_counter()
        print(json.dumps({"answers": self.answers}), flush=True)
        await self.listen()
        self.ended = True
        for subscriber in self.there:
            subscriber.leave()

    def subscriber(self) -> Subscriber:
        """Return one who is about to connect."""
        return Subscriber(self)

    async def listen(self) -> None:
        """Stay for as long as told."""
        await asyncio.sleep(self.options.seconds)

    def delays(self) -> list[float]:
        """Return how much later than the first each had each message that all had, in seconds."""
        return [
            moment - moments[0]
            for moments in self.arrivals.values()
            if len(moments) == len(self.there) and moments[0] > self.whole
            for moment in moments
        ]


def options() -> argparse.ArgumentParser:
    """Return what can be said to a load, and let it have as many connections as it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("path")
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--header", action="append", default=[])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return parser


def main() -> None:
    """Measure and print."""
    load = Load(options().parse_args())
    asyncio.run(load.run())
    delays = sorted(load.delays()) or [0.0]
    counts = [len(moments) for moments in load.arrivals.values() if moments[0] > load.whole]
    json.dump(
        {
            "answers": load.answers,
            "cuts": load.cuts,
            "errors": load.errors,
            "messages": counts,
            "bytes": max(load.sizes, default=0),
            "p50": statistics.median(delays) * 1000,
            "p99": delays[len(delays) * 99 // 100] * 1000,
            "max": delays[-1] * 1000,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
