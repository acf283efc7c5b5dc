"""`/api/v1/real-time-metrics`: whether the services around the clusters are well."""

import re
from collections.abc import Mapping

from flask import Blueprint, Response

from queryapi.access.principal import Principal
from queryapi.api.endpoints.vitals import COMPARE, MAX_AGE
from queryapi.api.manners import respond
from queryapi.api.parameters import asked, first
from queryapi.api.visit import Query, Ready, visit
from queryapi.errors import InvalidParameter
from queryapi.services.snapshot import Answer
from queryapi.services.vitals.service import Period, Question, Vitals

PATH = "/api/v1/real-time-metrics"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SECONDS = re.compile(MAX_AGE)
_PERIOD = re.compile(COMPARE)
_EVERYTHING = Question()


class VitalsApi:
    """The route, by Flask and, where the answer is there already, without it.

    Args:
        vitals: Answers it.
    """

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    @property
    def ready(self) -> Mapping[str, Ready]:
        """What answers without Flask, by path."""
        return {PATH: self._ready}

    def blueprint(self) -> Blueprint:
        """Return the route."""
        routes = Blueprint("vitals", __name__)

        @routes.get(PATH)
        def _metrics() -> Response:
            question = question_of(asked())
            return respond(self._vitals.metrics(question, visit().principal.scope))

        return routes

    def _ready(self, query: Query, principal: Principal) -> Answer | None:
        return self._vitals.ready_metrics(question_of(query), principal.scope)


def question_of(query: Query) -> Question:
    """Return what is asked for; raises InvalidParameter."""
    if not query:
        return _EVERYTHING
    return Question(_max_age(first(query, "max_age")), _period(first(query, "compare")))


def _max_age(text: str | None) -> float | None:
    if not text:
        return None
    if not _SECONDS.fullmatch(text):
        raise InvalidParameter(
            "Invalid parameter: max_age must be a number of seconds from 0 to 9999.999"
        )
    return float(text)


def _period(text: str | None) -> Period | None:
    if not text:
        return None
    if not _PERIOD.fullmatch(text):
        raise InvalidParameter(
            "Invalid parameter: compare must be a whole number followed by s, m, h or d, from 1m"
            " to 30d"
        )
    return Period(text, int(text[:-1]) * _UNITS[text[-1]])
