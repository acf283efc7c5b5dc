"""What callers are told of what went wrong, whoever answers them: the one table."""

import math
from collections.abc import Mapping
from http import HTTPStatus

from queryapi.api.dialects import Problem
from queryapi.errors import (
    AuthenticatorUnavailable,
    Conflict,
    InvalidParameter,
    KeyReused,
    NotPermitted,
    Overloaded,
    PreconditionFailed,
    RateLimited,
    ResourceNotFound,
    StoreUnavailable,
    Unauthenticated,
    UnsupportedContent,
    UpstreamUnavailable,
)

INTERNAL = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
"""A defect of ours: the log says which, the caller is not told."""
LINE_TOO_LONG = Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "The request line is too long")
HEADERS_TOO_LONG = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "There are too many headers, or too long ones"
)
_RETRY_SECONDS = 1


_STATUSES: Mapping[type[Exception], HTTPStatus] = {
    InvalidParameter: HTTPStatus.BAD_REQUEST,
    ResourceNotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    UnsupportedContent: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
}


def problem_of(error: Exception) -> Problem:
    """Return what the caller is told of *error*; INTERNAL when it has no line here."""
    match error:
        case Unauthenticated():
            return _challenged(HTTPStatus.UNAUTHORIZED, error)
        case NotPermitted():
            return _challenged(HTTPStatus.FORBIDDEN, error)
        case RateLimited():
            seconds = max(_RETRY_SECONDS, math.ceil(error.retry_after))
            return Problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), retry_after=seconds)
        case AuthenticatorUnavailable() | Overloaded() | StoreUnavailable():
            wait = error.retry_after
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), retry_after=wait)
        case UpstreamUnavailable():
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), retry_after=_RETRY_SECONDS)
    status = next((found for kind, found in _STATUSES.items() if isinstance(error, kind)), None)
    return INTERNAL if status is None else Problem(status, str(error))


def _challenged(status: HTTPStatus, error: Unauthenticated | NotPermitted) -> Problem:
    return Problem(status, str(error), headers=(("WWW-Authenticate", error.challenge),))
