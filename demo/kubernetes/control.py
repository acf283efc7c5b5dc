r"""`/_demo/`: the handle on the running server for tests and demonstrations; no token needed.

POST   /_demo/faults   plans a fault; the body is a `faults.Fault`, its names in camelCase
GET    /_demo/faults   shows what is planned and not yet used up
DELETE /_demo/faults   drops everything planned
POST   /_demo/expire   expires every continue token
POST   /_demo/compact  forgets all past changes: a watch from an older version is 410
POST   /_demo/tokens   replaces the good tokens: `["one", "two"]`; `[]` lets everybody in
POST   /_demo/users    replaces whose tokens TokenReviews know: `{"token": {"username": "ann",
                       "groups": ["ops"]}}`; with audiences where they are not the server
POST   /_demo/forbid   replaces the refusals (403): `[{"verb": "list", "resource": "jobs"}]`
POST   /_demo/permit   replaces the permissions, the rules of RBAC roles: from then on only
                       `[{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]`; a rule
                       may have resourceNames and a namespace; `null` permits everything
GET    /_demo/seen     shows the latest requests

For example the third page of the next list of pods fails:

    curl -d '{"action":"fail","verb":"list","resource":"pods","after":2,"status":410}' \
        http://127.0.0.1:6443/_demo/faults
"""

from typing import Any, TypeVar, cast

import msgspec
from aiohttp import web

from demo.kubernetes.access import Grant, Rule, User
from demo.kubernetes.errors import BadRequestError
from demo.kubernetes.faults import Fault
from demo.kubernetes.middleware import CONTROL
from demo.kubernetes.state import SERVER

T = TypeVar("T")


def routes() -> list[web.RouteDef]:
    """Return the control routes."""
    return [
        web.post(f"{CONTROL}faults", _plan),
        web.get(f"{CONTROL}faults", _planned),
        web.delete(f"{CONTROL}faults", _forget),
        web.post(f"{CONTROL}expire", _expire),
        web.post(f"{CONTROL}compact", _compact),
        web.post(f"{CONTROL}tokens", _rotate),
        web.post(f"{CONTROL}users", _enrol),
        web.post(f"{CONTROL}forbid", _forbid),
        web.post(f"{CONTROL}permit", _permit),
        web.get(f"{CONTROL}seen", _seen),
    ]


async def _plan(request: web.Request) -> web.Response:
    request.app[SERVER].faults.add(await _body(request, Fault))
    return _done()


async def _planned(request: web.Request) -> web.Response:
    return _json(request.app[SERVER].faults.waiting())


async def _forget(request: web.Request) -> web.Response:
    request.app[SERVER].faults.clear()
    return _done()


async def _expire(request: web.Request) -> web.Response:
    request.app[SERVER].store.release()
    return _done()


async def _compact(request: web.Request) -> web.Response:
    request.app[SERVER].store.compact()
    return _done()


async def _rotate(request: web.Request) -> web.Response:
    request.app[SERVER].access.rotate(await _body(request, list[str]))
    return _done()


async def _enrol(request: web.Request) -> web.Response:
    request.app[SERVER].access.enrol(await _body(request, dict[str, User]))
    return _done()


async def _forbid(request: web.Request) -> web.Response:
    request.app[SERVER].access.forbid(await _body(request, list[Rule]))
    return _done()


async def _permit(request: web.Request) -> web.Response:
    # Spelled for mypy, which takes no union for a type[T].
    grants: Any = await _body(request, cast("type[Any]", list[Grant] | None))
    request.app[SERVER].access.permit(grants)
    return _done()


async def _seen(request: web.Request) -> web.Response:
    return _json(list(request.app[SERVER].seen))


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise BadRequestError(f"cannot use this body: {error}") from None


def _json(content: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")


def _done() -> web.Response:
    return web.Response(status=204)
