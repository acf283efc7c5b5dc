"""`/api/v1/{workers,operations,scheduler,system}`: scheduler monitoring."""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from flask import Blueprint, Response

from queryapi.access.principal import Principal
from queryapi.api.manners import respond
from queryapi.api.parameters import asked, first, name
from queryapi.api.visit import Query, Ready, visit
from queryapi.errors import InvalidParameter
from queryapi.services.scheduling.model import Stage
from queryapi.services.scheduling.questions import (
    AllWorkers,
    Metrics,
    OneOperation,
    OneWorker,
    Question,
    SomeOperations,
    Status,
)
from queryapi.services.scheduling.service import Scheduling
from queryapi.services.scheduling.systemwatch import SystemWatch
from queryapi.services.snapshot import Answer

STAGES = {
    "queued": Stage.QUEUED,
    "executing": Stage.EXECUTING,
    "completed": Stage.COMPLETED,
    "cache_check": Stage.CACHE_CHECK,
}
LIMIT = 1000
# More operations than anybody has; numbers of thousands of digits are not worth reading.
_DIGITS, _PLENTY = 18, 10**18


class SchedulingApi:
    """The routes, by Flask and, where the answer is there already, without it.

    Args:
        scheduling: Answers all but the health.
        watch: Tells the health.
        default: The cluster meant where none is named.
    """

    def __init__(self, scheduling: Scheduling, watch: SystemWatch, default: str) -> None:
        self._scheduling = scheduling
        self._watch = watch
        self._default = default
        self._fixed: Mapping[str, Callable[[Query], Question]] = {
            "/api/v1/workers": lambda query: AllWorkers(self._cluster(query)),
            "/api/v1/operations": self._some_operations,
            "/api/v1/scheduler/status": lambda query: Status(self._cluster(query)),
            "/api/v1/scheduler/metrics": lambda query: Metrics(self._cluster(query)),
        }

    @property
    def ready(self) -> Mapping[str, Ready]:
        """What answers without Flask, by path."""
        return {path: partial(self._ready, ask) for path, ask in self._fixed.items()}

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("scheduling", __name__)

        for path, ask in self._fixed.items():
            routes.add_url_rule(path, path.replace("/", "-"), partial(self._answer, ask))

        @routes.get("/api/v1/workers/<rest:worker_id>")
        def _worker(worker_id: str) -> Response:
            return self._answer(lambda query: OneWorker(self._cluster(query), worker_id))

        @routes.get("/api/v1/operations/<rest:operation_id>")
        def _operation(operation_id: str) -> Response:
            return self._answer(lambda query: OneOperation(self._cluster(query), operation_id))

        @routes.get("/api/v1/system/health")
        def _health() -> Response:
            told = self._watch.health(self._cluster(asked()), visit().principal.scope)
            answer = Response(msgspec.json.encode(told), mimetype="application/json")
            # Its point is what holds now.
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return routes

    def _answer(self, ask: Callable[[Query], Question]) -> Response:
        return respond(self._scheduling.answer(ask(asked()), visit().principal.scope))

    def _ready(
        self, ask: Callable[[Query], Question], query: Query, principal: Principal
    ) -> Answer | None:
        return self._scheduling.ready(ask(query), principal.scope)

    def _cluster(self, query: Query) -> str:
        return name(query, "cluster") or self._default

    def _some_operations(self, query: Query) -> SomeOperations:
        return SomeOperations(
            self._cluster(query),
            stage=_stage(first(query, "stage")),
            worker_id=name(query, "worker_id") if "worker_id" in query else None,
            limit=_limit(first(query, "limit")),
        )


def _stage(given: str | None) -> Stage | None:
    if given is None:
        return None
    found = STAGES.get(given.lower())
    if found is None:
        raise InvalidParameter(f"Invalid stage: it is one of {', '.join(STAGES)}")
    return found


def _limit(given: str | None) -> int:
    if given is None:
        return LIMIT
    if not (given.isascii() and given.isdigit()):
        raise InvalidParameter("Invalid limit: it is a whole number from 0 on")
    digits = given.lstrip("0") or "0"
    return int(digits) if len(digits) <= _DIGITS else _PLENTY
