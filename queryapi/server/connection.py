"""A client's connection that no thread waits for: it says when there is enough to go on with."""

import re
import socket
from typing import Any

from queryapi.api.bounds import SHORT_BODY_BYTES

# gunicorn tells which line ends are wrong; here they all end a head.
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# What brings a body that somebody reads, and how long it says that it is.
_WRITES = re.compile(rb"(?:POST|PUT) ")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,6})[ \t]*\r?\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\nexpect:", re.IGNORECASE)
# Asking for more makes room for more: that costs as much as all the rest of it.
_USUAL_BYTES = 4 * 1024
# A longer head is read by a thread, piece by piece.
_PEEKED_BYTES = 64 * 1024
# What the system is given in advance of a client that takes it: by itself it would copy 4 MB.
_AHEAD_BYTES = 256 * 1024
_NOTHING = memoryview(b"")


class Connection(socket.socket):
    """A connected socket whose answers are kept until the client takes them.

    Args:
        accepted: What a listener accepted; its descriptor is taken over.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _AHEAD_BYTES)
        self.heard_by = 0.0
        """Monotonic time by which what was begun must be whole; 0 = nothing was begun."""
        self.taken_by = 0.0
        """Monotonic time by which the client must have taken its answer; 0 = none is being made."""
        self.hears = False
        """Whether a thread waits for what the client says."""
        self.has_body = False
        """Whether the body of the request that is here is here too: nobody need wait for it."""
        self._left = _NOTHING
        self._wakes_at = 1

    @property
    def owes(self) -> bool:
        """Whether the client has not taken all of its answer yet."""
        return bool(self._left)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what can be sent at once and keep the rest; waits only for what was kept before."""
        if self._left:
            super().sendall(self._left, flags)
        self._left = memoryview(data)
        self.push()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive, and say so meanwhile; see `hears`."""
        self.hears = True
        try:
            return super().recv(size, flags)
        finally:
            self.hears = False

    def push(self) -> bool:
        """Send of what is kept as much as can be sent at once; tells whether that was all."""
        while self._left:
            try:
                sent = self.send(self._left, socket.MSG_DONTWAIT)
            except (BlockingIOError, TimeoutError):
                return False
            except OSError:
                self._left = _NOTHING
                raise
            self._left = self._left[sent:]
        return True

    def has_said(self, begun: bytes) -> bool:
        """Tell whether the head of a request is here, or as much of it as will ever come.

        So must be a short body of one that writes, unless its client waits to be asked for it.
        When something is missing, the socket becomes readable again when more has come.

        Args:
            begun: What was received before.
        """
        self.has_body = False
        try:
            said = self._peek(_USUAL_BYTES)
            if len(said) == _USUAL_BYTES:
                said = self._peek(_PEEKED_BYTES + SHORT_BODY_BYTES)
        except BlockingIOError:
            said = b""
        except OSError:
            return True
        else:
            # Readable without anything new: the client has hung up.
            if len(said) < self._wakes_at:
                self._wake_at(1)
                return True
        heard = begun + said
        missing = self._missing(heard)
        whole = not missing or (missing == 1 and len(said) >= _PEEKED_BYTES)
        self._wake_at(1 if whole else len(said) + missing)
        return whole

    def _missing(self, heard: bytes) -> int:
        """Return how many bytes are still to come: of a head that is not whole, one at least."""
        end = _HEAD_END.search(heard)
        if end is None:
            return 1
        if not _WRITES.match(heard):
            return 0
        length = _LENGTH.search(heard, 0, end.end())
        if length is None or int(length[1]) > SHORT_BODY_BYTES:
            return 0
        missing = max(0, end.end() + int(length[1]) - len(heard))
        self.has_body = not missing
        return 0 if _EXPECTS.search(heard, 0, end.end()) else missing

    def discard(self) -> int:
        """Throw away what has come; tells how many bytes, 0 when the client has hung up."""
        try:
            return len(super().recv(_PEEKED_BYTES, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return 1
        except OSError:
            return 0

    def _peek(self, most: int) -> bytes:
        return super().recv(most, socket.MSG_PEEK | socket.MSG_DONTWAIT)

    def _wake_at(self, received: int) -> None:
        """Be readable with so many bytes, or the end; reading would wait for as many, too."""
        if received != self._wakes_at:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, received)
            self._wakes_at = received
