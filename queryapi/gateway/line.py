"""A client's connection, held to its bounds. With `listener`, this is what knows websockets."""

import asyncio
import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import (
    ConnectionClosed,
    HeaderLineTooLong,
    RequestLineTooLong,
    TooManyHeaders,
)
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from queryapi.api.dialects import Problem
from queryapi.api.problems import HEADERS_TOO_LONG, LINE_TOO_LONG
from queryapi.gateway.codes import ABNORMAL, POLICY_VIOLATION
from queryapi.gateway.strangers import Head

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.http11 import Request

    from queryapi.gateway.door import Admitted
    from queryapi.gateway.strangers import Strangers

CLOSING_SECONDS = 2.0
"""What a client is given to answer a closing handshake."""
# A page may say what it wants to follow all at once; later on there is little to say.
_FRAMES_AT_ONCE, _FRAMES_A_SECOND = 100, 10
_UNREADABLE = Problem(HTTPStatus.BAD_REQUEST, "The request is not valid HTTP, or brings a body")
# Pongs to somebody who does not take them, on top of what one read may hold.
_UNTAKEN_BYTES = 64 * 1024
# One for each feed that tells something at the moment.
_FRAMES_KEPT = 8


@lru_cache(_FRAMES_KEPT)
def _frame(message: bytes) -> bytes:
    """Return a message as it is sent: the same bytes for every client."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


def _problem(wrong: Exception) -> Problem:
    if isinstance(wrong, RequestLineTooLong):
        return LINE_TOO_LONG
    return (
        HEADERS_TOO_LONG if isinstance(wrong, HeaderLineTooLong | TooManyHeaders) else _UNREADABLE
    )


class Line(ServerConnection):
    """One connection, from its first byte on; see Wire.

    Args:
        lines: All of them; it stands there as long as it lives.
        strangers: Those that are not known yet; it stands there from the beginning.
        gone: Told when it is gone.
        refuse: Told what is wrong with a request that cannot be read; returns what to answer.
    """

    def __init__(
        self,
        lines: "set[Line]",
        strangers: "Strangers",
        gone: "Callable[[Line], None]",
        refuse: "Callable[[Line, Problem], bytes]",
        *arguments: Any,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.admitted: Admitted | None = None
        """Whose it is; None = not known yet."""
        self.answered = False
        """Whether we have answered it ourselves."""
        self.head = Head()
        """Of its request."""
        self._lines = lines
        self._strangers = strangers
        self._gone = gone
        self._refuse = refuse
        self._refused = False
        self._tokens, self._counted_at = float(_FRAMES_AT_ONCE), time.monotonic()

    @property
    def untaken(self) -> int:
        """Bytes that are kept until the client takes them."""
        return self.transport.get_write_buffer_size()

    @property
    def is_open(self) -> bool:
        """Whether it is a WebSocket by now, and still one."""
        return self.protocol.state is OPEN

    @property
    def code(self) -> int:
        """The code that it ended with: ours, else what there is without a closing handshake."""
        sent = self.protocol.close_sent
        return ABNORMAL if sent is None else int(sent.code)

    def slip(self, message: bytes) -> bool:
        """Send a text if nothing is untaken and nobody need wait; tells whether it did."""
        if not self.is_open or self.transport.is_closing() or self.untaken:
            return False
        frame = _frame(message)
        # The transport keeps what the kernel does not take: never more than would have it wait.
        if len(frame) > self.write_limit_high:
            return False
        self.transport.write(frame)
        return True

    async def hand(self, message: bytes) -> bool:
        """Send a text; False = the client is gone."""
        try:
            await self.send(message, text=True)
        except ConnectionClosed:
            return False
        return True

    def close_soon(self, code: int, reason: str) -> None:
        """Begin to close; whoever does not answer, or does not read, is cut off."""
        self.closing: asyncio.Task[None] = self.loop.create_task(self.close(code, reason))
        self._cut_off_later()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it in."""
        super().connection_made(transport)
        self._lines.add(self)
        self._strangers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let it go."""
        super().connection_lost(exc)
        self._lines.discard(self)
        self._strangers.discard(self)
        self._gone(self)

    def cut_off(self) -> None:
        """End it now."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read; cut off who has us answer pings and does not take the answers."""
        if self._refused:
            return
        if self.response is None:
            data = self.head.part(data)
            if self.head.too_long:
                self._turn_away(HEADERS_TOO_LONG)
                return
            if self.head.whole:
                self._strangers.heard(self)
        super().data_received(data)
        if self.untaken > self.write_limit_high + _UNTAKEN_BYTES and self.is_open:
            self.transport.abort()

    def send_data(self) -> None:
        """Send what is to be sent; what cannot be read is refused in our own words."""
        wrong = None if self.request or self._refused else self.protocol.handshake_exc
        # Nobody waits for an answer who has gone without having asked.
        if wrong is None or isinstance(wrong.__cause__, EOFError):
            super().send_data()
            return
        self.protocol.data_to_send()
        self._turn_away(_problem(wrong))

    def _turn_away(self, problem: Problem) -> None:
        """Answer a request that cannot be read; what else comes of it is not looked at."""
        self._refused = True
        self.transport.write(self._refuse(self, problem))
        self.transport.write_eof()
        self._cut_off_later()

    def process_event(self, event: "Request | Frame") -> None:  # type: ignore[override]
        """Count what comes; too much ends it."""
        if self.request is not None:
            now = time.monotonic()
            earned = (now - self._counted_at) * _FRAMES_A_SECOND
            self._tokens = min(_FRAMES_AT_ONCE, self._tokens + earned) - 1
            self._counted_at = now
            if self._tokens < 0:
                self._fail(POLICY_VIOLATION, "too many messages")
                return
        super().process_event(event)

    def _fail(self, code: int, reason: str) -> None:
        """End it without reading any further."""
        if self.is_open:
            self.protocol.fail(code, reason)
            self.send_data()
            self._cut_off_later()

    def _cut_off_later(self) -> None:
        self.loop.call_later(CLOSING_SECONDS, self.transport.abort)
