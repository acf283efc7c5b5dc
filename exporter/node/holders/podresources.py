"""The kubelet's PodResources API; the only file that knows grpclib.

One unary call over a unix socket: the request is empty, the answer stays bytes. Everything that can
go wrong becomes one error of ours with a reason of a short list.
"""

import asyncio
from pathlib import Path
from typing import Final

from grpclib.client import Channel, Handler, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol

from exporter.errors import KubeletUnavailable
from exporter.node.holders.reasons import Reason

_LIST: Final = "/v1.PodResourcesLister/List"
_DEADLINE = 10.0
# What upstream clients take at most; a node of 250 pods says 16 KB.
_MOST_BYTES = 16 << 20


_STATUSES = {
    Status.PERMISSION_DENIED: Reason.DENIED,
    Status.UNAUTHENTICATED: Reason.DENIED,
    Status.UNAVAILABLE: Reason.UNAVAILABLE,
    Status.DEADLINE_EXCEEDED: Reason.DEADLINE,
    Status.RESOURCE_EXHAUSTED: Reason.RATE_LIMITED,
    Status.UNIMPLEMENTED: Reason.UNIMPLEMENTED,
}


class PodResources:
    """The kubelet at a socket; used by one thread, which runs its event loop during calls only.

    Args:
        socket: Where it listens.
        deadline: How long a call may take, in seconds.
        most_bytes: How much it may answer.
    """

    def __init__(
        self, socket: Path, *, deadline: float = _DEADLINE, most_bytes: int = _MOST_BYTES
    ) -> None:
        self._socket = socket
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._runner = asyncio.Runner()
        self._channel: _Channel | None = None
        self._identity: tuple[int, int, int] | None = None

    def list(self) -> bytes:
        """Return the answer to List, undecoded.

        Raises:
            KubeletUnavailable: When there is none.
        """
        reused = self._channel is not None
        try:
            return self._listed()
        except KubeletUnavailable as error:
            # A kubelet that was started anew has hung up on the old connection.
            if not reused or error.reason != Reason.UNAVAILABLE:
                raise
        return self._listed()

    def close(self) -> None:
        """Hang up."""
        self._hang_up()
        self._runner.close()

    def _listed(self) -> bytes:
        try:
            return self._runner.run(self._list())
        except BaseException:
            # Whatever state the connection is in: the next call begins with a new one.
            self._hang_up()
            raise

    async def _list(self) -> bytes:
        channel = self._connected()
        try:
            return await channel.ask(self._deadline)
        except GRPCError as error:
            reason = _STATUSES.get(error.status, Reason.OTHER)
            said = f"{error.status.name} {error.message or ''}".strip()
            raise _unavailable(f"the kubelet answers {said}", reason) from error
        except TimeoutError as error:
            raise _unavailable(
                f"the kubelet has not answered within {self._deadline:g} s", Reason.DEADLINE
            ) from error
        except PermissionError as error:
            raise _unavailable(f"{self._socket}: run as root: {error}", Reason.DENIED) from error
        except Exception as error:
            if channel.overflowed:
                raise _unavailable(
                    f"the kubelet answers more than {self._most_bytes} bytes", Reason.TOO_LARGE
                ) from error
            # Nobody listens, it hung up, or what listens there does not speak gRPC.
            raise _unavailable(
                f"{self._socket}: {str(error) or type(error).__name__}", Reason.UNAVAILABLE
            ) from error

    def _connected(self) -> "_Channel":
        """Return the channel; a new one when the kubelet has made another socket."""
        try:
            found = self._socket.stat()
        except PermissionError as error:
            raise _unavailable(f"{self._socket}: run as root: {error}", Reason.DENIED) from error
        except OSError as error:
            raise _unavailable(
                f"no kubelet listens at {self._socket}: mount its directory, or turn this off "
                "with --podresources.socket=",
                Reason.NO_SOCKET,
            ) from error
        identity = (found.st_dev, found.st_ino, found.st_ctime_ns)
        if self._channel is None or identity != self._identity:
            self._hang_up()
            self._channel = _Channel(self._socket, self._most_bytes)
            self._identity = identity
        return self._channel

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _unavailable(message: str, reason: Reason) -> KubeletUnavailable:
    return KubeletUnavailable(message, reason=reason)


class _Bounded(H2Protocol):
    """A connection that breaks off when one answer takes more than *left* bytes."""

    left = 0

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self.left -= len(data)
        if self.left < 0:
            self.processor.close("too much")
        else:
            super().data_received(data)


class _Channel(Channel):
    """A channel to a unix socket; grpclib has no settings for what is overridden here."""

    def __init__(self, socket: Path, most_bytes: int) -> None:
        super().__init__(path=str(socket), codec=_Raw())
        self._most_bytes = most_bytes
        self._list = UnaryUnaryMethod[bytes, bytes](self, _LIST, bytes, bytes)

    @property
    def overflowed(self) -> bool:
        """Whether the last answer was too large."""
        return isinstance(self._protocol, _Bounded) and self._protocol.left < 0

    async def ask(self, deadline: float) -> bytes:
        """Call List."""
        protocol = await self.__connect__()
        assert isinstance(protocol, _Bounded)  # noqa: S101 - made below
        protocol.left = self._most_bytes
        return await self._list(b"", timeout=deadline)

    def _get_authority(self, host: object, port: object) -> str:  # noqa: ARG002
        # The path of a socket is no host: strict servers refuse it.
        return "localhost"

    def _protocol_factory(self) -> H2Protocol:
        return _Bounded(Handler(), self._config, self._h2_config)


class _Raw(CodecBase):
    """Messages stay bytes."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: object) -> bytes:  # noqa: ARG002 - grpclib's names
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:  # noqa: ARG002 - idem
        return data
