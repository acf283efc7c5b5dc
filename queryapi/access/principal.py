"""A caller, as the rest of the service sees one."""

from dataclasses import dataclass

from queryapi.settings import Role


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see; None = all. Part of the key of everything cached for them."""

    clusters: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None

    def shows(self, cluster: str) -> bool:
        """Tell whether the caller may know of *cluster*."""
        return self.clusters is None or cluster in self.clusters


EVERYTHING = Scope()
"""What the service itself sees."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking.

    Args:
        name: For logs, limits and records, such as `token:ci` or `anonymous`; never a secret.
        role: What they may do; None = nothing.
        scope: What they may see.
    """

    name: str
    role: Role | None
    scope: Scope = EVERYTHING


NOBODY = Principal("anonymous", None, Scope(frozenset(), frozenset()))
"""Whoever asks what is open to everyone, and did not say who they are."""
