"""Who may do what: one table of roles, permissions and APIs."""

from collections.abc import Mapping
from enum import StrEnum

from queryapi.settings import Api, Role


class Permission(StrEnum):
    """What a route asks of its callers.

    `OVERSEE` is to read what names every cluster and job: with a token that is limited to none.
    """

    READ = "read"
    OVERSEE = "oversee"
    REPORT = "report"
    OPERATE = "operate"
    ADMINISTER = "administer"


_ALL = frozenset(Api)
_JOBS = frozenset({Api.JOBS})
_REALTIME = frozenset({Api.REALTIME})

# No ladder: a worker's token lies beside somebody's program, so it reads nothing but jobs.
_TABLE: Mapping[Role, Mapping[Permission, frozenset[Api]]] = {
    Role.VIEWER: {Permission.READ: _ALL, Permission.OVERSEE: _REALTIME},
    Role.WORKER: {Permission.READ: _JOBS, Permission.REPORT: _JOBS},
    Role.OPERATOR: {
        Permission.READ: _ALL,
        Permission.OVERSEE: _REALTIME,
        Permission.REPORT: _JOBS,
        Permission.OPERATE: frozenset({Api.POOLS, Api.JOBS}),
    },
    Role.ADMIN: dict.fromkeys(Permission, _ALL),
}


def permits(role: Role | None, needs: Permission, api: Api) -> bool:
    """Tell whether callers of *role* may do what *needs* says in *api*; None may nothing."""
    return role is not None and api in _TABLE[role].get(needs, frozenset())
