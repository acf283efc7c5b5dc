"""Where pools can be, and which are there because nodes say so."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from queryapi.access.principal import Scope
from queryapi.errors import InvalidParameter, ResourceNotFound, UpstreamUnavailable
from queryapi.services.pools.membership import cluster_of, is_numbered
from queryapi.services.pools.registering.drafts import Caller, Draft
from queryapi.services.pools.registering.state import State
from queryapi.services.pools.rows import Known, Row, Sight, rows_of
from queryapi.storage.records import Pool


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

    def where(self, pool_id: str, pool: Pool | None, scope: Scope) -> str:
        """Return the cluster of a pool, registered (*pool*) or of an id that one may be found by.

        That of a registered one may be configured no more.

        Raises:
            ResourceNotFound: When there can be none of this id, or *scope* does not show it.
        """
        if pool is not None:
            cluster, known = pool.cluster, True
        else:
            cluster = cluster_of(pool_id, self.clusters, default_cluster=self.default_cluster)
            known = cluster in self.clusters and not is_numbered(pool_id)
        if not known or not scope.shows(cluster):
            raise ResourceNotFound("Pool not found")
        return cluster

    def found(self, pool_id: str, caller: Caller, state: State, now: float) -> Row:
        """Return a pool that nodes tell of; or that somebody has just registered.

        Raises:
            ResourceNotFound: When there is none, or the caller may not know of it.
            UpstreamUnavailable: When that cannot be told.
        """
        default, cluster = self.default_cluster, self.where(pool_id, None, caller.scope)
        sight = self.look(cluster)
        if sight is None:
            raise UpstreamUnavailable("What nodes say of this pool cannot be read", reason="failed")
        known = Known(cluster, default, state.pools, state.conditions, sight, now)
        row = rows_of(known).get(pool_id)
        if row is None:
            raise ResourceNotFound("Pool not found")
        return row
