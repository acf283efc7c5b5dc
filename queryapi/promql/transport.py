"""One exchange with Prometheus over HTTP, bounded in time and size.

This is the only file that knows urllib3; all that can go wrong leaves it as UpstreamUnavailable.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from queryapi.errors import UpstreamUnavailable

_CHUNK_BYTES = 256 * 1024
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, whatever its status."""

    status: int
    body: bytes


class Transport(Protocol):
    """Sends a form and returns what came back."""

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], deadline: float
    ) -> Reply:
        """Post *form* to *url* and read the whole answer.

        Args:
            url: Where to.
            form: The fields, sent URL-encoded in the body: a query may be longer than a URL.
            headers: Headers besides the form's own.
            deadline: Monotonic time by which the last byte must have come.

        Raises:
            UpstreamUnavailable: When there is no complete answer by then.
        """
        ...

    def close(self) -> None:
        """Close what is held open."""
        ...


class HttpTransport:
    """The transport over a pool of kept-alive connections.

    Args:
        connect: Seconds that connecting may take.
        ca_file: PEM file of authorities, None for the system's.
        connections: How many connections are kept per server.
        max_bytes: How many bytes an answer may have, unpacked.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        connect: float,
        ca_file: str | None = None,
        connections: int = 4,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._max_bytes = max_bytes
        self._clock = clock
        self._pool = urllib3.PoolManager(maxsize=connections, ca_certs=ca_file, retries=False)

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], deadline: float
    ) -> Reply:
        """Post *form* to *url* and read the whole answer; see Transport."""
        try:
            response = self._pool.request(
                "POST",
                url,
                fields=dict(form),
                encode_multipart=False,
                headers=headers,
                timeout=self._timeout(deadline),
                preload_content=False,
                redirect=False,
            )
            try:
                return Reply(response.status, self._read(response, deadline))
            finally:
                # A connection whose answer was read to its end is back in the pool by now.
                response.close()
        except HTTPError as error:
            raise _translated(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _timeout(self, deadline: float) -> urllib3.Timeout:
        left = self._left(deadline)
        return urllib3.Timeout(connect=min(self._connect, left), read=left)

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        body = bytearray()
        while True:
            left = self._left(deadline)
            # The socket's own timeout starts anew with every byte; ours must not.
            connection = response.connection
            if isinstance(connection, HTTPConnection) and connection.sock is not None:
                connection.sock.settimeout(left)
            chunk = response.read1(_CHUNK_BYTES)
            if not chunk:
                return bytes(body)
            body += chunk
            if len(body) > self._max_bytes:
                raise UpstreamUnavailable(
                    f"Prometheus answered more than {self._max_bytes} bytes", reason="too_large"
                )

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise _too_late()
        return left


def _translated(error: HTTPError) -> UpstreamUnavailable:
    if isinstance(error, ReadTimeoutError):
        return _too_late()
    if isinstance(error, DecodeError):
        return UpstreamUnavailable("Prometheus' answer cannot be unpacked", reason="garbled")
    return UpstreamUnavailable("the connection to Prometheus failed", reason="refused")


def _too_late() -> UpstreamUnavailable:
    return UpstreamUnavailable("Prometheus did not answer in time", reason="timeout")
