"""Who is let through where: every route, every caller, every configuration.

Written out by hand, so that a change of policy has to be written here too. The guard is held to it
in tests/queryapi/access, and the service as a whole may be held to it over HTTP.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from queryapi.access.policy import Permission
from queryapi.api.endpoints import ENDPOINTS, Endpoint
from queryapi.settings import Anonymous, Api, Role

Configuration = Literal["open", "closed", "anonymous viewer"]
Caller = Literal["nobody", "wrong", "expired", "viewer", "worker", "operator", "admin"]

CALLERS: tuple[Caller, ...] = (
    "nobody", "wrong", "expired", "viewer", "worker", "operator", "admin",
)  # fmt: skip
ANONYMOUS: Mapping[Configuration, Anonymous] = {
    "open": Anonymous(),
    "closed": Anonymous(),
    "anonymous viewer": Anonymous(**dict.fromkeys([api.value for api in Api], Role.VIEWER)),
}

# What a caller meets, in the order of CALLERS: 200 stands for whatever the route answers.
_OPEN_TO_ALL = (200, 200, 200, 200, 200, 200, 200)
_RULES: Mapping[Permission, Mapping[Configuration, tuple[int, ...]]] = {
    #                     nobody wrong expired viewer worker operator admin
    Permission.READ: {
        "closed":           (401, 401, 401, 200, 403, 200, 200),
        "anonymous viewer": (200, 401, 401, 200, 403, 200, 200),
    },
    Permission.OVERSEE: {
        "closed":           (401, 401, 401, 403, 403, 403, 200),
        "anonymous viewer": (401, 401, 401, 403, 403, 403, 200),
    },
    Permission.REPORT: {
        "closed":           (401, 401, 401, 403, 403, 403, 200),
        "anonymous viewer": (403, 401, 401, 403, 403, 403, 200),
    },
    Permission.OPERATE: {
        "closed":           (401, 401, 401, 403, 403, 403, 200),
        "anonymous viewer": (403, 401, 401, 403, 403, 403, 200),
    },
    Permission.ADMINISTER: {
        "closed":           (401, 401, 401, 403, 403, 403, 200),
        "anonymous viewer": (403, 401, 401, 403, 403, 403, 200),
    },
}  # fmt: skip
# Where one API differs from that.
_OWN_RULES: Mapping[tuple[Api, Permission], Mapping[Configuration, tuple[int, ...]]] = {
    (Api.REALTIME, Permission.OVERSEE): {
        "closed":           (401, 401, 401, 200, 403, 200, 200),
        "anonymous viewer": (401, 401, 401, 200, 403, 200, 200),
    },
    (Api.JOBS, Permission.READ): {
        "closed":           (401, 401, 401, 200, 200, 200, 200),
        "anonymous viewer": (200, 401, 401, 200, 200, 200, 200),
    },
    (Api.JOBS, Permission.REPORT): {
        "closed":           (401, 401, 401, 403, 200, 200, 200),
        "anonymous viewer": (403, 401, 401, 403, 200, 200, 200),
    },
    (Api.JOBS, Permission.OPERATE): {
        "closed":           (401, 401, 401, 403, 403, 200, 200),
        "anonymous viewer": (403, 401, 401, 403, 403, 200, 200),
    },
    (Api.POOLS, Permission.OPERATE): {
        "closed":           (401, 401, 401, 403, 403, 200, 200),
        "anonymous viewer": (403, 401, 401, 403, 403, 200, 200),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the matrix: *expected* is the status, 200 for whatever the route answers."""

    configuration: Configuration
    caller: Caller
    endpoint: Endpoint
    expected: int

    def __str__(self) -> str:
        """Return what a failing test is called."""
        return f"{self.configuration}: {self.caller}: {self.endpoint.method} {self.endpoint.path}"


def expected(
    configuration: Configuration, caller: Caller, api: Api | None, needs: Permission
) -> int:
    """Return the status that a caller meets."""
    if configuration == "open" or api is None:
        return _OPEN_TO_ALL[CALLERS.index(caller)]
    rules = _OWN_RULES.get((api, needs), _RULES[needs])
    return rules[configuration][CALLERS.index(caller)]


def rows() -> Iterator[Row]:
    """Yield the whole matrix for the routes there are."""
    for endpoint in ENDPOINTS:
        for configuration in ANONYMOUS:
            for caller in CALLERS:
                status = expected(configuration, caller, endpoint.api, endpoint.needs)
                yield Row(configuration, caller, endpoint, status)
