"""From what somebody vouches for about a caller to what that caller may do here."""

from collections.abc import Mapping, Sequence

from queryapi.access.principal import NOBODY, Principal, Scope
from queryapi.settings import Grant

_SPACED = frozenset({"scope", "scp"})


def principal_of(name: str, claims: Mapping[str, object], grants: Sequence[Grant]) -> Principal:
    """Return the caller with the role and scope of the first grant that fits; else with none.

    Args:
        name: What the caller is called.
        claims: What is vouched for; a value is text, a list of texts or, for a `scope`, words.
        grants: In the order of the settings.
    """
    for grant in grants:
        if grant.value in _values(grant.claim, claims.get(grant.claim)):
            return Principal(name, grant.role, scope_of(grant.clusters, grant.namespaces))
    return Principal(name, None, NOBODY.scope)


def scope_of(clusters: Sequence[str] | None, namespaces: Sequence[str] | None) -> Scope:
    """Return the limits that a grant or a token names; None = all."""
    return Scope(
        None if clusters is None else frozenset(clusters),
        None if namespaces is None else frozenset(namespaces),
    )


def _values(claim: str, value: object) -> Sequence[object]:
    if isinstance(value, str):
        # RFC 8693, section 4.2: the words of a scope are separated by spaces.
        return value.split(" ") if claim in _SPACED else (value,)
    return value if isinstance(value, Sequence) else ()
