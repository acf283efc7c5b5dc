"""The WSGI application of both roles.

A request never reaches the driver or the API server: it gets the page that is there.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from exporter import exposition, openmetrics
from exporter.errors import ConfigurationError
from exporter.exposition import Block, Page, Samples
from exporter.web import landing
from exporter.web.answer import Answer, Environ, unavailable
from exporter.web.following import OPEN, Following, Web
from exporter.web.making import Maker, TooLateError, patience
from exporter.web.negotiation import accepts_gzip, prefers_openmetrics
from exporter.web.passwords import BusyError, Passwords
from exporter.web.publisher import Publisher
from exporter.web.tally import Rejection, Tally

MOST_REQUESTS = 40
"""How many scrapes are answered at once when nothing is said of it."""

_HTML = "text/html; charset=utf-8"
_LANDING = "/"
_PART_BYTES = 64 * 1024
# The second of each: where probes written for other exporters look.
_ALIVE = ("/healthz", "/-/healthy")
_READY = ("/readyz", "/-/ready")
_PROBES = (*_ALIVE, *_READY)
_RESERVED = (_LANDING, *_PROBES)
_SECURITY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set about a site.

    Args:
        role: `node` or `cluster`, for the landing page.
        telemetry_path: Where the metrics are served.
        most_requests: How many scrapes are answered at once.
        command: How the exporter was started, for the landing page.
    """

    role: str
    telemetry_path: str = "/metrics"
    most_requests: int = MOST_REQUESTS
    command: str = ""


class Site:
    """The WSGI application.

    Args:
        publisher: Where pages come from.
        options: Settings.
        beside: What every page ends with, whatever the publisher says.
        web: Who is let in, and headers; None: everybody, none.

    Raises:
        ConfigurationError: When the telemetry path is no path, or another page's.
    """

    def __init__(
        self,
        publisher: Publisher,
        options: Options,
        *,
        beside: Callable[[], Iterable[Block]] = tuple,
        web: Following | None = None,
    ) -> None:
        path = options.telemetry_path
        if not re.fullmatch(r"(/[\w.~-]+)+", path) or path in _RESERVED:
            raise ConfigurationError(
                f"metrics cannot be served at {path!r}: write a path such as /metrics, "
                f"not one of {', '.join(_RESERVED)}"
            )
        self._publisher = publisher
        self._options = options
        self._beside = beside
        self._web = web
        self._passwords = Passwords()
        self._maker = Maker()
        self._tally = Tally(options.most_requests)
        self._began = time.monotonic()
        self._routes: dict[str, Callable[[Environ, Web], Answer | _Scrape]] = {
            _LANDING: self._landing,
            path: self._metrics,
            **dict.fromkeys(_ALIVE, self._aliveness),
            **dict.fromkeys(_READY, self._readiness),
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        web = self._web.current() if self._web else OPEN
        found = self._answer(environ, web)
        answer = found.answer if isinstance(found, _Scrape) else found
        headers = {"Content-Length": str(sum(map(len, answer.pieces)))}
        headers |= {**_SECURITY, **answer.headers, **web.headers}
        self._tally.answer(answer.status)
        start_response(f"{answer.status.value} {answer.status.phrase}", list(headers.items()))
        if environ["REQUEST_METHOD"] == "HEAD":
            answer.pieces = ()
        return _Sending(answer.pieces, self._tally, found if isinstance(found, _Scrape) else None)

    def _answer(self, environ: Environ, web: Web) -> "Answer | _Scrape":
        path = environ["PATH_INFO"]
        if web.users and path not in _PROBES and (refused := self._refusal(environ, web)):
            return refused
        route = self._routes.get(path)
        if route is None:
            return Answer(HTTPStatus.NOT_FOUND, b"not found\n")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"use GET\n", Allow="GET, HEAD")
        return route(environ, web)

    def _refusal(self, environ: Environ, web: Web) -> Answer | None:
        try:
            header = environ.get("HTTP_AUTHORIZATION", "")
            if self._passwords.admits(web.users, header, environ.get("REMOTE_ADDR", "")):
                return None
        except BusyError:
            self._tally.reject(Rejection.LOGIN_BUSY)
            return unavailable("too many passwords are being checked")
        self._tally.reject(Rejection.UNAUTHORIZED)
        return Answer(
            HTTPStatus.UNAUTHORIZED,
            b"send a user and a password of basic_auth_users\n",
            WWW_Authenticate='Basic realm="gpuscope", charset="UTF-8"',
        )

    # --- the metrics ---

    def _metrics(self, environ: Environ, _: Web) -> "Answer | _Scrape":
        began = time.monotonic()
        if not self._tally.enter():
            self._tally.reject(Rejection.BUSY)
            return unavailable("too many scrapes at once (--web.max-requests)")
        try:
            return _Scrape(self._scraped(environ), began)
        except TooLateError:
            self._tally.leave(None)
            self._tally.reject(Rejection.LATE)
            return unavailable("the page is not there within the scrape's timeout")
        except BaseException:
            self._tally.leave(None)
            raise

    def _scraped(self, environ: Environ) -> Answer:
        is_open = prefers_openmetrics(environ.get("HTTP_ACCEPT", ""))
        is_packed = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))

        def make() -> list[bytes]:
            page = Page((*self._publisher.page().blocks, *self._own()))
            page = page.openmetrics() if is_open else page
            return page.gzipped() if is_packed else page.plain()

        seconds = patience(environ.get("HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS"))
        pieces = self._maker.make(make, seconds)
        headers = {"Content-Encoding": "gzip"} if is_packed else {}
        kind = openmetrics.CONTENT_TYPE if is_open else exposition.CONTENT_TYPE
        return Answer(
            HTTPStatus.OK, *pieces, Content_Type=kind, Vary="Accept, Accept-Encoding", **headers
        )

    def _own(self) -> Iterable[Block]:
        samples = Samples()
        self._tally.add_to(samples, self._web)
        return (*samples.page().blocks, *self._beside())

    # --- the rest ---

    def _aliveness(self, _: Environ, web: Web) -> Answer:
        return _probed(self._publisher.not_alive(), web, good="ok", bad="not alive")

    def _readiness(self, _: Environ, web: Web) -> Answer:
        return _probed(self._publisher.not_ready(), web, good="ready", bad="not ready")

    def _landing(self, _: Environ, web: Web) -> Answer:
        state = [
            ("state", self._publisher.not_alive() or self._publisher.not_ready() or "ready"),
            ("up for", landing.span(time.monotonic() - self._began)),
            ("served by", "HTTPS" if web.context else "HTTP"),
            ("passwords", "asked for" if web.users else "none asked for"),
            ("started as", self._options.command),
        ]
        if self._web and not self._web.is_current:
            state.append(("web configuration", "cannot be read again: the one before is in use"))
        links = {
            "metrics": self._options.telemetry_path, "readiness": _READY[0], "health": _ALIVE[0]
        }  # fmt: skip
        body = landing.page(self._options.role, state, links, self._publisher.tables())
        return Answer(
            HTTPStatus.OK, body, Content_Type=_HTML, Content_Security_Policy=landing.POLICY
        )


def _probed(reason: str | None, web: Web, *, good: str, bad: str) -> Answer:
    """Return what a probe gets; why something is wrong is for those who are let in alone."""
    if reason is None:
        return Answer(HTTPStatus.OK, f"{good}\n".encode())
    told = f"{bad}\n" if web.users else f"{bad}: {reason}\n"
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, told.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Scrape:
    """An answer that holds one of the places for scrapes until it is sent."""

    answer: Answer
    began: float


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in fewer pieces: each costs a call, and with TLS a record."""
    part: list[bytes] = []
    size = 0
    for piece in pieces:
        part.append(piece)
        size += len(piece)
        if size >= _PART_BYTES:
            yield b"".join(part) if len(part) > 1 else piece
            part, size = [], 0
    if size:
        yield b"".join(part)


class _Sending:
    """A body on its way; WSGI servers close it when it is sent, or cannot be."""

    def __init__(self, pieces: Iterable[bytes], tally: Tally, scrape: _Scrape | None) -> None:
        self._pieces = pieces
        self._tally = tally
        self._scrape = scrape
        self._sent = 0
        self._is_whole = False

    def __iter__(self) -> Iterator[bytes]:
        for part in _joined(self._pieces):
            yield part
            self._sent += len(part)
        self._is_whole = True

    def close(self) -> None:
        """Note how it went."""
        self._tally.send(self._sent)
        if self._scrape is not None:
            seconds = time.monotonic() - self._scrape.began
            self._tally.leave(seconds if self._is_whole else None)
