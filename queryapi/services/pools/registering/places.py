"""Where pools can be, and which are there because nodes say so."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from queryapi.errors import InvalidParameter, ResourceNotFound, UpstreamUnavailable
from queryapi.services.pools.membership import cluster_of, is_numbered
from queryapi.services.pools.registering.drafts import Caller, Draft
from queryapi.services.pools.registering.state import State
from queryapi.services.pools.rows import Known, Row, Sight, rows_of


@dataclass(frozen=True, slots=True)
class Places:
    """Where pools can be.

    Args:
        clusters: Those whose nodes pools have.
        default_cluster: The one that is meant where none is named.
        look: Returns what is seen of one, by its name; None = it cannot be read.
    """

    clusters: Collection[str]
    default_cluster: str
    look: Callable[[str], Sight | None]

    def cluster_of(self, draft: Draft, caller: Caller) -> str:
        """Return the cluster that a new pool is for.

        Raises:
            InvalidParameter: When there is no such cluster, or the caller may not know of it.
        """
        cluster = draft.cluster or self.default_cluster
        shown = [name for name in self.clusters if caller.scope.shows(name)]
        if cluster not in shown:
            raise InvalidParameter(f"cluster must be one of {', '.join(shown) or 'none'}")
        return cluster

    def found(self, pool_id: str, caller: Caller, state: State, now: float) -> Row:
        """Return a pool that nodes tell of; or that somebody has just registered.

        Raises:
            ResourceNotFound: When there is none, or the caller may not know of it.
            UpstreamUnavailable: When that cannot be told.
        """
        default = self.default_cluster
        cluster = cluster_of(pool_id, self.clusters, default_cluster=default)
        numbered = is_numbered(pool_id)
        if numbered or cluster not in self.clusters or not caller.scope.shows(cluster):
            raise ResourceNotFound("Pool not found")
        sight = self.look(cluster)
        if sight is None:
            raise UpstreamUnavailable("What nodes say of this pool cannot be read", reason="failed")
        known = Known(cluster, default, state.pools, state.conditions, sight, now)
        row = rows_of(known).get(pool_id)
        if row is None:
            raise ResourceNotFound("Pool not found")
        return row
