"""One exchange over HTTP, bounded in time and size.

This and what it connects with are all that knows urllib3; all that can go wrong leaves it as
ExchangeFailed.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from queryapi.errors import QueryApiError
from queryapi.outbound.answer import Left, TimedAnswer
from queryapi.outbound.reaching import Forbidden, ReachingConnection, ReachingTlsConnection

_CHUNK_BYTES = 64 * 1024
MAX_BYTES = 64 * 1024 * 1024
_FORBIDDEN = "its address is link-local or another that nothing is sent to"


Obstacle = Literal[
    "refused", "unresolved", "forbidden", "unreachable", "tls", "not_http", "broken_off"
]


class ExchangeFailed(QueryApiError):  # noqa: N818 - a state, named as one
    """There is no complete answer; whoever asked says what that means to them.

    Args:
        message: What happened, naming neither URL nor credentials.
        reason: A bounded word for it; "refused" when no answer was even begun.
        obstacle: What stood in the way of an answer that was not begun.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["refused", "timeout", "garbled", "too_large"],
        obstacle: Obstacle = "broken_off",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.obstacle: Obstacle = obstacle


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, whatever its status."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is still coming: iterating `chunks` reads on, and can fail.

    Args:
        status: Of HTTP.
        chunks: The body.
        date: When it was sent, by the server's clock, as its head says.
    """

    status: int
    chunks: Iterator[bytes]
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a form when there is one, else `body` as it is."""

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str] | None = None
    body: bytes | None = None


class Transport(Protocol):
    """Sends a request and returns what came back."""

    def exchange(self, request: Request, deadline: float) -> Reply:
        """Send *request* and read the whole answer.

        Args:
            request: Redirects are not followed.
            deadline: Monotonic time by which the last byte must have come.

        Raises:
            ExchangeFailed: When there is no complete answer by then.
        """
        ...

    def close(self) -> None:
        """Close what is held open."""
        ...


class StreamingTransport(Transport, Protocol):
    """A transport whose answers can be read while they come."""

    def stream(self, request: Request, deadline: float) -> AbstractContextManager[Stream]:
        """Send *request* and read the answer's head; see exchange.

        Leaving the context ends the exchange, whether its answer was read to the end or not.
        """
        ...


# urllib3 hands a connection nothing but durations, each of which begins when it likes.
_LEFT: ContextVar[Left] = ContextVar("left")


def _answer(sock: socket.socket, method: str | None = None, **_: object) -> TimedAnswer:
    return TimedAnswer(sock, _LEFT.get(), method)


class _PlainConnection(ReachingConnection):
    """A connection that sends and receives in the time that is left."""

    response_class = staticmethod(_answer)  # type: ignore[assignment]  # as it is called

    def send(self, data: Any) -> None:
        """Send all of *data*; TLS would begin the time anew with every 16 KiB."""
        if self.sock is None:
            self.connect()
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(_LEFT.get()())
            rest = rest[self.sock.send(rest) :]


class _TlsConnection(_PlainConnection, ReachingTlsConnection):
    pass


class _Plain(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _Tls(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class HttpTransport:
    """The transport over a pool of kept-alive connections.

    Args:
        connect: Seconds that connecting may take.
        ca_file: PEM file of authorities, None for the system's.
        identity: PEM files of our own certificate and its key.
        connections: How many connections are kept per server.
        max_bytes: How many bytes an answer may have, unpacked.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        connect: float,
        ca_file: str | None = None,
        identity: tuple[str, str] | None = None,
        connections: int = 4,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._max_bytes = max_bytes
        self._clock = clock
        certificate, key = identity or (None, None)
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            ca_certs=ca_file,
            cert_file=certificate,
            key_file=key,
            retries=False,
        )
        self._pool.pool_classes_by_scheme = {"http": _Plain, "https": _Tls}

    def exchange(self, request: Request, deadline: float) -> Reply:
        """Send *request* and read the whole answer; see Transport."""
        with self.stream(request, deadline) as answer:
            return Reply(answer.status, b"".join(answer.chunks))

    @contextmanager
    def stream(self, request: Request, deadline: float) -> Iterator[Stream]:
        """Send *request* and read the answer's head; see StreamingTransport."""
        response = self._send(request, deadline)
        try:
            yield Stream(response.status, self._chunks(response), response.headers.get("Date"))
        finally:
            # A connection whose answer was read to its end is back in the pool by now.
            response.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _send(self, request: Request, deadline: float) -> urllib3.BaseHTTPResponse:
        body, headers = request.body, dict(request.headers)
        if request.form is not None:
            body = urlencode(request.form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        left = partial(self._left, deadline)
        within = _LEFT.set(left)
        try:
            return self._pool.urlopen(
                request.method,
                request.url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(self._connect, left()), read=left()),
                preload_content=False,
                redirect=False,
            )
        except ReadTimeoutError as error:
            raise _too_late() from error
        except HTTPError as error:
            # What was cut short by the deadline says so, whatever it was doing.
            left()
            obstacle = _obstacle(error)
            raise ExchangeFailed(
                _FORBIDDEN if obstacle == "forbidden" else "the connection failed",
                reason="refused",
                obstacle=obstacle,
            ) from error
        finally:
            _LEFT.reset(within)

    def _chunks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        left = self._max_bytes
        while chunk := _chunk(response):
            left -= len(chunk)
            if left < 0:
                raise ExchangeFailed(
                    f"it answered more than {self._max_bytes} bytes", reason="too_large"
                )
            yield chunk

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise _too_late()
        return left


def _chunk(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        return response.read1(_CHUNK_BYTES)
    except ReadTimeoutError as error:
        raise _too_late() from error
    except DecodeError as error:
        raise ExchangeFailed("its answer cannot be unpacked", reason="garbled") from error
    except HTTPError as error:
        raise ExchangeFailed("its answer broke off", reason="garbled") from error


def _obstacle(error: HTTPError) -> Obstacle:
    if isinstance(error, NameResolutionError):
        return "unresolved"
    if isinstance(error, Forbidden):
        return "forbidden"
    if isinstance(error, NewConnectionError):
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        return "refused" if refused else "unreachable"
    if isinstance(error, SSLError):
        return "tls"
    fault = error.args[-1] if isinstance(error, ProtocolError) else None
    # http.client counts a connection that is closed instead of an answer among both.
    said = isinstance(fault, HTTPException) and not isinstance(fault, OSError)
    return "not_http" if said else "broken_off"


def _too_late() -> ExchangeFailed:
    return ExchangeFailed("it did not answer in time", reason="timeout")
