"""What happens to every request before and after its handler: identity, faults, error bodies."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from demo.kubernetes.errors import (
    ApiError,
    MethodNotAllowedError,
    NotFoundError,
)
from demo.kubernetes.faults import planned
from demo.kubernetes.state import SERVER, ApiServer, Seen, Target, names_resource, target_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTROL = "/_demo/"
# A real cluster lets everybody read these (ClusterRole system:public-info-viewer).
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version")


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors, the router's own included, into Status objects."""
    try:
        return await handler(request)
    except ApiError as error:
        return _answer(error)
    except web.HTTPNotFound:
        return _answer(
            NotFoundError("the server could not find the requested resource", details={})
        )
    except web.HTTPMethodNotAllowed:
        return _answer(
            MethodNotAllowedError(
                "the server does not allow this method on the requested resource", details={}
            )
        )


def _answer(error: ApiError) -> web.Response:
    return web.Response(
        status=error.code,
        body=msgspec.json.encode(error.status()),
        headers={"Content-Type": "application/json", **error.headers()},
    )


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note the request, check who asks, and act on the faults planned for it."""
    if request.path.startswith(CONTROL):
        return await handler(request)
    server = request.app[SERVER]
    target = target_of(request) if names_resource(request) else None
    verb, subject = (target.verb, target.resource.plural) if target else ("get", request.path)
    server.seen.append(_seen(request, verb, subject))
    _check(server, request, target)
    await _misbehave(server, verb, subject)
    return await handler(request)


def _seen(request: web.Request, verb: str, subject: str) -> Seen:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Seen(verb, subject, request.path, dict(request.query), headers)


def _check(server: ApiServer, request: web.Request, target: Target | None) -> None:
    if not request.path.startswith(_PUBLIC):
        server.access.authenticate(request.headers.get("Authorization", ""))
    if target is not None:
        server.access.authorize(target.verb, target.resource, target.namespace, target.name)


async def _misbehave(server: ApiServer, verb: str, subject: str) -> None:
    slow = server.faults.take(verb, subject, "delay")
    if slow is not None:
        await asyncio.sleep(slow.seconds)
    failure = server.faults.take(verb, subject, "fail")
    if failure is not None:
        raise planned(failure)
