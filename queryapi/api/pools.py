"""`/api/pools`: compute pools, read and changed."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from flask import Blueprint, Response, request

from queryapi.access.principal import Principal
from queryapi.api.bodies import body_of
from queryapi.api.endpoints.pools import GPUS, LIMIT, MOST_ACTIVITIES, PATH
from queryapi.api.manners import respond, respond_changed, respond_now
from queryapi.api.parameters import asked, count, name, period
from queryapi.api.poolquestions import before
from queryapi.api.preconditions import expected_of, repeatable_of
from queryapi.api.visit import Query, Ready, visit
from queryapi.services.pools.answers import Deleted
from queryapi.services.pools.planning.capacity import MOST_GPUS
from queryapi.services.pools.registering.drafts import Caller, draft_of, patch_of
from queryapi.services.pools.service import Pools
from queryapi.services.snapshot import Answer


class PoolsApi:
    """The routes, by Flask and, where the list is there already, without it.

    Args:
        pools: Reads and changes them.
    """

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    @property
    def ready(self) -> Mapping[str, Ready]:
        """What answers without Flask, by path."""
        return {PATH: self._ready_list}

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("pools", __name__, url_prefix=PATH)
        for path, method, answer in (
            ("", "GET", self._list),
            ("", "POST", self._create),
            ("/activity", "GET", self._activity),
            ("/<pool_id>", "GET", self._one),
            ("/<pool_id>", "PUT", self._update),
            ("/<pool_id>", "DELETE", self._delete),
            ("/<pool_id>/capacity", "GET", self._capacity),
            ("/<pool_id>/history", "GET", self._history),
        ):
            routes.add_url_rule(path, answer.__name__, answer, methods=[method])
        return routes

    def _ready_list(self, query: Query, principal: Principal) -> Answer | None:  # noqa: ARG002 - Ready has it
        return self._pools.ready_list(principal.scope)

    def _list(self) -> Response:
        return respond(self._pools.list(visit().principal.scope))

    def _one(self, pool_id: str) -> Response:
        found = self._pools.one(pool_id, visit().principal.scope)
        return respond(found.answer, version=found.version)

    def _create(self) -> Response:
        body = body_of(request)
        repeat = repeatable_of(request, body)
        written = self._pools.create(draft_of(body.fields), _caller(), repeat)
        place = f"{PATH}/{quote(written.pool_id, safe='')}"
        replayed = [("Idempotency-Replayed", "true")] if written.replayed else []
        return respond_changed(
            written.body,
            written.version,
            status=HTTPStatus.CREATED,
            headers=[("Location", place), *replayed],
        )

    def _update(self, pool_id: str) -> Response:
        body, expected = body_of(request), expected_of(request)
        found = self._pools.update(pool_id, patch_of(body.fields), _caller(), expected)
        return respond_changed(found.answer.prepared.body, found.version)

    def _delete(self, pool_id: str) -> Response:
        self._pools.delete(pool_id, _caller(), expected_of(request))
        return respond_now(Deleted())

    def _activity(self) -> Response:
        query = asked()
        return respond_now(
            self._pools.activity(
                visit().principal.scope,
                limit=count(query, "limit", LIMIT, most=MOST_ACTIVITIES),
                pool_id=name(query, "poolId") or None,
                before=before(query),
            )
        )

    def _capacity(self, pool_id: str) -> Response:
        gpus = count(asked(), "gpus", GPUS, most=MOST_GPUS)
        return respond(self._pools.capacity(pool_id, visit().principal.scope, gpus=gpus))

    def _history(self, pool_id: str) -> Response:
        query, scope = asked(), visit().principal.scope
        seconds, step = period(query, "range"), period(query, "step")
        return respond(self._pools.history(pool_id, scope, seconds=seconds, step=step))


def _caller() -> Caller:
    principal = visit().principal
    return Caller(principal.name, principal.scope)
