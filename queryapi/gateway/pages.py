"""What is answered over HTTP on the port of WebSockets."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from queryapi.api import problems
from queryapi.api.dialects import Problem, dialect_of
from queryapi.errors import QueryApiError

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that is no WebSocket."""

    status: HTTPStatus
    body: bytes
    content_type: str = _JSON
    headers: Sequence[tuple[str, str]] = ()


class Refused(QueryApiError):  # noqa: N818 - a state, named as one
    """The request cannot become a WebSocket, for what HTTP knows of it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def problem_page(problem: Problem, path: str) -> Page:
    """Return *problem* in the words of the API that *path* belongs to.

    With its own status always: a client that asks for a WebSocket reads the status, and nothing
    but 101 opens one.
    """
    headers = [("Cache-Control", "no-store"), *problem.headers]
    if problem.retry_after is not None:
        headers.append(("Retry-After", str(problem.retry_after)))
    body = msgspec.json.encode(dialect_of(path).body(problem))
    return Page(problem.status, body, headers=headers)


def problem_of(error: Exception) -> Problem:
    """Return what the caller is told of *error*."""
    return error.problem if isinstance(error, Refused) else problems.problem_of(error)
