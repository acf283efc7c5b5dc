"""What gunicorn refuses before the application sees it, answered and logged as our own."""

import contextlib
import logging
import re
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.http.message import Request  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]

from queryapi.api.dialects import Problem
from queryapi.api.errors import written
from queryapi.api.problems import HEADERS_TOO_LONG, INTERNAL, LINE_TOO_LONG
from queryapi.front.call import id_of
from queryapi.telemetry.logs import ACCESS, fields

Count = Callable[[str, int, float], None]

_LOG = logging.getLogger(ACCESS)
# As much of the first line as tells which API was asked.
_REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[!-~]{0,200})")
_SEND_SECONDS = 1.0


class _NoHost(errors.ParseException):  # type: ignore[misc]  # gunicorn has no types
    """The header Host is missing (RFC 9112, section 3.2)."""


_PROBLEMS: dict[type[Exception], Problem] = {
    errors.LimitRequestLine: LINE_TOO_LONG,
    errors.LimitRequestHeaders: HEADERS_TOO_LONG,
    errors.UnsupportedTransferCoding: Problem(
        HTTPStatus.NOT_IMPLEMENTED, "This transfer coding is not supported"
    ),
    errors.ExpectationFailed: Problem(
        HTTPStatus.EXPECTATION_FAILED, "This expectation cannot be met"
    ),
    _NoHost: Problem(HTTPStatus.BAD_REQUEST, "The header Host is missing"),
}
_FIRST_WITH_HOST = (1, 1)
_NOT_HTTP = Problem(HTTPStatus.BAD_REQUEST, "The request is not valid HTTP")


class _Request(Request):  # type: ignore[misc]  # gunicorn has no types
    """A request that remembers how it began, should it be refused."""

    _began = b""

    def __init__(self, *arguments: Any) -> None:
        """Read the head; an error carries the method and the path that were asked for."""
        try:
            super().__init__(*arguments)
            # gunicorn refuses two of them, and lets none pass.
            if self.version >= _FIRST_WITH_HOST and "HOST" not in dict(self.headers):
                raise _NoHost
        except errors.ParseException as error:
            found = _REQUEST_LINE.match(self._began)
            error.asked = tuple(part.decode() for part in found.groups()) if found else ("", "")
            raise

    def read_line(self, unreader: Any, buf: Any, limit: int = 0) -> Any:
        """Read the first line."""
        try:
            return super().read_line(unreader, buf, limit)
        finally:
            # gunicorn reads on into the same buffer.
            self._began = bytes(buf[:256])


class Parser(RequestParser):  # type: ignore[misc]  # gunicorn has no types
    """Reads the requests of one connection."""

    mesg_class = _Request


def refuse(client: socket.socket, address: Any, error: Exception, count: Count) -> None:
    """Answer *error* in the words of the API that was asked, and leave what every request leaves.

    Args:
        client: The connection; whether it still listens or not.
        address: Of the client.
        error: What gunicorn could not read, or what nobody caught.
        count: Told the method, the status and the seconds that it took.
    """
    began = time.monotonic()
    method, target = getattr(error, "asked", ("", ""))
    path = target.partition("?")[0]
    answer, request_id = written(_problem(error), method=method, path=path), id_of(None)
    status, body = answer.status, b"".join(answer.chunks)
    headers = [("Connection", "close"), *answer.headers, ("X-Request-ID", request_id)]
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    with contextlib.suppress(OSError):
        client.settimeout(_SEND_SECONDS)
        client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    seconds = time.monotonic() - began
    count(method, status.value, seconds)
    _LOG.info(
        "request",
        extra=fields(
            request_id=request_id,
            client=address[0] if address else None,
            method=method,
            path=path,
            status=status.value,
            bytes=len(body),
            milliseconds=round(seconds * 1000, 2),
        ),
    )


def _problem(error: Exception) -> Problem:
    if not isinstance(error, errors.ParseException):
        return INTERNAL
    return next((told for kind, told in _PROBLEMS.items() if isinstance(error, kind)), _NOT_HTTP)
