"""The bus between the processes of one service: two sockets, made before there are children."""

import asyncio
import socket
from collections.abc import AsyncIterator

from queryapi.bus.bus import Changes
from queryapi.bus.words import packed, unpacked

# Well below what a kernel takes in one piece.
_WORD_BYTES = 32 * 1024


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the end to speak into and the end to hear from; children inherit them."""
    speaking, hearing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    speaking.settimeout(0)
    hearing.settimeout(0)
    return speaking, hearing


class PairBus:
    """Speaks into a socket; what finds no room there is dropped.

    Args:
        speaking: Closed with it.
    """

    def __init__(self, speaking: socket.socket) -> None:
        self._speaking = speaking

    def announce(self, changes: Changes) -> None:
        """Tell the gateway; see Bus."""
        try:
            for word in packed(changes, _WORD_BYTES):
                self._speaking.send(word)
        except OSError:
            # It is full, or nobody is there: whoever follows a job looks every second anyway.
            return

    def close(self) -> None:
        """Close the socket."""
        self._speaking.close()


class PairEar:
    """Hears what is spoken into the other end; see Ear.

    Args:
        hearing: Closed with it.
    """

    def __init__(self, hearing: socket.socket) -> None:
        self._hearing = hearing
        hearing.settimeout(0)

    async def heard(self) -> AsyncIterator[Changes]:
        """Yield what is announced; of before, too, as far as there was room for it."""
        loop = asyncio.get_running_loop()
        while True:
            yield unpacked(await loop.sock_recv(self._hearing, 2 * _WORD_BYTES))

    async def close(self) -> None:
        """Close the socket."""
        self._hearing.close()
