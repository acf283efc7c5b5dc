"""Failures as a description shows them: learnt from the very functions that word them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from queryapi.api import bounds
from queryapi.api.dialects import Body, Problem, dialect_of
from queryapi.api.endpoints import Endpoint
from queryapi.settings import Api

_MEANINGS: Mapping[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: (
        "A parameter is missing or invalid, or the request is no HTTP.",
        "Invalid header: Content-Length is not a number",
    ),
    HTTPStatus.UNAUTHORIZED: ("There is no token, or it is wrong.", "Authentication required"),
    HTTPStatus.FORBIDDEN: ("The caller is known and may not do this.", "Not permitted"),
    HTTPStatus.NOT_FOUND: (
        "There is no such cluster, or the caller may not see it.",
        "Cluster not found",
    ),
    HTTPStatus.CONFLICT: (
        "What is there forbids it.",
        "This pool was found by its nodes' labels: it is there as long as they are",
    ),
    HTTPStatus.PRECONDITION_FAILED: (
        "It is not as If-Match says: somebody has changed it.",
        "The pool has changed since: read it again",
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "The body is not application/json.",
        "Content-Type must be application/json",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        "The Idempotency-Key was sent before, with another body.",
        "This Idempotency-Key stands for another request",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        f"The body is larger than {bounds.BODY_BYTES // 1024**2} MiB.",
        "Request body too large",
    ),
    HTTPStatus.REQUEST_URI_TOO_LONG: (
        f"The request line is longer than {bounds.REQUEST_LINE_BYTES} bytes.",
        "The request line is too long",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        f"More than {bounds.HEADERS} headers, or one over {bounds.HEADER_BYTES // 1024} KiB.",
        "There are too many headers, or too long ones",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "The caller asks more than it may; Retry-After says how long to wait.",
        "Too many requests",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "A defect of the service; its log has it.",
        "Internal server error",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Prometheus has no usable answer or no data, or nobody can judge the token now.",
        "Prometheus did not answer in time",
    ),
}
_OWN: Mapping[tuple[Api, HTTPStatus], tuple[str, str]] = {
    (Api.POOLS, HTTPStatus.BAD_REQUEST): (
        "A parameter, a header or the body is missing or wrong; `details` says what and where.",
        "nodeTypes[0].count must be a positive integer",
    ),
    (Api.POOLS, HTTPStatus.NOT_FOUND): (
        "There is no such pool, or the caller may not see it.",
        "Pool not found",
    ),
    (Api.JOBS, HTTPStatus.BAD_REQUEST): (
        "A parameter or the body is missing or wrong; `error` says what.",
        "progress must be a number from 0 to 100",
    ),
    (Api.JOBS, HTTPStatus.FORBIDDEN): (
        "The caller may not do this, or the job is another worker's.",
        "Worker not authorized to report this job",
    ),
    (Api.JOBS, HTTPStatus.NOT_FOUND): (
        "There is no such job, or the caller may not see it.",
        "Job not found",
    ),
    (Api.JOBS, HTTPStatus.CONFLICT): (
        "There is a job of that id, or it has ended in another way.",
        "There is a job of that id",
    ),
    (Api.JOBS, HTTPStatus.SERVICE_UNAVAILABLE): (
        "The database does not answer, or none is configured, or nobody can judge the token now.",
        "The database does not answer",
    ),
    (Api.POOLS, HTTPStatus.SERVICE_UNAVAILABLE): (
        "The database or Prometheus does not answer, or nobody can judge the token now.",
        "The database does not answer",
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one endpoint.

    Args:
        status: The HTTP status it is sent with.
        meaning: One sentence.
        body: An example.
    """

    status: HTTPStatus
    meaning: str
    body: Body


def failures_of(endpoint: Endpoint) -> tuple[Failure, ...]:
    """Return what may go wrong, in the words of the endpoint's API; what is told as 200 is not."""
    failures = (_failure(endpoint, status) for status in endpoint.problems)
    return tuple(failure for failure in failures if failure.status is not HTTPStatus.OK)


def schema_of(samples: Sequence[object]) -> dict[str, object]:
    """Return the JSON Schema of values that are built alike; numbers and flags are the only ones.

    What some objects have and others have not may be missing.

    Args:
        samples: One or more.
    """
    first = samples[0]
    if isinstance(first, dict):
        members = _members(samples)
        needed = [name for name, found in members.items() if len(found) == len(samples)]
        properties = {name: schema_of(found) for name, found in members.items()}
        return {"type": "object", "properties": properties, "required": needed}
    if isinstance(first, bool):
        return {"type": "boolean", "const": first}
    if isinstance(first, int):
        return {"type": "integer", "enum": list(dict.fromkeys(samples))}
    return {"type": "null" if first is None else "string"}


def _members(samples: Sequence[object]) -> dict[str, list[object]]:
    members: dict[str, list[object]] = {}
    for sample in samples:
        assert isinstance(sample, dict)  # noqa: S101 - told to mypy: samples are built alike
        for name, value in sample.items():
            members.setdefault(name, []).append(value)
    return members


def _failure(endpoint: Endpoint, status: HTTPStatus) -> Failure:
    dialect = dialect_of(endpoint.path)
    own = None if endpoint.api is None else _OWN.get((endpoint.api, status))
    meaning, message = own or _MEANINGS[status]
    needed = [parameter.name for parameter in endpoint.parameters if parameter.required]
    if own is None and status is HTTPStatus.BAD_REQUEST and needed:
        message = f"Invalid parameter: {needed[0]} is required"
    problem = Problem(status, message)
    return Failure(dialect.status(problem), meaning, dialect.body(problem))
