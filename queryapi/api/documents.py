"""`/openapi.json` and `/docs`: the description, made for the first who asks and kept for all."""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec
from flask import Blueprint, Response

from queryapi.api.description.openapi import description
from queryapi.api.description.page import page
from queryapi.api.endpoints import Endpoint
from queryapi.api.manners import respond_with
from queryapi.cache.prepared import Prepared, prepare

# Nothing on the page may do anything but look as its one style sheet says.
_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


def blueprint(endpoints: Sequence[Endpoint], version: str) -> Blueprint:
    """Return the routes that describe *endpoints*."""
    routes = Blueprint("documents", __name__)

    # Most processes are never asked, and to make it takes longer than all else at their start.
    @cache
    def openapi() -> Prepared:
        return prepare(msgspec.json.encode(description(endpoints, version)))

    @cache
    def read() -> Prepared:
        return prepare(page(description(endpoints, version)).encode())

    @cache
    def style() -> Prepared:
        return prepare(resources.files("queryapi.api").joinpath("assets/docs.css").read_bytes())

    @routes.get("/openapi.json")
    def _openapi() -> Response:
        return _send(openapi(), "application/json")

    @routes.get("/docs")
    def _docs() -> Response:
        answer = _send(read(), "text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = _POLICY
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    @routes.get("/docs/style.css")
    def _style() -> Response:
        return _send(style(), "text/css; charset=utf-8")

    return routes


def _send(prepared: Prepared, content_type: str) -> Response:
    # Kept by whoever likes, and asked about each time: the next version's page is never missed.
    return respond_with(prepared, [("Cache-Control", "no-cache")], content_type)
