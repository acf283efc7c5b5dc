"""Which nodes belong to which pool: every class of nodes to one at most."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from queryapi.services.pools.model import NodeClass
from queryapi.storage.records import Pool, Selector

FACTS: Mapping[str, str] = {
    "pool": "pool",
    "model": "model",
    "instanceType": "instance_type",
    "zone": "zone",
    "region": "region",
    "provider": "provider",
}
"""What a selector may ask for, by the name that clients know it by."""
NAMES_OF_FACTS: Mapping[str, str] = {fact: name for name, fact in FACTS.items()}

_NUMBERED = re.compile(r"pool-[0-9]+")
_RESERVED = re.compile(r"activity|pool-[0-9]+|label\..*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """A pool that only its nodes' labels tell of.

    Args:
        id: Its name in paths.
        cluster: Its cluster.
        label: The value of its nodes' pool label.
    """

    id: str
    cluster: str
    label: str


@dataclass(frozen=True, slots=True)
class Membership:
    """Who has which nodes, in one cluster.

    Args:
        registered: The classes of nodes of each registered pool, by its id.
        found: Those of each pool that was found.
    """

    registered: Mapping[str, tuple[NodeClass, ...]]
    found: Mapping[Found, tuple[NodeClass, ...]]


def found_id(cluster: str, label: str, *, default_cluster: str) -> str:
    """Return the id of the pool that nodes' label names: never one that a registered pool gets."""
    id_ = f"label.{label}" if _RESERVED.fullmatch(label) else label
    return id_ if cluster == default_cluster else f"{cluster}:{id_}"


def is_numbered(pool_id: str) -> bool:
    """Tell whether a pool of this id was created, and not found."""
    return _NUMBERED.fullmatch(pool_id) is not None


def cluster_of(pool_id: str, clusters: Iterable[str], *, default_cluster: str) -> str:
    """Return the cluster in which a pool of this id would be found, of those there are."""
    others = (name for name in clusters if name != default_cluster)
    named = [name for name in others if pool_id.startswith(f"{name}:")]
    return max(named, key=len, default=default_cluster)


def label_of(pool_id: str, cluster: str) -> str:
    """Return the label of the nodes of a found pool: what `found_id` made its id of."""
    # No label has a colon: what is before it is the cluster's name, of the default one too where
    # somebody else has the plain id.
    return pool_id.removeprefix(f"{cluster}:").removeprefix("label.")


def fits(selector: Selector, kind: NodeClass) -> bool:
    """Tell whether nodes of this class are meant."""
    # Asked of each class of nodes for each pool: a loop is twice as fast as all() of a generator.
    for fact, values in selector.items():
        if getattr(kind, fact) not in values:
            return False
    return bool(selector)


def assign(
    kinds: Iterable[NodeClass], pools: Iterable[Pool], cluster: str, *, default_cluster: str
) -> Membership:
    """Return who has which nodes of a cluster.

    Args:
        kinds: The classes of nodes there are.
        pools: Registered ones of any cluster, oldest first: the first that fits has the nodes.
        cluster: The cluster.
        default_cluster: The one whose found pools have plain ids.
    """
    return shared(kinds, Owners(pools), cluster, default_cluster=default_cluster)


def shared(
    kinds: Iterable[NodeClass], all_owners: "Owners", cluster: str, *, default_cluster: str
) -> Membership:
    """Return the same of pools whose nodes have been told apart before."""
    owners = all_owners.of(cluster)
    registered: dict[str, list[NodeClass]] = {id_: [] for id_ in owners.ids}
    found: dict[Found, list[NodeClass]] = {}
    for kind in kinds:
        owner = owners.of(kind)
        if owner is not None:
            registered[owner].append(kind)
        elif kind.pool:
            id_ = owners.free_id(cluster, kind.pool, default_cluster=default_cluster)
            found.setdefault(Found(id_, cluster, kind.pool), []).append(kind)
    return Membership(
        {id_: tuple(classes) for id_, classes in registered.items()},
        {one: tuple(classes) for one, classes in found.items()},
    )


class Owners:
    """Tells which registered pool has nodes of a class, by cluster.

    Args:
        pools: All of them, oldest first.
    """

    def __init__(self, pools: Iterable[Pool]) -> None:
        self._pools = tuple(pools)
        self._made: dict[str, ClusterOwners] = {}

    def of(self, cluster: str) -> "ClusterOwners":
        """Return those of one cluster, made when somebody asks."""
        made = self._made.get(cluster)
        if made is None:
            own = (pool for pool in self._pools if pool.cluster == cluster)
            others = (pool.id for pool in self._pools if pool.cluster != cluster)
            made = self._made[cluster] = ClusterOwners(own, others)
        return made


class ClusterOwners:
    """Finds the first pool that fits without asking all: most ask for nodes of one label.

    Args:
        pools: The cluster's pools, oldest first.
        taken: The ids of other clusters' pools.
    """

    def __init__(self, pools: Iterable[Pool], taken: Iterable[str] = ()) -> None:
        self._taken = frozenset(taken)
        self.ids: list[str] = []
        self._by_label: dict[str, list[tuple[int, Selector]]] = {}
        self._others: list[tuple[int, Selector]] = []
        for place, pool in enumerate(pools):
            self.ids.append(pool.id)
            labels = pool.selector.get("pool")
            if labels is None:
                self._others.append((place, pool.selector))
            for label in labels or ():
                self._by_label.setdefault(label, []).append((place, pool.selector))

    def of(self, kind: NodeClass) -> str | None:
        """Return the id of the oldest pool that means nodes of this class."""
        first = len(self.ids)
        for some in (self._by_label.get(kind.pool, ()), self._others):
            for place, selector in some:
                if place >= first:
                    break
                if fits(selector, kind):
                    first = place
                    break
        return self.ids[first] if first < len(self.ids) else None

    def free_id(self, cluster: str, label: str, *, default_cluster: str) -> str:
        """Return the id of the pool that nodes' label names, which no other cluster's pool has."""
        id_ = found_id(cluster, label, default_cluster=default_cluster)
        # One may have been adopted elsewhere, in what was the default cluster then.
        return f"{cluster}:{id_}" if id_ in self._taken else id_
