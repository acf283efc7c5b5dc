"""The GET handlers: resources, discovery, version and health."""

import asyncio
import gzip
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from demo.kubernetes import discovery, lists
from demo.kubernetes.errors import NotFoundError
from demo.kubernetes.options import ListOptions, parse
from demo.kubernetes.state import SERVER, ApiServer, Target, target_of
from demo.kubernetes.views import View, negotiate
from demo.kubernetes.watch import Watch

_HEADERS = {"Cache-Control": "no-cache, private"}
_HALF = 2


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
            web.get(f"{base}/namespaces/{{namespace}}/{{plural}}", _list_or_watch),
            web.get(f"{base}/namespaces/{{namespace}}/{{plural}}/{{name}}", _get),
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
        plural = target.resource.plural
        raise NotFoundError(
            f'{_qualified(target)} "{target.name}" not found',
            details={"name": target.name, "kind": plural}
            | ({"group": target.resource.group} if target.resource.group else {}),
        )
    view = _view(request, target)
    return _bytes(view.single(entry.key, entry.body), view.content_type)


def _qualified(target: Target) -> str:
    return ".".join(filter(None, (target.resource.plural, target.resource.group)))


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
        async for frame in watch.frames():
            await _send(request, response, server, plural, frame)
    return response


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    server: ApiServer,
    plural: str,
    frame: bytes,
) -> None:
    """Write one line of a watch as its own chunk, or what a planned fault makes of it."""
    fault = server.faults.take("watch", plural, "cut", "silence", "duplicate")
    match fault and fault.action:
        case "cut":
            await response.write(frame[: len(frame) // _HALF])
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("cut by a planned fault")
        case "silence":
            await asyncio.Event().wait()  # ends when the client leaves or the server stops
        case "duplicate":
            await response.write(frame)
    await response.write(frame)


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


def _bytes(body: bytes, content_type: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=body, headers={"Content-Type": content_type, **_HEADERS, **(headers or {})}
    )
