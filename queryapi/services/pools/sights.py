"""What callers see of clusters' nodes, and how old it is."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from queryapi.access.principal import EVERYTHING, Scope
from queryapi.services.freshness import Freshness
from queryapi.services.part import Part
from queryapi.services.pools.gathering import Gathering
from queryapi.services.pools.parts import HELD, STOCK
from queryapi.services.pools.rows import Sight
from queryapi.services.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What was read of one cluster.

    Args:
        cluster: Its name.
        sight: Its nodes; None = they cannot be read.
        freshness: How old that is.
    """

    cluster: str
    sight: Sight | None = None
    freshness: Freshness | None = None

    @property
    def stale(self) -> bool:
        """Whether it is old."""
        return self.freshness is not None and self.freshness.stale


class Sights:
    """Reads what answers need of clusters' nodes.

    Args:
        gathering: Reads parts.
        clusters: Those that have any.
    """

    def __init__(self, gathering: Gathering, clusters: Collection[str]) -> None:
        self._gathering = gathering
        self._clusters = clusters

    def look(self, cluster: str) -> Sight | None:
        """Return what there is to see of a cluster, by whoever may see everything."""
        return self.one(cluster, EVERYTHING).sight

    def one(self, cluster: str, scope: Scope) -> Glimpse:
        """Return what *scope* shows of a cluster, after waiting as long as any request may."""
        if cluster not in self._clusters:
            return Glimpse(cluster)
        return _glimpse(cluster, self._gathering.one(cluster, scope, _parts(scope)), scope)

    def soon(self, cluster: str, scope: Scope) -> Glimpse:
        """Return the same to whoever must not wait long."""
        return self._glimpses([cluster], scope, self._gathering.soon)[0]

    def all(self, clusters: Iterable[str], scope: Scope) -> tuple[Glimpse, ...]:
        """Return what *scope* shows of some clusters, of which one that hangs holds up no other."""
        return self._glimpses(clusters, scope, self._gathering.all)

    def at_hand(self, clusters: Iterable[str], scope: Scope) -> tuple[Glimpse, ...] | None:
        """Return what `all` would, if all of it is there; never waits."""
        found = []
        for cluster in clusters:
            if cluster not in self._clusters:
                found.append(Glimpse(cluster))
                continue
            snapshot = self._gathering.at_hand(cluster, scope, _parts(scope))
            if snapshot is None:
                return None
            found.append(_glimpse(cluster, snapshot, scope))
        return tuple(found)

    def _glimpses(
        self,
        clusters: Iterable[str],
        scope: Scope,
        read: Callable[..., Mapping[str, Snapshot | None]],
    ) -> tuple[Glimpse, ...]:
        names = tuple(clusters)
        known = [name for name in names if name in self._clusters]
        found = read(known, scope, _parts(scope))
        return tuple(_glimpse(name, found.get(name), scope) for name in names)


def _parts(scope: Scope) -> tuple[Part[Any], ...]:
    return (STOCK,) if scope.namespaces is None else (STOCK, HELD)


def _glimpse(cluster: str, snapshot: Snapshot | None, scope: Scope) -> Glimpse:
    if snapshot is None:
        return Glimpse(cluster)

    def see() -> Sight:
        held = None if scope.namespaces is None else snapshot.part(HELD)
        return Sight(snapshot.part(STOCK), held)

    return Glimpse(cluster, snapshot.derived("pools' sight", see), snapshot.freshness)
