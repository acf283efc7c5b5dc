"""The one place where what went wrong becomes an HTTP answer, in the gate and in Flask alike."""

import logging
import math
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from queryapi.api.dialects import Problem, dialect_of
from queryapi.api.manners import Rendered
from queryapi.api.visit import visit
from queryapi.errors import (
    AuthenticatorUnavailable,
    ClusterNotFound,
    InvalidParameter,
    NotPermitted,
    RateLimited,
    Unauthenticated,
    UpstreamUnavailable,
)
from queryapi.telemetry.logs import fields

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 1
_INTERNAL = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
_MESSAGES = {
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request body too large",
}
_OURS_TO_SAY = frozenset({"content-type", "content-length"})


def install(app: Flask) -> None:
    """Answer every failure inside *app* as the gate answers its own."""
    app.register_error_handler(Exception, _in_flask)


def problem_of(error: Exception) -> Problem:  # noqa: PLR0911 - a table, one line per kind
    """Return what the caller is told of *error*; whatever has no line here is a defect of ours."""
    match error:
        case InvalidParameter():
            return Problem(HTTPStatus.BAD_REQUEST, str(error))
        case Unauthenticated():
            return _challenged(HTTPStatus.UNAUTHORIZED, error)
        case NotPermitted():
            return _challenged(HTTPStatus.FORBIDDEN, error)
        case ClusterNotFound():
            return Problem(HTTPStatus.NOT_FOUND, str(error))
        case RateLimited():
            seconds = max(_RETRY_SECONDS, math.ceil(error.retry_after))
            return Problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), retry_after=seconds)
        case AuthenticatorUnavailable():
            wait = error.retry_after
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), retry_after=wait)
        case UpstreamUnavailable():
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), retry_after=_RETRY_SECONDS)
        case HTTPException():
            return _framework(error)
        case _:
            return _INTERNAL


def answer_to(error: Exception, *, method: str, path: str, request_id: str) -> Rendered:
    """Return the answer to a request that ended in *error*; the log gets what callers are not told.

    Args:
        error: What was raised.
        method: HTTP method; HEAD gets no body.
        path: What was asked for; its API has the words.
        request_id: What the caller can tell us of it.
    """
    problem = problem_of(error)
    if problem is _INTERNAL:
        told = fields(request_id=request_id, method=method, path=path)
        _LOG.error("request failed", extra=told, exc_info=error)
    return written(problem, method=method, path=path)


def written(problem: Problem, *, method: str, path: str) -> Rendered:
    """Return *problem* in the words of the API that *path* belongs to."""
    dialect = dialect_of(path)
    body = msgspec.json.encode(dialect.body(problem))
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        *problem.headers,
    ]
    if problem.retry_after is not None:
        headers.append(("Retry-After", str(problem.retry_after)))
    return Rendered(dialect.status(problem), headers, () if method == "HEAD" else (body,))


def _challenged(status: HTTPStatus, error: Unauthenticated | NotPermitted) -> Problem:
    return Problem(status, str(error), headers=(("WWW-Authenticate", error.challenge),))


def _framework(error: HTTPException) -> Problem:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    status = HTTPStatus(code)
    # The framework knows more than the status here: Allow of a 405, for one.
    more = tuple(pair for pair in error.get_headers() if pair[0].lower() not in _OURS_TO_SAY)
    return Problem(status, _MESSAGES.get(status, status.phrase), headers=more)


def _in_flask(error: Exception) -> Response:
    answer = answer_to(error, method=request.method, path=request.path, request_id=visit().id)
    return answer.response()
