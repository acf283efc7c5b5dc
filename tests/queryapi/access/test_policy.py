"""Which role may do what."""

from queryapi.access.policy import Permission, permits
from queryapi.settings import Api, Role


def allowed(role: Role | None, needs: Permission) -> set[str]:
    """Return the APIs in which *role* may do what *needs* says."""
    return {api.value for api in Api if permits(role, needs, api)}


def test_the_table_of_roles() -> None:
    """A viewer reads, a worker reads and reports jobs, an operator writes; an admin does all."""
    everywhere = {"realtime", "health", "monitoring", "pools", "jobs"}
    read, oversee, report, operate, administer = Permission

    assert {
        "viewer": [everywhere, {"realtime"}, set(), set(), set()],
        "worker": [{"jobs"}, set(), {"jobs"}, set(), set()],
        "operator": [everywhere, {"realtime"}, {"jobs"}, {"pools", "jobs"}, set()],
        "admin": [everywhere] * 5,
    } == {
        role.value: [allowed(role, needs) for needs in (read, oversee, report, operate, administer)]
        for role in Role
    }


def test_no_role_may_nothing() -> None:
    """Whoever is known and was granted nothing is let in nowhere."""
    assert [set()] * 5 == [allowed(None, needs) for needs in Permission]
