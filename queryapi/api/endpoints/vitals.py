"""Real-time metrics: how the services around the clusters are."""

from queryapi.access.policy import Permission
from queryapi.api import examples
from queryapi.api.endpoints.endpoint import GUARDED_PROBLEMS, Endpoint, Parameter
from queryapi.services.vitals.answers import RealTimeMetrics
from queryapi.settings import Api

MAX_AGE = r"[0-9]{1,4}(?:\.[0-9]{1,3})?"
# 60 to 2592000 seconds, 1 to 43200 minutes, 1 to 720 hours, 1 to 30 days.
COMPARE = (
    "(?:[6-9][0-9]|[1-9][0-9]{2,5}|1[0-9]{6}|2[0-4][0-9]{5}|25[0-8][0-9]{4}|259[01][0-9]{3}"
    "|2592000)s"
    "|(?:[1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)m"
    "|(?:[1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)h"
    "|(?:[1-9]|[12][0-9]|30)d"
)

STREAMS = {"/api/v1/real-time-metrics/ws": "/api/v1/real-time-metrics", "/ws": "/api/jobs"}
"""Paths of WebSockets, which another listener serves, by the route that shows who may open them."""

VITALS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/v1/real-time-metrics",
        Api.HEALTH,
        Permission.READ,
        "How every service is, in one answer; 200 with zeros and `error` when nothing can be read.",
        RealTimeMetrics,
        (
            Parameter(
                "max_age",
                "Age in seconds up to which a look at the services will do; else a new one is"
                " waited for, of which one begins in a second.",
                pattern=MAX_AGE,
                example="2",
            ),
            Parameter(
                "compare",
                "A period from 1m to 30d: adds the numbers of that long ago, and where they went.",
                pattern=COMPARE,
                example="1h",
            ),
        ),
        GUARDED_PROBLEMS,
        aged=True,
        example=examples.REAL_TIME_METRICS,
    ),
)
