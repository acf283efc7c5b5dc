"""The headers of answers, and which answers carry them."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from queryapi.api.endpoints import Endpoint

_TEXT = {"type": "string"}
_SECONDS = {"type": "integer", "minimum": 0}

HEADERS: Mapping[str, Mapping[str, Any]] = {
    "X-Request-ID": {
        "description": "Names this request in the log: the caller's own, or a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Cache-Control": {
        "description": "For how long the answer may be kept, and by whom.",
        "schema": _TEXT,
        "example": "private, max-age=30",
    },
    "Age": {
        "description": "Seconds since the answer was read; beyond max-age it is stale.",
        "schema": _SECONDS,
        "example": 12,
    },
    "ETag": {
        "description": "Names these bytes; sent back as If-None-Match it saves sending them again.",
        "schema": _TEXT,
        "example": '"5f2b6c0e9a41d7830c1e44aa"',
    },
    "Location": {
        "description": "Where what was created can be read.",
        "schema": _TEXT,
        "example": "/api/pools/pool-7",
    },
    "Idempotency-Replayed": {
        "description": "true where the request has come before: nothing more was created.",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
    "Warning": {
        "description": "110: stale, served in need. 199: Prometheus says that something may miss.",
        "schema": _TEXT,
        "example": '110 - "Response is Stale"',
    },
    "RateLimit": {
        "description": "What the caller has left, where callers are limited: r requests at once,"
        " all of them again in t seconds.",
        "schema": _TEXT,
        "example": '"default";r=998;t=1',
    },
    "RateLimit-Policy": {
        "description": "What callers have: q requests at once, all of them again in w seconds.",
        "schema": _TEXT,
        "example": '"default";q=1000;w=120',
    },
    "Retry-After": {
        "description": "Seconds after which trying again makes sense.",
        "schema": _SECONDS,
        "example": 1,
    },
    "WWW-Authenticate": {
        "description": "Which credential is missing, or what it lacks (RFC 6750).",
        "schema": _TEXT,
        "example": 'Bearer realm="gpuscope"',
    },
}
# A client may rely on these; the others come where they have something to say.
_CERTAIN = frozenset({"X-Request-ID", "Age"})


def components() -> dict[str, Any]:
    """Return the headers as OpenAPI has them."""
    return {
        name: {**header, "required": True} if name in _CERTAIN else dict(header)
        for name, header in HEADERS.items()
    }


def of_answer(endpoint: Endpoint) -> Iterator[str]:
    """Yield the names of the headers that a success has."""
    yield from _of_all(endpoint)
    if endpoint.aged:
        yield from ("Age", "ETag", "Warning")
    yield from endpoint.tells


def of_failure(endpoint: Endpoint, status: HTTPStatus) -> Iterator[str]:
    """Yield the names of the headers that a failure has."""
    yield from _of_all(endpoint)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        yield "WWW-Authenticate"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        yield "Retry-After"


def _of_all(endpoint: Endpoint) -> Iterator[str]:
    yield from ("X-Request-ID", "Cache-Control")
    if endpoint.api is not None:
        yield from ("RateLimit", "RateLimit-Policy")
