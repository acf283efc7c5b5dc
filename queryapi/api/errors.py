"""The one place where what went wrong becomes an HTTP answer, in the gate and in Flask alike."""

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from queryapi.api.dialects import Problem, dialect_of
from queryapi.api.manners import Rendered
from queryapi.api.problems import INTERNAL, problem_of
from queryapi.api.visit import visit
from queryapi.telemetry.logs import fields

_LOG = logging.getLogger(__name__)
_MESSAGES = {
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request body too large",
    HTTPStatus.UPGRADE_REQUIRED: (
        "This is a WebSocket: they are served at the address of the setting stream_listen"
    ),
}
_OURS_TO_SAY = frozenset({"content-type", "content-length"})


def install(app: Flask) -> None:
    """Answer every failure inside *app* as the gate answers its own."""
    app.register_error_handler(Exception, _in_flask)


def answer_to(error: Exception, *, method: str, path: str, request_id: str) -> Rendered:
    """Return the answer to a request that ended in *error*; the log gets what callers are not told.

    Args:
        error: What was raised.
        method: HTTP method; HEAD gets no body.
        path: What was asked for; its API has the words.
        request_id: What the caller can tell us of it.
    """
    problem = _framework(error) if isinstance(error, HTTPException) else problem_of(error)
    if problem is INTERNAL:
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
    status = dialect.status(problem)
    if status is not problem.status:
        # An answer like the others, which say how old they are.
        headers.append(("Age", "0"))
    if problem.retry_after is not None:
        headers.append(("Retry-After", str(problem.retry_after)))
    return Rendered(status, headers, () if method == "HEAD" else (body,))


def _framework(error: HTTPException) -> Problem:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    status = HTTPStatus(code)
    # The framework knows more than the status here: Allow of a 405, for one.
    more = tuple(pair for pair in error.get_headers() if pair[0].lower() not in _OURS_TO_SAY)
    return Problem(status, _MESSAGES.get(status, status.phrase), headers=more)


def _in_flask(error: Exception) -> Response:
    answer = answer_to(error, method=request.method, path=request.path, request_id=visit().id)
    return answer.response()
