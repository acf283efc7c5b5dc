"""Every route once: where it is, whom it is for, what it takes and answers.

Flask's routes, the gate in front of them, the description at /openapi.json and the matrix of
roles are held to this table by tests.
"""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import msgspec

from queryapi.access.policy import Permission
from queryapi.api import examples
from queryapi.api.envelope import Enveloped
from queryapi.services.clusters import Clusters
from queryapi.services.health import Liveness, Readiness
from queryapi.services.realtimeanswers import RunningTasks, Status
from queryapi.settings import Api, Auth

# What any path may answer, whatever it is for: some of it before a route is looked for.
_PROBLEMS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
_GUARDED_PROBLEMS = tuple(
    sorted(
        {
            *_PROBLEMS,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        }
    )
)
_READ_PROBLEMS = tuple(sorted({*_GUARDED_PROBLEMS, HTTPStatus.NOT_FOUND}))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query or, when the path names it, of the path."""

    name: str
    about: str
    required: bool = False
    repeated: bool = False
    words: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one route.

    Args:
        method: HTTP method; a GET answers HEAD too.
        path: With parameters as `{name}`.
        api: Whose rules for callers apply; None = open to everyone.
        needs: What a caller must be allowed to do.
        summary: One sentence.
        answer: The type of the whole body; None = text.
        parameters: In the order of the documents.
        problems: What may be answered instead.
        tells_more: Whether an open route tells more to those who may read the real-time API.
        also: Other statuses that the same answer comes with.
        media: Its media type.
        aged: Whether it is kept for a time, and says how old it is.
        example: An answer.
    """

    method: str
    path: str
    api: Api | None
    needs: Permission
    summary: str
    answer: type | None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[HTTPStatus, ...] = _PROBLEMS
    tells_more: bool = False
    also: tuple[HTTPStatus, ...] = ()
    media: str = "application/json"
    aged: bool = False
    example: msgspec.Struct | None = None


_METRICS = Endpoint(
    "GET",
    "/metrics",
    None,
    Permission.READ,
    "The service's own metrics, for Prometheus.",
    None,
    media="text/plain",
)
_CLUSTER = Parameter("cluster", "Name of the cluster.", required=True, example="prod-cluster")

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/v1/realtime/status",
        Api.REALTIME,
        Permission.READ,
        "The state of a cluster in numbers.",
        Enveloped[Status],
        (
            _CLUSTER,
            Parameter(
                "include",
                "Lists to include, repeated or separated by commas; unknown words are ignored.",
                repeated=True,
                words=("nodes", "alerts", "events"),
                example="nodes",
            ),
        ),
        _READ_PROBLEMS,
        aged=True,
        example=examples.STATUS,
    ),
    Endpoint(
        "GET",
        "/api/v1/realtime/running-tasks",
        Api.REALTIME,
        Permission.READ,
        "The GPU pods that are running.",
        Enveloped[RunningTasks],
        (
            _CLUSTER,
            Parameter("namespace", "Only the tasks of this namespace.", example="ml-team"),
        ),
        _READ_PROBLEMS,
        aged=True,
        example=examples.RUNNING_TASKS,
    ),
    Endpoint(
        "GET",
        "/api/v1/clusters",
        Api.REALTIME,
        Permission.READ,
        "The clusters that the caller may see, and whether what is told of each is current.",
        Clusters,
        problems=_GUARDED_PROBLEMS,
        example=examples.CLUSTERS,
    ),
    Endpoint(
        "GET",
        "/healthz",
        None,
        Permission.READ,
        "Whether the process works.",
        Liveness,
        example=examples.LIVENESS,
    ),
    Endpoint(
        "GET",
        "/readyz",
        None,
        Permission.READ,
        "Whether a cluster's Prometheus answers; 503 when none does, or the process ends soon.",
        Readiness,
        tells_more=True,
        also=(HTTPStatus.SERVICE_UNAVAILABLE,),
        example=examples.READINESS,
    ),
    _METRICS,
    Endpoint(
        "GET",
        "/openapi.json",
        None,
        Permission.READ,
        "This description, as OpenAPI 3.1.",
        dict[str, Any],
    ),
    Endpoint(
        "GET",
        "/docs",
        None,
        Permission.READ,
        "This description, as a page to read.",
        None,
        media="text/html",
    ),
    Endpoint(
        "GET",
        "/docs/style.css",
        None,
        Permission.READ,
        "What the page looks like.",
        None,
        media="text/css",
    ),
)


def endpoints_of(auth: Auth) -> tuple[Endpoint, ...]:
    """Return the table as the settings of *auth* have it: they may close the metrics."""
    if auth.metrics == "open":
        return ENDPOINTS
    closed = replace(
        _METRICS, api=Api.REALTIME, needs=Permission.OVERSEE, problems=_GUARDED_PROBLEMS
    )
    return tuple(closed if endpoint is _METRICS else endpoint for endpoint in ENDPOINTS)
