"""Every route once: where it is, whom it is for, what it takes and answers.

Flask's routes, the gate in front of them, the description at /openapi.json and the matrix of
roles are held to this table by tests.
"""

from dataclasses import replace

from queryapi.access.policy import Permission
from queryapi.api.endpoints.endpoint import GUARDED_PROBLEMS, Endpoint, Parameter
from queryapi.api.endpoints.jobs import JOBS
from queryapi.api.endpoints.operating import METRICS, OPERATING
from queryapi.api.endpoints.pools import POOLS
from queryapi.api.endpoints.realtime import REALTIME
from queryapi.api.endpoints.scheduling import SCHEDULING
from queryapi.api.endpoints.vitals import VITALS
from queryapi.settings import Api, Auth

__all__ = ["ENDPOINTS", "Endpoint", "Parameter", "endpoints_of"]

ENDPOINTS: tuple[Endpoint, ...] = (
    *REALTIME,
    *VITALS,
    *SCHEDULING,
    *POOLS,
    *JOBS,
    *OPERATING,
)


def endpoints_of(auth: Auth) -> tuple[Endpoint, ...]:
    """Return the table as the settings of *auth* have it: they may close the metrics."""
    if auth.metrics == "open":
        return ENDPOINTS
    closed = replace(METRICS, api=Api.REALTIME, needs=Permission.OVERSEE, problems=GUARDED_PROBLEMS)
    return tuple(closed if endpoint is METRICS else endpoint for endpoint in ENDPOINTS)
