"""Which pools there are, and which nodes came to them, left them or were cordoned."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from queryapi.services.pools.lifecycle import Seen, Terms
from queryapi.services.pools.membership import Found, assign
from queryapi.services.pools.model import NodeClass, PoolNode, PoolNodes
from queryapi.storage.records import Condition, Member, Pool

# Found pools are never called so.
_REGISTERED = re.compile(r"pool-[0-9]+")


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored.

    Args:
        pools: Registered ones of any cluster, oldest first.
        members: Those of the cluster's pools, by node.
        conditions: Those of the cluster's pools, by pool.
    """

    pools: Sequence[Pool]
    members: Mapping[str, Member]
    conditions: Mapping[str, Condition]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a cluster.

    Args:
        cluster: The cluster.
        nodes: All nodes that it has.
        at: The moment that they are seen at, by the clock of Prometheus: what is seen for a while
            is measured by it, so that a clock that jumps here moves nothing.
        wall: What entries are dated with: people compare them with what they did themselves.
        unbroken: Whether it continues the look before.
    """

    cluster: str
    nodes: PoolNodes
    at: float
    wall: float
    unbroken: bool


@dataclass(slots=True)
class PoolSeen:
    """A pool that is there, and the nodes that are seen in it."""

    name: str
    pool: Pool | None
    nodes: list[PoolNode] = field(default_factory=list)

    @property
    def seen(self) -> Seen:
        """The pool as one look shows it."""
        ready = sum(node.ready for node in self.nodes)
        cordoned = sum(node.cordoned for node in self.nodes)
        if self.pool is None:
            return Seen(len(self.nodes), ready, cordoned, wanted=len(self.nodes))
        return Seen(
            len(self.nodes),
            ready,
            cordoned,
            self.pool.wanted,
            self.pool.maintenance,
            self.pool.resized_at,
        )


def pools_of(pools: Sequence[Pool], sight: Look, default_cluster: str) -> dict[str, PoolSeen]:
    """Return the pools that there are now, by id, with their nodes."""
    kinds = sorted({node.kind for node in sight.nodes})
    shared = assign(kinds, pools, sight.cluster, default_cluster=default_cluster)
    registered = {pool.id: pool for pool in pools if pool.cluster == sight.cluster}
    seen = {id_: PoolSeen(pool.name, pool) for id_, pool in registered.items()}
    seen |= {one.id: PoolSeen(one.label, None) for one in shared.found}
    homes = dict(_homes(shared.registered, shared.found))
    for node in {node.name: node for node in sight.nodes}.values():
        if node.kind in homes:
            seen[homes[node.kind]].nodes.append(node)
    return seen


def _homes(
    registered: Mapping[str, Iterable[NodeClass]], found: Mapping[Found, Iterable[NodeClass]]
) -> Iterator[tuple[NodeClass, str]]:
    for id_, kinds in registered.items():
        yield from ((kind, id_) for kind in kinds)
    for one, kinds in found.items():
        yield from ((kind, one.id) for kind in kinds)


class Moves:
    """Which nodes came, went, or were cordoned."""

    def __init__(
        self, known: Stored, sight: Look, terms: Terms, pools: Mapping[str, PoolSeen]
    ) -> None:
        self._known = known
        self._sight = sight
        self._terms = terms
        self._pools = pools
        self.members: dict[str, Member] = dict(known.members)
        self.came: dict[str, list[Member]] = defaultdict(list)
        self.went: dict[str, list[Member]] = defaultdict(list)
        self.cordons: dict[tuple[str, bool], list[str]] = defaultdict(list)
        homes = {node.name: (id_, node) for id_, one in sorted(pools.items()) for node in one.nodes}
        for name, (home, node) in homes.items():
            self._look_at(self.members.get(name), home, node)
        for name in known.members.keys() - homes.keys():
            self._miss(self.members[name])

    @property
    def changed(self) -> tuple[Member, ...]:
        """The members that are not stored so."""
        before = self._known.members
        return tuple(one for name, one in self.members.items() if before.get(name) != one)

    @property
    def left(self) -> tuple[str, ...]:
        """The nodes that are members no more."""
        return tuple(sorted(self._known.members.keys() - self.members.keys()))

    def _look_at(self, member: Member | None, home: str, node: PoolNode) -> None:
        now = Member(self._sight.cluster, node.name, home, node.kind.instance_type, node.cordoned)
        if member is None:
            self.came[home].append(now)
        elif member.pool_id != home:
            # A label may be gone for a moment too: as with a node, that must last.
            if not self._miss(member):
                return
            self.came[home].append(now)
        elif member.cordoned is not node.cordoned:
            self.cordons[home, node.cordoned].append(node.name)
        self.members[node.name] = now

    def _miss(self, member: Member) -> bool:
        """Note that a node is not where it was; tells whether it has left."""
        if self._is_deleted(member.pool_id):
            # That is all there is to tell of it.
            del self.members[member.node]
            return True
        at, since = self._sight.at, member.missing_since
        if since is None or not self._sight.unbroken or since > at:
            since = at
        if at - since < self._terms.settle:
            self.members[member.node] = replace(member, missing_since=since)
            return False
        del self.members[member.node]
        self.went[member.pool_id].append(member)
        return True

    def _is_deleted(self, pool_id: str) -> bool:
        """Tell whether somebody deleted a pool: its condition went with it."""
        if pool_id in self._pools:
            return False
        known = self._known.conditions
        return pool_id not in known or _REGISTERED.fullmatch(pool_id) is not None
