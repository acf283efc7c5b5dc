"""A client is sent what it takes, and its patience is not ours."""

import asyncio
from dataclasses import dataclass, field

from queryapi.access.principal import Principal
from queryapi.gateway.session import Caller, Session
from queryapi.settings import Api, Role
from queryapi.telemetry.metrics import StreamMetrics
from tests.support.fake_prometheus import Clock

CALLER = Caller(Principal("token:a", Role.VIEWER), "Bearer a", Api.HEALTH, "127.0.0.1")


@dataclass(slots=True)
class Wire:
    """A connection whose client takes when it is told to."""

    untaken: int = 0
    sent: list[bytes] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    gone: bool = False
    eager: bool = False
    room: asyncio.Event = field(default_factory=asyncio.Event)

    def slip(self, message: bytes) -> bool:
        """Send if that is what this client is like."""
        if self.eager:
            self.sent.append(message)
        return self.eager

    async def hand(self, message: bytes) -> bool:
        """Send, and wait for room."""
        self.sent.append(message)
        await self.room.wait()
        return not self.gone

    def close_soon(self, code: int, reason: str) -> None:
        """Note the code."""
        self.codes.append(code)


def _session(wire: Wire, clock: Clock) -> Session:
    return Session(wire, CALLER, metrics=StreamMetrics("0").streaming, clock=clock)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_was_replaced_is_not_sent() -> None:
    """While a client takes one message, of those that follow only the newest of each key waits."""

    async def run() -> list[bytes]:
        wire = Wire()
        found = _session(wire, Clock(0))
        found.post("a", b"1")
        await _settle()
        for message in (b"2", b"3"):
            found.post("a", message)
        found.post("b", b"4")
        wire.room.set()
        await _settle()
        return wire.sent

    assert [b"1", b"3", b"4"] == asyncio.run(run())


def test_who_takes_at_once_is_sent_at_once() -> None:
    """Nothing waits for another task; what follows while one is on its way keeps its order."""

    async def run() -> list[bytes]:
        wire = Wire(eager=True)
        found = _session(wire, Clock(0))
        found.post("a", b"1")
        told = list(wire.sent)
        wire.eager = False
        found.post("a", b"2")
        wire.eager = True
        found.post("a", b"3")
        wire.room.set()
        await _settle()
        found.post("a", b"4")
        return [*told, *wire.sent]

    assert [b"1", b"1", b"3", b"4"] == asyncio.run(run())


def test_who_takes_nothing_is_stuck_and_who_takes_slowly_is_not() -> None:
    """Only time without a single byte taken counts, and only while there is something to take."""

    async def run() -> list[bool]:
        wire, clock = Wire(untaken=100), Clock(0)
        found = _session(wire, clock)
        told = [found.is_stuck(10)]
        found.post("a", b"1")
        await _settle()
        told.append(found.is_stuck(10))
        for now, untaken in ((8, 50), (16, 50), (19, 50)):
            clock.now, wire.untaken = now, untaken
            told.append(found.is_stuck(10))
        found.end(1013, "")
        told.append(found.is_stuck(10))
        wire.room.set()
        await _settle()
        return told

    assert [False, False, False, False, True, False] == asyncio.run(run())


def test_it_is_closed_once_and_sent_nothing_more() -> None:
    """The first reason counts; what still waits is not sent."""

    async def run() -> tuple[list[int], list[bytes]]:
        wire = Wire()
        found = _session(wire, Clock(0))
        found.post("a", b"1")
        found.post("b", b"2")
        await _settle()
        for code in (1008, 1013):
            found.end(code, "")
        found.post("a", b"3")
        wire.room.set()
        await _settle()
        return wire.codes, wire.sent

    assert ([1008], [b"1"]) == asyncio.run(run())


def test_nothing_is_sent_to_who_is_gone() -> None:
    """A client that left in the middle gets no further message."""

    async def run() -> list[bytes]:
        wire = Wire(gone=True)
        wire.room.set()
        found = _session(wire, Clock(0))
        found.post("a", b"1")
        found.post("b", b"2")
        await _settle()
        return wire.sent

    assert [b"1"] == asyncio.run(run())
