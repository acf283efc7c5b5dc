"""What those ask who operate the service, and the description of it all."""

from http import HTTPStatus
from typing import Any

from queryapi.access.policy import Permission
from queryapi.api import examples
from queryapi.api.endpoints.endpoint import Endpoint
from queryapi.services.health import Liveness, Readiness

METRICS = Endpoint(
    "GET",
    "/metrics",
    None,
    Permission.READ,
    "The service's own metrics, for Prometheus.",
    None,
    media="text/plain",
    everywhere=True,
)
OPERATING: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/healthz",
        None,
        Permission.READ,
        "Whether the process works.",
        Liveness,
        example=examples.LIVENESS,
        everywhere=True,
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
    METRICS,
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
