"""`/api/v1/clusters`: what there is to ask about."""

import msgspec
from flask import Blueprint, Response

from queryapi.api.visit import visit
from queryapi.services.clusters import ClusterList


def blueprint(clusters: ClusterList) -> Blueprint:
    """Return the route, answered by *clusters*."""
    routes = Blueprint("clusters", __name__)

    @routes.get("/api/v1/clusters")
    def _clusters() -> Response:
        body = msgspec.json.encode(clusters.visible(visit().principal.scope))
        answer = Response(body, mimetype="application/json")
        # Its point is what holds now, and for this caller alone.
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return routes
