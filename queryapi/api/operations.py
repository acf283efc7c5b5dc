"""What operators and their tools ask: is it alive, can it answer, what does it count."""

from http import HTTPStatus

import msgspec
from flask import Blueprint, Response, request

from queryapi.api.manners import respond_with
from queryapi.api.visit import visit
from queryapi.cache.prepared import prepare
from queryapi.services.health import Health, Liveness
from queryapi.telemetry.metrics import Metrics

_FRESH = [("Cache-Control", "no-store")]


def blueprint(health: Health, metrics: Metrics) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("operations", __name__)

    @routes.get("/healthz")
    def _healthz() -> Response:
        return _json(Liveness(alive=True), HTTPStatus.OK)

    @routes.get("/readyz")
    def _readyz() -> Response:
        readiness = health.readiness(visit().principal.scope)
        return _json(
            readiness, HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        )

    @routes.get("/metrics")
    def _metrics() -> Response:
        body, content_type = metrics.exposition(request.headers.get("Accept", ""))
        return respond_with(prepare(body), _FRESH, content_type)

    return routes


def _json(body: object, status: HTTPStatus) -> Response:
    answer = Response(msgspec.json.encode(body), status=status, mimetype="application/json")
    answer.headers.extend(_FRESH)
    return answer
