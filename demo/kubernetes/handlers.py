"""The handlers of the Kubernetes API: resources, discovery, version and health."""

import asyncio
import gzip
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from demo.kubernetes import discovery, lists, writes
from demo.kubernetes.entries import Entry
from demo.kubernetes.errors import NotFoundError
from demo.kubernetes.faults import Action, planned
from demo.kubernetes.options import ListOptions, parse
from demo.kubernetes.state import SERVER, ApiServer, Target, target_of
from demo.kubernetes.views import View, negotiate
from demo.kubernetes.watch import Watch, error_frame

_HEADERS = {"Cache-Control": "no-cache, private"}
_HALF = 2
_ON_FRAMES: tuple[Action, ...] = ("cut", "silence", "duplicate", "error", "swap")


def routes() -> list[web.RouteDef]:
    """Return every route of the Kubernetes API."""
    documents = {
        "/api": _core_versions,
        "/apis": _groups,
        "/apis/{group}": _group,
        "/api/v1": _resources,
        "/apis/{group}/{version}": _resources,
        "/version": _version,
    }
    # Generated clients ask for these with a slash at the end, kubectl without.
    table = [web.get(f"{path}{{_:/?}}", handler) for path, handler in documents.items()]
    for base in ("/api/v1", "/apis/{group}/{version}"):
        table += [
            web.get(f"{base}/{{plural}}", _list_or_watch),
            web.get(f"{base}/{{plural}}/{{name}}", _get),
            web.patch(f"{base}/{{plural}}/{{name}}", _patch),
            web.get(f"{base}/namespaces/{{namespace}}/{{plural}}", _list_or_watch),
            web.get(f"{base}/namespaces/{{namespace}}/{{plural}}/{{name}}", _get),
            web.post(f"{base}/namespaces/{{namespace}}/{{plural}}", _create),
            web.put(f"{base}/namespaces/{{namespace}}/{{plural}}/{{name}}", _update),
        ]
    return table + [web.get(path, _healthy) for path in ("/healthz", "/livez", "/readyz")]


# -- resources


async def _list_or_watch(request: web.Request) -> web.StreamResponse:
    server, target = request.app[SERVER], target_of(request)
    options = parse(request.query, watch_list=server.settings.watch_list)
    view = _view(request, target)
    if options.watch:
        return await _watch(request, server, target, options, view)
    found = lists.page(server.store, target.resource, target.namespace, options)
    return await _compressed(request, server, view, view.listing(found.entries, found.metadata()))


async def _get(request: web.Request) -> web.Response:
    server, target = request.app[SERVER], target_of(request)
    entry = server.store.get(target.resource, target.namespace or "", target.name)
    if entry is None:
        raise NotFoundError(
            f'{target.resource.qualified} "{target.name}" not found',
            details=target.resource.details(target.name),
        )
    return _one(request, target, entry)


async def _create(request: web.Request) -> web.Response:
    server, target = request.app[SERVER], target_of(request)
    body = await request.read()
    entry = writes.create(server.store, target.resource, target.namespace or "", body)
    return _one(request, target, entry, status=201)


async def _update(request: web.Request) -> web.Response:
    server, target = request.app[SERVER], target_of(request)
    body = await request.read()
    key = (target.namespace or "", target.name)
    return _one(request, target, writes.update(server.store, target.resource, key, body))


async def _patch(request: web.Request) -> web.Response:
    server, target = request.app[SERVER], target_of(request)
    body = await request.read()
    key = (target.namespace or "", target.name)
    entry = writes.patch(server.store, target.resource, key, request.content_type, body)
    return _one(request, target, entry)


def _one(request: web.Request, target: Target, entry: Entry, *, status: int = 200) -> web.Response:
    view = _view(request, target)
    return _bytes(view.single(entry.key, entry.body), view.content_type, status=status)


def _view(request: web.Request, target: Target) -> View:
    return negotiate(
        request.headers.get("Accept", ""),
        target.resource,
        listing=target.verb == "list",
        include=request.query.get("includeObject", "Metadata"),
        now=time.time(),
    )


async def _compressed(
    request: web.Request, server: ApiServer, view: View, body: bytes
) -> web.Response:
    """Answer a list; long ones gzipped at level 1, as the API server does."""
    accepted = "gzip" in request.headers.get("Accept-Encoding", "")
    if not accepted or len(body) <= server.settings.gzip_above:
        return _bytes(body, view.content_type)
    smaller = await asyncio.to_thread(gzip.compress, body, 1, mtime=0)
    return _bytes(smaller, view.content_type, {"Content-Encoding": "gzip"})


async def _watch(
    request: web.Request, server: ApiServer, target: Target, options: ListOptions, view: View
) -> web.StreamResponse:
    plural = target.resource.plural
    watch = Watch(server.store, target.resource, target.namespace, options, view, server.settings)
    response = web.StreamResponse(headers={"Content-Type": view.content_type, **_HEADERS})
    # A client that leaves, or is cut off, ends its watch: nobody is left to be told.
    with suppress(ConnectionResetError), watch, server.watching(plural):
        await response.prepare(request)
        sender = _Sender(request, response, server, plural)
        async for frame in watch.frames():
            await sender.send(frame)
            if sender.ended:
                break
    return response


class _Sender:
    """Writes the lines of one watch, each as its own chunk, or what a planned fault makes of it."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, server: ApiServer, plural: str
    ) -> None:
        self.ended = False
        self._request = request
        self._response = response
        self._server = server
        self._plural = plural
        self._held = b""

    async def send(self, frame: bytes) -> None:
        """Write one line."""
        fault = self._server.faults.take("watch", self._plural, *_ON_FRAMES)
        match fault and fault.action:
            case "cut":
                await self._response.write(frame[: len(frame) // _HALF])
                if self._request.transport is not None:
                    self._request.transport.abort()
                raise ConnectionResetError("cut by a planned fault")
            case "silence":
                await asyncio.Event().wait()  # ends when the client leaves or the server stops
            case "duplicate":
                await self._response.write(frame)
            case "error" if fault is not None:
                frame, self.ended = error_frame(planned(fault)), True
            case "swap":
                self._held = frame
                return
        await self._response.write(frame)
        if self._held:
            await self._response.write(self._held)
            self._held = b""


# -- the server itself


async def _core_versions(request: web.Request) -> web.Response:
    return _discovered(request, lambda: discovery.core_versions(request.host), core=True)


async def _groups(request: web.Request) -> web.Response:
    return _discovered(request, discovery.groups, core=False)


def _discovered(
    request: web.Request, plain: Callable[[], dict[str, Any]], *, core: bool
) -> web.Response:
    if discovery.wants_aggregated(request.headers.get("Accept", "")):
        return _document(discovery.aggregated(core=core), discovery.AGGREGATED)
    return _document(plain())


async def _group(request: web.Request) -> web.Response:
    return _document(discovery.group(request.match_info["group"]))


async def _resources(request: web.Request) -> web.Response:
    found = request.match_info
    return _document(discovery.resources(found.get("group", ""), found.get("version", "v1")))


async def _version(request: web.Request) -> web.Response:
    return _document(discovery.version(request.app[SERVER].settings.version))


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _document(content: dict[str, Any], content_type: str = "application/json") -> web.Response:
    return _bytes(msgspec.json.encode(content), content_type)


def _bytes(
    body: bytes, content_type: str, headers: dict[str, str] | None = None, *, status: int = 200
) -> web.Response:
    return web.Response(
        status=status,
        body=body,
        headers={"Content-Type": content_type, **_HEADERS, **(headers or {})},
    )
