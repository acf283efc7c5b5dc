"""What is kept in SQL: the one way to the database, and repositories, one module each.

SQLAlchemy takes a third of a second and 20 MB. So this package names its repositories and loads
each when it is first used, as in `storage.pools.find(session, ...)`: where nothing is kept, nothing
is loaded.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queryapi.storage import (
        activity as activity,
    )
    from queryapi.storage import (
        conditions as conditions,
    )
    from queryapi.storage import (
        creation as creation,
    )
    from queryapi.storage import (
        idempotency as idempotency,
    )
    from queryapi.storage import (
        jobevents as jobevents,
    )
    from queryapi.storage import (
        jobkeeping as jobkeeping,
    )
    from queryapi.storage import (
        joblogs as joblogs,
    )
    from queryapi.storage import (
        jobs as jobs,
    )
    from queryapi.storage import (
        jobsamples as jobsamples,
    )
    from queryapi.storage import (
        leases as leases,
    )
    from queryapi.storage import (
        members as members,
    )
    from queryapi.storage import (
        pools as pools,
    )

_REPOSITORIES = (
    "activity",
    "conditions",
    "creation",
    "idempotency",
    "jobevents",
    "jobkeeping",
    "joblogs",
    "jobs",
    "jobsamples",
    "leases",
    "members",
    "pools",
)


def load() -> None:
    """Load all of it now: before there are children, who share it then."""
    for name in ("engine", *_REPOSITORIES):
        import_module(f"{__name__}.{name}")


def __getattr__(name: str) -> ModuleType:
    # Loading a module makes it an attribute: this is called once for each.
    if name not in _REPOSITORIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
