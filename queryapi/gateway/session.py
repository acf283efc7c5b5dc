"""One client that is connected: who it is, and what it is still to be sent."""

import asyncio
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from queryapi.access.principal import Principal
from queryapi.front.admission import client_of
from queryapi.gateway.codes import TRY_AGAIN_LATER
from queryapi.gateway.outbox import Outbox
from queryapi.settings import Api
from queryapi.telemetry.streaming import Streaming

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is connected, and by what that is known.

    Args:
        principal: Who it is.
        authorization: As an Authorization header; None = nothing was sent.
        api: Whose rules let them in.
        address: Where they come from.
    """

    principal: Principal
    authorization: str | None
    api: Api
    address: str

    @property
    def client(self) -> str:
        """The name under which what they ask is counted."""
        return client_of(self.principal, self.address)


class Wire(Protocol):
    """A client's connection."""

    @property
    def untaken(self) -> int:
        """Bytes that this process keeps until the client takes them."""
        ...

    def slip(self, message: bytes) -> bool:
        """Send a text if nothing is untaken and nobody need wait; tells whether it did."""
        ...

    async def hand(self, message: bytes) -> bool:
        """Send a text and wait until there is room for more; False = the client is gone."""
        ...

    def close_soon(self, code: int, reason: str) -> None:
        """Begin to close; ends within seconds, whatever the client does."""
        ...


class Session:
    """One client; everything here runs in the event loop.

    Args:
        wire: Its connection.
        caller: Who it is.
        metrics: Counts what it is sent.
        clock: Monotonic seconds.
    """

    __slots__ = (
        "_clock",
        "_delivery",
        "_farewell",
        "_left",
        "_metrics",
        "_outbox",
        "_since",
        "_wire",
        "caller",
        "code",
        "on_room",
    )

    def __init__(self, wire: Wire, caller: Caller, *, metrics: Streaming, clock: Clock) -> None:
        self.caller = caller
        self.code: int | None = None
        """The code with which we close it; None = we do not."""
        self.on_room: Callable[[], None] | None = None
        """Called when it has taken so much that more may be queued."""
        self._wire = wire
        self._metrics = metrics
        self._clock = clock
        self._outbox = Outbox()
        self._delivery: asyncio.Task[None] | None = None
        self._since = 0.0
        self._left: float = 0
        self._farewell: tuple[int, str] | None = None

    @property
    def ended(self) -> bool:
        """Whether it is being closed: nothing more is sent."""
        return self.code is not None

    def post(self, key: Hashable, message: bytes) -> None:
        """Send a text as soon as the client takes it; until then a newer one replaces it."""
        if self.ended or self._slipped(message):
            return
        if self._outbox.put(key, message):
            self._metrics.skipped()
        self._begin_to_deliver()

    @property
    def has_room(self) -> bool:
        """Whether one more message may be queued; see `on_room`."""
        return self._outbox.has_room

    def queue(self, message: bytes) -> None:
        """Send a text after all others, as soon as the client takes it; nothing replaces it."""
        if self.ended or self._slipped(message):
            return
        self._outbox.append(message)
        self._begin_to_deliver()

    def reply(self, message: bytes) -> None:
        """Send what the client has asked for; one who asks and does not take is closed."""
        self.queue(message)
        if self._outbox.is_overfull:
            self.end(TRY_AGAIN_LATER, "answers were not taken in time")

    def end(self, code: int, reason: str) -> None:
        """Close it, once; *reason* is a sentence of 123 bytes at most."""
        if not self.ended:
            self.code = code
            self._wire.close_soon(code, reason)

    def finish(self, code: int, reason: str) -> None:
        """Close it as `end` does, but not before it has taken what waits for it."""
        if self._delivery is None:
            self.end(code, reason)
        else:
            self._farewell = code, reason

    def is_stuck(self, patience: float) -> bool:
        """Tell whether the client has taken nothing for *patience* seconds of what is for it.

        Knows no more than what it saw when it was asked before: ask again and again.
        """
        if self._delivery is None or self.ended:
            return False
        left = self._wire.untaken
        if left < self._left:
            self._since = self._clock()
        self._left = left
        return self._clock() - self._since > patience

    def _slipped(self, message: bytes) -> bool:
        # A task for each of thousands who all take at once would cost more than sending.
        if self._delivery is None and self._wire.slip(message):
            self._metrics.sent()
            return True
        return False

    def _begin_to_deliver(self) -> None:
        if self._delivery is None:
            self._begin_to_wait()
            self._delivery = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        try:
            while (message := self._outbox.take()) is not None:
                if self.ended or not await self._wire.hand(message):
                    break
                self._metrics.sent()
                self._begin_to_wait()
                if self.on_room is not None and self._outbox.is_light:
                    self.on_room()
        finally:
            self._delivery = None
        if self._farewell is not None:
            self.end(*self._farewell)

    def _begin_to_wait(self) -> None:
        self._since, self._left = self._clock(), math.inf
