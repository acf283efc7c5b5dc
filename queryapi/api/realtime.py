"""`/api/v1/realtime`: the state of a cluster, and who is running."""

from collections.abc import Mapping
from functools import lru_cache

from flask import Blueprint, Response

from queryapi.access.principal import Principal
from queryapi.api.manners import respond
from queryapi.api.parameters import asked, name
from queryapi.api.visit import Query, Ready, visit
from queryapi.errors import InvalidParameter
from queryapi.services.realtime import Extra, Realtime, StatusQuestion, TasksQuestion
from queryapi.services.snapshot import Answer

_PREFIX = "/api/v1/realtime"
_INCLUDES_KEPT = 128
_EXTRAS = {extra.value: extra for extra in Extra}


class RealtimeApi:
    """The two routes, by Flask and, where the answer is there already, without it.

    Args:
        realtime: Answers them.
    """

    def __init__(self, realtime: Realtime) -> None:
        self._realtime = realtime

    @property
    def ready(self) -> Mapping[str, Ready]:
        """What answers without Flask, by path."""
        return {
            f"{_PREFIX}/status": self._ready_status,
            f"{_PREFIX}/running-tasks": self._ready_running_tasks,
        }

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("realtime", __name__, url_prefix=_PREFIX)

        @routes.get("/status")
        def _status() -> Response:
            scope = visit().principal.scope
            return respond(self._realtime.status(_status_question(asked()), scope))

        @routes.get("/running-tasks")
        def _running_tasks() -> Response:
            scope = visit().principal.scope
            question = _tasks_question(asked())
            return respond(self._realtime.running_tasks(question, scope))

        return routes

    def _ready_status(self, query: Query, principal: Principal) -> Answer | None:
        return self._realtime.ready_status(_status_question(query), principal.scope)

    def _ready_running_tasks(self, query: Query, principal: Principal) -> Answer | None:
        return self._realtime.ready_running_tasks(_tasks_question(query), principal.scope)


def _status_question(query: Query) -> StatusQuestion:
    return StatusQuestion(_cluster(query), _extras(tuple(query.get("include", ()))))


def _tasks_question(query: Query) -> TasksQuestion:
    return TasksQuestion(_cluster(query), name(query, "namespace") or None)


def _cluster(query: Query) -> str:
    cluster = name(query, "cluster")
    if not cluster:
        raise InvalidParameter("Invalid parameter: cluster is required")
    return cluster


@lru_cache(_INCLUDES_KEPT)
def _extras(include: tuple[str, ...]) -> frozenset[Extra]:
    """Return the known words of `include`, repeated or separated by commas, in any case."""
    words = (word for value in include for word in value.split(","))
    return frozenset(
        _EXTRAS[word] for word in (w.strip().lower() for w in words) if word in _EXTRAS
    )
