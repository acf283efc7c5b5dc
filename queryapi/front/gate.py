"""The way in and out of the service, in front of Flask: each step in its order, once."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from queryapi.access.principal import NOBODY, Principal
from queryapi.api.dialects import api_of
from queryapi.api.endpoints import Endpoint
from queryapi.api.errors import answer_to
from queryapi.api.manners import Headers, Rendered, render
from queryapi.api.visit import ENVIRON_KEY, Query, Ready, Visit
from queryapi.errors import RateLimited
from queryapi.front.addresses import Addresses
from queryapi.front.admission import TO_READ, Admission, Turnstile, client_of
from queryapi.front.call import UNMATCHED, Call, Records, Sending, id_of
from queryapi.front.cors import Cors
from queryapi.front.incoming import has_body, readable_query, refuse_unreadable
from queryapi.front.routes import Doors, normalised
from queryapi.telemetry.traces import Tracer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_READS = frozenset({"GET", "HEAD"})
_ALLOW_UNKNOWN = "GET, HEAD, OPTIONS"
_STATUS_LINES = {status: f"{status.value} {status.phrase}" for status in HTTPStatus}
_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")


class Leaving(msgspec.Struct, frozen=True, gc=False):
    """An answer as a WSGI server wants it."""

    status: str
    headers: Headers
    chunks: Iterable[bytes]


class Gate:
    """The whole service as one WSGI application.

    Args:
        inner: Answers what is not ready: Flask.
        doors: Tells the route, by path and listener.
        addresses: Tells clients' addresses.
        cors: Tells which pages may call.
        admission: Tells who may come in.
        turnstile: Tells how often.
        ready: What can be answered without Flask, by path.
        clusters: The names of the configured clusters.
        records: Writes down what was asked.
        tracer: Traces it.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        *,
        doors: Doors,
        addresses: Addresses,
        cors: Cors,
        admission: Admission,
        turnstile: Turnstile,
        ready: Mapping[str, Ready],
        clusters: Iterable[str],
        records: Records,
        tracer: Tracer,
    ) -> None:
        self._inner = inner
        self._doors = doors
        self._addresses = addresses
        self._cors = cors
        self._admission = admission
        self._turnstile = turnstile
        self._ready = ready
        self._clusters = frozenset(clusters)
        self._records = records
        self._tracer = tracer

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        call = self._arrival(environ)
        with self._tracer.request(environ, call.template, call.method) as span:
            try:
                leaving = self._answer(call, environ)
            except Exception as error:  # noqa: BLE001 - the last one who can answer
                leaving = _leaving(
                    answer_to(error, method=call.method, path=call.path, request_id=call.id)
                )
            status = int(leaving.status[:3])
            span.status(status)
            call.trace = span.trace_id
        seconds = self._records.clock() - call.started
        over = partial(self._records.answered, call, status, seconds)
        sending = Sending(leaving.chunks, over)
        try:
            start_response(leaving.status, leaving.headers + self._on_the_way_out(call))
        except BaseException:
            sending.close()
            raise
        return sending

    def _arrival(self, environ: "WSGIEnvironment") -> Call:
        path = environ["PATH_INFO"] = normalised(environ.get("PATH_INFO", ""))
        return Call(
            id=id_of(environ.get("HTTP_X_REQUEST_ID")),
            started=self._records.arrived(),
            method=environ["REQUEST_METHOD"],
            path=path,
            address=self._addresses.client(
                environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
            ),
            origin=environ.get("HTTP_ORIGIN"),
            route=self._doors.find(path, environ["SERVER_PORT"]),
        )

    def _answer(self, call: Call, environ: "WSGIEnvironment") -> Leaving:
        refuse_unreadable(environ)
        query = readable_query(environ)
        if call.method == "OPTIONS" and (call.route or _is_preflight(environ)):
            return self._options(call)
        endpoint = call.route.endpoints.get(call.method) if call.route else None
        call.principal = self._admit(call, endpoint, environ.get("HTTP_AUTHORIZATION"))
        self._limit(call, endpoint)
        if endpoint is None:
            raise self._not_offered(call, environ["SERVER_PORT"])
        self._note_cluster(call, query)
        return self._ready_answer(call, environ, query) or self._from_flask(call, environ, endpoint)

    def _options(self, call: Call) -> Leaving:
        allow = call.route.allow if call.route else _ALLOW_UNKNOWN
        headers = [("Allow", allow), *self._cors.preflight(call.origin, allow)]
        return Leaving(_STATUS_LINES[HTTPStatus.NO_CONTENT], headers, ())

    def _admit(self, call: Call, endpoint: Endpoint | None, authorization: str | None) -> Principal:
        api = call.route.api if call.route else api_of(call.path)
        if api is not None:
            # What is not there is kept as secret as what is.
            needs = endpoint.needs if endpoint else TO_READ
            return self._admission.admit(authorization, api, needs, address=call.address)
        if endpoint is not None and endpoint.tells_more:
            return self._admission.identify(authorization, address=call.address)
        return NOBODY

    def _limit(self, call: Call, endpoint: Endpoint | None) -> None:
        if call.route is not None and call.route.api is None:
            return
        name, one = endpoint.counted_as(call.path) if endpoint else (UNMATCHED, "")
        call.allowance = self._turnstile.take(client_of(call.principal, call.address), name, one)
        if call.allowance is not None and not call.allowance.allowed:
            self._records.limited(call)
            raise RateLimited("Too many requests", retry_after=call.allowance.retry_after)

    def _not_offered(self, call: Call, port: str) -> HTTPException:
        if call.route is not None:
            return MethodNotAllowed(call.route.allow.split(", "))
        return _UpgradeRequired() if self._doors.is_stream(call.path, port) else NotFound()

    def _note_cluster(self, call: Call, query: Query | None) -> None:
        named = (query or {}).get("cluster", ())
        if named and named[0] in self._clusters:
            call.cluster = named[0]

    def _ready_answer(
        self, call: Call, environ: "WSGIEnvironment", query: Query | None
    ) -> Leaving | None:
        ready = self._ready.get(call.path)
        if ready is None or call.method not in _READS:
            return None
        call.cache = "miss"
        if query is None or has_body(environ):
            return None
        answer = ready(query, call.principal)
        if answer is None:
            return None
        call.cache = "ready"
        return _leaving(
            render(
                answer,
                method=call.method,
                accept_encoding=environ.get("HTTP_ACCEPT_ENCODING"),
                if_none_match=environ.get("HTTP_IF_NONE_MATCH"),
            )
        )

    def _from_flask(self, call: Call, environ: "WSGIEnvironment", endpoint: Endpoint) -> Leaving:
        environ[ENVIRON_KEY] = Visit(
            call.id, call.principal, endpoint, client_of(call.principal, call.address)
        )
        begun: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, *_: object) -> Callable[[bytes], object]:
            begun.append((status, headers))
            return _no_writing

        chunks = self._inner(environ, start)
        status, headers = begun[-1]
        return Leaving(status, headers, chunks)

    def _on_the_way_out(self, call: Call) -> Headers:
        headers = [("X-Request-ID", call.id), _NO_SNIFFING, *self._cors.headers(call.origin)]
        if call.allowance is not None:
            headers += self._turnstile.headers(call.allowance)
        return headers


class _UpgradeRequired(HTTPException):
    """What is asked for is a WebSocket, and this is none."""

    code = HTTPStatus.UPGRADE_REQUIRED

    def get_headers(self, *_: object) -> list[tuple[str, str]]:
        """Return what HTTP wants said besides."""
        return [("Upgrade", "websocket")]


def _leaving(rendered: Rendered) -> Leaving:
    return Leaving(_STATUS_LINES[rendered.status], rendered.headers, rendered.chunks)


def _is_preflight(environ: "WSGIEnvironment") -> bool:
    return "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _no_writing(_: bytes) -> object:
    raise NotImplementedError("the application yields its body")
