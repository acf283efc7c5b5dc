"""`/api/v1/realtime`: the state of a cluster, and who is running."""

import math

import msgspec
from flask import Blueprint, Response, request

from queryapi.errors import InvalidParameter
from queryapi.services.realtime import Extra, Realtime, running_tasks, status
from queryapi.services.snapshot import Snapshot

_OK = {"code": 2000, "message": "OK"}


def blueprint(realtime: Realtime) -> Blueprint:
    """Return the routes, answered by *realtime*."""
    routes = Blueprint("realtime", __name__, url_prefix="/api/v1/realtime")

    @routes.get("/status")
    def _status() -> Response:
        cluster, extras = _cluster(), _extras()
        snapshot = realtime.for_status(cluster, extras)
        view = ("status", extras)
        return _answer(snapshot, snapshot.answer(view, lambda s: _success(status(s, extras))))

    @routes.get("/running-tasks")
    def _running_tasks() -> Response:
        cluster, namespace = _cluster(), request.args.get("namespace") or None
        snapshot = realtime.for_running_tasks(cluster)
        view = ("running-tasks", namespace)
        return _answer(
            snapshot, snapshot.answer(view, lambda s: _success(running_tasks(s, namespace)))
        )

    return routes


def _cluster() -> str:
    cluster = request.args.get("cluster", "")
    if not cluster:
        raise InvalidParameter("Invalid parameter: cluster is required")
    return cluster


def _extras() -> frozenset[Extra]:
    """Return the known words of `include`, repeated or separated by commas, in any case."""
    given = {
        word.strip().lower()
        for value in request.args.getlist("include")
        for word in value.split(",")
    }
    return frozenset(extra for extra in Extra if extra.value in given)


def _success(data: msgspec.Struct) -> bytes:
    return msgspec.json.encode({"meta": _OK, "data": data})


def _answer(snapshot: Snapshot, body: bytes) -> Response:
    freshness = snapshot.freshness
    answer = Response(body, mimetype="application/json")
    # RFC 9111: what is left of the window is max-age - Age; a stale answer's Age is beyond it.
    lifetime = math.floor(freshness.lifetime)
    answer.headers["Cache-Control"] = f"private, max-age={lifetime}"
    answer.headers["Age"] = str(math.floor(freshness.age))
    if freshness.stale:
        answer.headers["Warning"] = '110 - "Response is Stale"'
    return answer
