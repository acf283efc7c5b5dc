"""A client's connection, held to its bounds. With `listener`, this is what knows websockets."""

import asyncio
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from queryapi.gateway.codes import ABNORMAL, POLICY_VIOLATION
from queryapi.gateway.strangers import Head

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.http11 import Request

    from queryapi.gateway.door import Admitted
    from queryapi.gateway.strangers import Strangers

CLOSING_SECONDS = 2.0
"""What a client is given to answer a closing handshake."""
_FRAMES_A_SECOND = 10
# Pongs to somebody who does not take them, on top of what one read may hold.
_UNTAKEN_BYTES = 64 * 1024
# One for each feed that tells something at the moment.
_FRAMES_KEPT = 8


@lru_cache(_FRAMES_KEPT)
def _frame(message: bytes) -> bytes:
    """Return a message as it is sent: the same bytes for every client."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


class Line(ServerConnection):
    """One connection, from its first byte on; see Wire.

    Args:
        lines: All of them; it stands there as long as it lives.
        strangers: Those that are not known yet; it stands there from the beginning.
        gone: Told when it is gone.
    """

    def __init__(
        self,
        lines: "set[Line]",
        strangers: "Strangers",
        gone: "Callable[[Line], None]",
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
        self._second, self._frames = 0.0, 0

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
        if self.response is None:
            data = self.head.part(data)
            if self.head.too_long:
                self.transport.abort()
                return
            if self.head.whole:
                self._strangers.heard(self)
        super().data_received(data)
        if self.untaken > self.write_limit_high + _UNTAKEN_BYTES and self.is_open:
            self.transport.abort()

    def process_event(self, event: "Request | Frame") -> None:  # type: ignore[override]
        """Count what comes; too much ends it."""
        if self.request is not None:
            now = time.monotonic()
            if now - self._second >= 1:
                self._second, self._frames = now, 0
            self._frames += 1
            if self._frames > _FRAMES_A_SECOND:
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
