"""How each documented API words a failure, chosen by the path that was asked for.

The five documents have five error bodies. This table serves handlers and the framework's own
404, 405 and 413 alike, so that a client never meets a body which its document does not show.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from queryapi.services.vitals.report import nothing
from queryapi.settings import Api

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as HTTP knows it.

    Args:
        status: HTTP status.
        message: What the caller may read.
        retry_after: Seconds after which trying again makes sense.
        headers: What HTTP wants said besides, such as the Allow of a 405.
    """

    status: HTTPStatus
    message: str
    retry_after: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The error body of one document, and the status it is sent with."""

    body: Callable[[Problem], Body]
    failures_are_answers: bool = False

    def status(self, problem: Problem) -> HTTPStatus:
        """Return the HTTP status; one document answers 200 whenever the service itself fails."""
        return HTTPStatus.OK if self.failures_are_answers and _is_ours(problem) else problem.status


_CODES = {
    HTTPStatus.BAD_REQUEST: 4000,
    HTTPStatus.UNAUTHORIZED: 4003,
    HTTPStatus.NOT_FOUND: 4004,
    HTTPStatus.FORBIDDEN: 4005,
    HTTPStatus.METHOD_NOT_ALLOWED: 4006,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 4013,
    HTTPStatus.TOO_MANY_REQUESTS: 4029,
    HTTPStatus.INTERNAL_SERVER_ERROR: 5000,
    HTTPStatus.SERVICE_UNAVAILABLE: 5003,
}


def _coded(problem: Problem) -> Body:
    default = _CODES[
        HTTPStatus.INTERNAL_SERVER_ERROR if _is_ours(problem) else HTTPStatus.BAD_REQUEST
    ]
    code = _CODES.get(problem.status, default)
    return {"meta": {"code": code, "message": problem.message}, "data": None}


def _plain(problem: Problem) -> Body:
    return {"error": problem.message}


def _answered(problem: Problem) -> Body:
    """Return an answer of zeros when the service fails: clients of this API read no other form."""
    return nothing(time.time(), problem.message) if _is_ours(problem) else _plain(problem)


def _phrased(problem: Problem) -> Body:
    return {"error": problem.status.phrase, "message": problem.message}


# What a document shows word for word: it tells nobody more than that.
_WORDS = {
    HTTPStatus.UNAUTHORIZED: "Authentication required",
    HTTPStatus.FORBIDDEN: "Insufficient permissions to perform this action",
    HTTPStatus.NOT_FOUND: "The requested resource was not found",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An unexpected error occurred",
}


def _documented(problem: Problem) -> Body:
    """Return the same words for every failure of a kind; what is wrong with a request is told."""
    if problem.status is HTTPStatus.BAD_REQUEST:
        wrong = Problem(problem.status, "Invalid request parameters")
        return {**_phrased(wrong), "details": problem.message}
    return _phrased(replace(problem, message=_WORDS.get(problem.status, problem.message)))


def _flagged(problem: Problem) -> Body:
    return {"success": False, "error": problem.message}


def _is_ours(problem: Problem) -> bool:
    return problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR


_DEFAULT = Dialect(_plain)
_BY_PREFIX: dict[str, tuple[Api | None, Dialect]] = {
    "/api/v1/realtime": (Api.REALTIME, Dialect(_coded)),
    "/api/v1/real-time-metrics": (Api.HEALTH, Dialect(_answered, failures_are_answers=True)),
    "/api/v1/workers": (Api.MONITORING, _DEFAULT),
    "/api/v1/operations": (Api.MONITORING, _DEFAULT),
    "/api/v1/scheduler": (Api.MONITORING, _DEFAULT),
    "/api/v1/system": (Api.MONITORING, _DEFAULT),
    "/api/pools": (Api.POOLS, Dialect(_documented)),
    "/api/jobs": (Api.JOBS, Dialect(_flagged)),
}


def dialect_of(path: str) -> Dialect:
    """Return the dialect of the API that *path* belongs to."""
    return _found(path)[1]


def api_of(path: str) -> Api | None:
    """Return the documented API that *path* belongs to, whether there is such a route or not."""
    return _found(path)[0]


def _found(path: str) -> tuple[Api | None, Dialect]:
    return next(
        (found for prefix, found in _BY_PREFIX.items() if f"{path}/".startswith(f"{prefix}/")),
        (None, _DEFAULT),
    )
