"""WebSockets on a port: requests in, sessions out."""

import logging
import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from queryapi.api.dialects import Problem
from queryapi.api.problems import INTERNAL
from queryapi.errors import InvalidParameter
from queryapi.front.routes import normalised
from queryapi.gateway.codes import GOING_AWAY
from queryapi.gateway.door import Admitted, Door, name_of
from queryapi.gateway.knock import SUBPROTOCOL, Knock
from queryapi.gateway.line import CLOSING_SECONDS, Line
from queryapi.gateway.operating import Operating
from queryapi.gateway.pages import Page, Refused, problem_of, problem_page
from queryapi.gateway.places import Places
from queryapi.gateway.session import Session
from queryapi.gateway.sessions import Sessions
from queryapi.gateway.strangers import Strangers
from queryapi.telemetry.logs import ACCESS, fields
from queryapi.telemetry.streaming import Streaming

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from websockets.typing import Subprotocol

    from queryapi.settings import Stream

_LOG = logging.getLogger(__name__)
_REQUESTS = logging.getLogger(ACCESS)
_MESSAGE_BYTES = 16 * 1024
_HEAD_SECONDS = 10.0
_WRITE_BYTES = 32 * 1024
# Connections that are no WebSocket yet, or will never be one: whose request is not all here, and
# whose is. A head is up to 32 KB; after a restart all clients come at once.
_SILENT = 512
_WAITING = 2048
_PATH_LOGGED = 512
_BROKEN = Problem(HTTPStatus.BAD_REQUEST, "The WebSocket handshake is not valid")


@dataclass(frozen=True, slots=True)
class Inside:
    """What the listener hands clients on to."""

    door: Door
    operating: Operating
    sessions: Sessions
    places: Places
    metrics: Streaming


class Listener:
    """Accepts clients, one coroutine each.

    Args:
        inside: What they are handed on to.
        stream: How many, and how patient.
    """

    def __init__(self, inside: Inside, stream: "Stream") -> None:
        self._inside = inside
        self._stream = stream
        self._lines: set[Line] = set()
        self._strangers = Strangers(_SILENT, _WAITING)
        self._server: Server | None = None

    async def open(self, listening: "socket.socket") -> None:
        """Begin to accept."""
        self._server = await serve(
            self._serve,
            sock=listening,
            create_connection=partial(  # type: ignore[arg-type]  # called as the class is
                Line, self._lines, self._strangers, self._gone, self._refuse
            ),
            process_request=self._received,
            process_response=_worded,
            select_subprotocol=_subprotocol,
            # A small message may be packed from a large one, and a context costs 64 KB a client.
            compression=None,
            server_header=None,
            open_timeout=_HEAD_SECONDS,
            ping_interval=self._stream.ping_interval,
            ping_timeout=self._stream.ping_interval,
            close_timeout=CLOSING_SECONDS,
            max_size=_MESSAGE_BYTES,
            write_limit=_WRITE_BYTES,
        )

    async def close(self) -> None:
        """Let nobody in any more and close all, within seconds."""
        if self._server is None:
            return
        self._server.close(close_connections=False)
        for line in list(self._lines):
            if not line.is_open:
                line.transport.abort()
        self._inside.sessions.end(GOING_AWAY, "the service ends")
        await self._server.wait_closed()

    async def _received(self, line: ServerConnection, request: Request) -> Response | None:
        assert isinstance(line, Line)  # noqa: S101 - told to mypy
        began, path, page = time.monotonic(), request.path.partition("?")[0], None
        address = ""
        try:
            knock = _knock(line, request)
            path, address = knock.path, self._inside.door.address_of(knock)
            page = await self._inside.operating.page(knock, address)
            if page is None:
                self._assign(line, await self._inside.door.admit(knock))
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            problem = problem_of(error)
            if problem is INTERNAL:
                _LOG.exception("a request failed")
            page = problem_page(problem, path)
        status = HTTPStatus.SWITCHING_PROTOCOLS if page is None else page.status
        self._note(
            status,
            client=address,
            principal=name_of(line.admitted),
            method=request.method[:32],
            path=path[:_PATH_LOGGED],
            milliseconds=round((time.monotonic() - began) * 1000, 2),
        )
        if page is None:
            return None
        line.answered = True
        return _response(page, head=request.method == "HEAD")

    def _refuse(self, line: Line, problem: Problem) -> bytes:
        """Return the answer to a request that cannot be read: whose it is tells its connection."""
        method, path = line.head.asked
        page = problem_page(problem, path)
        peer = line.remote_address
        self._note(page.status, client=peer[0] if peer else "", method=method, path=path)
        return _response(page, head=method == "HEAD").serialize()

    def _note(self, status: HTTPStatus, **told: Any) -> None:
        """Leave what every request leaves."""
        self._inside.metrics.answered(status)
        _REQUESTS.info("request", extra=fields(**told, status=int(status)))

    async def _serve(self, line: ServerConnection) -> None:
        assert isinstance(line, Line)  # noqa: S101 - told to mypy
        admitted, inside = line.admitted, self._inside
        assert admitted is not None  # noqa: S101 - or it would not be open
        _forget_head(line)
        session = Session(
            line, admitted.caller, metrics=inside.metrics, clock=inside.sessions.clock
        )
        inside.metrics.opened()
        inside.sessions.add(session)
        began = time.monotonic()
        try:
            admitted.channel.join(session, admitted.wanted)
            async for message in line:
                admitted.channel.received(session, message)
        except ConnectionClosed:
            pass
        finally:
            admitted.channel.leave(session, admitted.wanted)
            inside.sessions.discard(session)
            code = session.code or line.code
            inside.metrics.closed(code)
            _REQUESTS.info(
                "stream ended",
                extra=fields(
                    client=admitted.caller.address,
                    principal=name_of(admitted),
                    code=code,
                    seconds=round(time.monotonic() - began, 3),
                ),
            )

    def _assign(self, line: Line, admitted: Admitted) -> None:
        line.admitted = admitted
        self._strangers.discard(line)
        if line not in self._lines:
            # It went while it was judged.
            self._gone(line)
        if line.head.early:
            raise Refused(_BROKEN)

    def _gone(self, line: Line) -> None:
        if line.admitted is not None:
            self._inside.places.give_back(line.admitted.client, line.admitted.wanted)


def _knock(line: Line, request: Request) -> Knock:
    """Return what a request says.

    Raises:
        InvalidParameter: When it says something twice that can only be said once.
    """
    path, _, query = request.path.partition("?")
    headers = request.headers
    said: dict[str, str | None] = {}
    for name in ("Host", "Origin", "Authorization", "Upgrade"):
        values = headers.get_all(name)
        if len(values) > 1:
            raise InvalidParameter(f"Invalid header: {name} is given more than once")
        said[name] = values[0] if values else None
    offered = ",".join(headers.get_all("Sec-WebSocket-Protocol"))
    forwarded = ",".join(headers.get_all("X-Forwarded-For"))
    peer = line.remote_address
    return Knock(
        request.method,
        normalised(path),
        query,
        peer=peer[0] if peer else "",
        upgrade=(said["Upgrade"] or "").lower() == "websocket",
        host=said["Host"],
        origin=said["Origin"],
        authorization=said["Authorization"],
        offered=tuple(filter(None, (each.strip() for each in offered.split(",")))),
        forwarded_for=forwarded or None,
        accept=",".join(headers.get_all("Accept")),
    )


def _subprotocol(_: ServerConnection, offered: "Sequence[Subprotocol]") -> "Subprotocol | None":
    return next((each for each in offered if each == SUBPROTOCOL), None)


def _worded(line: ServerConnection, request: Request, response: Response) -> Response | None:
    """Return what websockets refuses by itself in our own words; None = it refuses nothing."""
    assert isinstance(line, Line)  # noqa: S101 - told to mypy
    if line.answered or response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        return None
    return _response(problem_page(_BROKEN, request.path.partition("?")[0]))


def _response(page: Page, *, head: bool = False) -> Response:
    headers = Headers(
        [
            ("Date", formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Type", page.content_type),
            ("Content-Length", str(len(page.body))),
            ("X-Content-Type-Options", "nosniff"),
            *page.headers,
        ]
    )
    status = HTTPStatus(page.status)
    return Response(status.value, status.phrase, headers, b"" if head else page.body)


def _forget_head(line: Line) -> None:
    """Drop the headers of a handshake: they take room while a client stays, and hold tokens."""
    line.head.forget()
    for head in (line.request, line.response):
        if head is not None:
            head.headers.clear()
