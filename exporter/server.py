"""HTTP for both roles: `/metrics`, `/healthz`, `/readyz` and a page that links them.

A request never reaches the driver or the API server: it gets the page that is there.
"""

import html
import logging
import re
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from cheroot import wsgi

from exporter.errors import ConfigurationError
from exporter.exposition import CONTENT_TYPE, Block, Page
from exporter.version import __version__

_log = logging.getLogger(__name__)

_THREADS = 16
# A client that sends nothing for so long is cut off; one that drips holds a thread for longer.
_REQUEST_SECONDS = 10
_MAX_HEADER_BYTES = 16 * 1024
_RESERVED = ("/", "/healthz", "/readyz")
_PLAIN = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Publisher(Protocol):
    """One role of the exporter, seen from the server."""

    def start(self) -> None:
        """Begin to collect."""

    def stop(self) -> None:
        """Stop collecting."""

    def page(self) -> Page:
        """Return what to answer to a scrape."""

    def not_ready(self) -> str | None:
        """Return why there is nothing to publish yet; None when there is."""


class Site:
    """The WSGI application.

    Args:
        publisher: Where pages come from.
        role: `node` or `cluster`, for the landing page.
        telemetry_path: Where the metrics are served.
        beside: What every page ends with, whatever the publisher says.

    Raises:
        ConfigurationError: When *telemetry_path* is no path, or another page's.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        role: str,
        telemetry_path: str,
        beside: Callable[[], Iterable[Block]] = tuple,
    ) -> None:
        if not re.fullmatch(r"(/[\w.~-]+)+", telemetry_path) or telemetry_path in _RESERVED:
            raise ConfigurationError(
                f"metrics cannot be served at {telemetry_path!r}: write a path such as /metrics, "
                f"not one of {', '.join(_RESERVED)}"
            )
        self._publisher = publisher
        self._role = role
        self._telemetry_path = telemetry_path
        self._beside = beside
        self._routes: dict[str, Callable[[Environ], _Answer]] = {
            "/": self._landing,
            telemetry_path: self._metrics,
            "/healthz": lambda _: _Answer(HTTPStatus.OK, b"ok\n"),
            "/readyz": self._readiness,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ)
        headers = {"Content-Length": str(sum(map(len, answer.pieces))), **answer.headers}
        start_response(f"{answer.status.value} {answer.status.phrase}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.pieces

    def _answer(self, environ: Environ) -> "_Answer":
        route = self._routes.get(environ["PATH_INFO"])
        if route is None:
            return _Answer(HTTPStatus.NOT_FOUND, b"not found\n")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"use GET\n", Allow="GET, HEAD")
        return route(environ)

    def _metrics(self, environ: Environ) -> "_Answer":
        page = Page((*self._publisher.page().blocks, *self._beside()))
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        if _accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            headers["Content-Encoding"] = "gzip"
            return _Answer(HTTPStatus.OK, *page.gzipped(), **headers)
        return _Answer(HTTPStatus.OK, *page.plain(), **headers)

    def _readiness(self, _: Environ) -> "_Answer":
        reason = self._publisher.not_ready()
        if reason is None:
            return _Answer(HTTPStatus.OK, b"ready\n")
        return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {reason}\n".encode())

    def _landing(self, _: Environ) -> "_Answer":
        state = html.escape(self._publisher.not_ready() or "ready")
        path = html.escape(self._telemetry_path, quote=True)
        body = (
            f"<!doctype html><title>gpuscope exporter</title>"
            f"<h1>gpuscope exporter {__version__}, role {self._role}</h1><p>{state}</p>"
            f'<p><a href="{path}">metrics</a> <a href="/readyz">readiness</a></p>\n'
        )
        return _Answer(HTTPStatus.OK, body.encode(), **{"Content-Type": _HTML})


class _Answer:
    """A status, a body in pieces and its headers."""

    def __init__(self, status: HTTPStatus, *pieces: bytes, **headers: str) -> None:
        self.status = status
        self.pieces = pieces
        self.headers = {"Content-Type": _PLAIN, **headers}


def _accepts_gzip(header: str) -> bool:
    for item in header.split(","):
        coding, _, quality = item.partition(";")
        if coding.strip().lower() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def serve(
    application: Application, publisher: Publisher, *, address: str, wait: Callable[[], object]
) -> None:
    """Serve until *wait* returns.

    Raises:
        ConfigurationError: When *address* is not HOST:PORT or cannot be listened on.
    """
    server = wsgi.Server(
        listen_address(address), application, numthreads=_THREADS, timeout=_REQUEST_SECONDS
    )
    server.max_request_header_size = _MAX_HEADER_BYTES
    try:
        server.prepare()
    except (OSError, ValueError) as error:  # ValueError: a name that DNS does not allow
        raise ConfigurationError(
            f"cannot listen on {address}: {error} "
            "(stop what listens there, or choose another with --web.listen-address)"
        ) from error
    publisher.start()
    serving = threading.Thread(target=server.serve, name="http", daemon=True)
    serving.start()
    _log.info("listening on http://%s", address)
    try:
        wait()
    finally:
        server.stop()
        serving.join()
        publisher.stop()


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `:PORT` or `[IPv6]:PORT`.

    Raises:
        ConfigurationError: When *text* is none of these.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - ports end there
        raise ConfigurationError(
            f"{text!r} is not an address: write HOST:PORT, as in 127.0.0.1:9400"
        )
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - what :PORT asks for
