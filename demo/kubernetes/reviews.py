"""TokenReview: says whose a token is, as pkg/registry/authentication/tokenreview does.

A review is created and answered in one request; nothing is stored.
"""

from typing import Any

import msgspec
from aiohttp import web

from demo.kubernetes.access import Access
from demo.kubernetes.errors import BadRequestError
from demo.kubernetes.state import SERVER

AUDIENCE = "https://kubernetes.default.svc.cluster.local"
"""What tokens are for that name nothing else: the server itself."""

_API, _KIND = "authentication.k8s.io/v1", "TokenReview"


class _Spec(msgspec.Struct):
    token: str = ""
    audiences: tuple[str, ...] = ()


class _Review(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    spec: _Spec
    metadata: dict[str, Any] = {}


def routes() -> list[web.RouteDef]:
    """Return the route; it names its resource, so permissions and faults cover it."""
    path = "/apis/{group:authentication.k8s.io}/{version:v1}/{plural:tokenreviews}"
    return [web.post(path, _create)]


async def _create(request: web.Request) -> web.Response:
    try:
        review = msgspec.json.decode(await request.read(), type=_Review)
    except msgspec.DecodeError as error:
        raise BadRequestError(f"cannot use this body: {error}") from None
    if (review.api_version, review.kind) != (_API, _KIND):
        raise BadRequestError(f"the object provided is unrecognized: not a {_KIND} of {_API}")
    if not review.spec.token:
        raise BadRequestError("token is required for TokenReview in authentication")
    answer = {
        "kind": _KIND,
        "apiVersion": _API,
        "metadata": {"creationTimestamp": None, **review.metadata},
        "spec": _without_nothing(review.spec),
        "status": status(request.app[SERVER].access, review.spec.token, review.spec.audiences),
    }
    return web.Response(
        status=201, body=msgspec.json.encode(answer), content_type="application/json"
    )


def status(access: Access, token: str, audiences: tuple[str, ...]) -> dict[str, Any]:
    """Return the `status` of a review.

    Args:
        access: Knows the tokens.
        token: The token in question.
        audiences: What it must be for, any of them; none = the server.
    """
    user = access.user(token)
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    good = user.audiences or (AUDIENCE,)
    wanted = audiences or (AUDIENCE,)
    shared = [audience for audience in wanted if audience in good]
    if not shared:
        error = f"token audiences {list(good)} is invalid for the target audiences {list(wanted)}"
        return {"user": {}, "error": f"[invalid bearer token, {error}]"}
    return {
        "authenticated": True,
        "user": {"username": user.username, "uid": user.uid, "groups": user.groups},
        "audiences": shared,
    }


def _without_nothing(spec: _Spec) -> dict[str, Any]:
    return {"token": spec.token} | ({"audiences": spec.audiences} if spec.audiences else {})
