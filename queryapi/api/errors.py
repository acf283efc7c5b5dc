"""The one place where what went wrong becomes an HTTP answer."""

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from queryapi.api.dialects import Problem, dialect_of
from queryapi.errors import (
    ClusterNotFound,
    InvalidParameter,
    QueryApiError,
    UpstreamUnavailable,
)

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 1
_INTERNAL = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
_MESSAGES = {
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request body too large",
}


def install(app: Flask) -> None:
    """Answer every failure of *app* in the dialect of the path that was asked for."""
    app.register_error_handler(QueryApiError, lambda error: _answer(problem_of(error)))
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, _unexpected)


def problem_of(error: QueryApiError) -> Problem:
    """Return what the caller is told of an error of ours; the log gets what they are not told."""
    if isinstance(error, InvalidParameter):
        return Problem(HTTPStatus.BAD_REQUEST, str(error))
    if isinstance(error, ClusterNotFound):
        return Problem(HTTPStatus.NOT_FOUND, str(error))
    if isinstance(error, UpstreamUnavailable):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), retry_after=_RETRY_SECONDS)
    _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    return _INTERNAL


def _framework_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = _answer(Problem(status, _MESSAGES.get(status, status.phrase)))
    # The framework knows more than the status here: Allow of a 405, for one.
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(_INTERNAL)


def _answer(problem: Problem) -> Response:
    dialect = dialect_of(request.path)
    body = msgspec.json.encode(dialect.body(problem))
    answer = Response(body, status=dialect.status(problem), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    if problem.retry_after is not None:
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer
