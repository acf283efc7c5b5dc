"""What a look at a cluster's nodes changes: members, conditions, and what there is to tell."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from queryapi.services.pools import lifecycle
from queryapi.services.pools.lifecycle import Seen, Terms
from queryapi.services.pools.membership import is_numbered
from queryapi.services.pools.observing.moves import Look, Moves, PoolSeen, Stored, pools_of
from queryapi.storage.records import Activity, Change, Condition, Member, Status

SYSTEM = "system"
"""Who tells of what nobody has asked for."""

_NAMED = 20

# Whoever reads them one by one finds a node in one pool at a time.
_ORDER = (
    *("node-removed", "pool-gone", "pool-discovered"),
    *("node-added", "maintenance", "status-changed"),
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is to be stored, all of it or nothing.

    Args:
        conditions: New ones.
        ended: Pools that are gone.
        members: New ones.
        left: Nodes that belong to no pool any more.
        activities: What happened.
        statuses: The states of all pools of the cluster.
    """

    conditions: tuple[Condition, ...]
    ended: tuple[str, ...]
    members: tuple[Member, ...]
    left: tuple[str, ...]
    activities: tuple[Activity, ...]
    statuses: tuple[Status, ...]

    def __bool__(self) -> bool:
        """Tell whether anything has changed."""
        return any((self.conditions, self.ended, self.members, self.left, self.activities))


def compare(known: Stored, sight: Look, terms: Terms, *, default_cluster: str) -> Findings:
    """Return what a look changes of what is stored.

    Args:
        known: What is stored.
        sight: The look.
        terms: When what is seen counts.
        default_cluster: The one whose found pools have plain ids.
    """
    pools = pools_of(known.pools, sight, default_cluster)
    moves = Moves(known, sight, terms, pools)
    return _Verdict(known, sight, terms, pools, moves).findings()


class _Verdict:
    """What all of it means for the pools."""

    def __init__(
        self,
        known: Stored,
        sight: Look,
        terms: Terms,
        pools: Mapping[str, PoolSeen],
        moves: Moves,
    ) -> None:
        self._known = known
        self._sight = sight
        self._terms = terms
        self._pools = pools
        self._moves = moves
        self._told: list[Activity] = []
        self._conditions: dict[str, Condition] = dict(known.conditions)

    def findings(self) -> Findings:
        """Return what is to be stored."""
        at_home: dict[str, list[str]] = defaultdict(list)
        for member in self._moves.members.values():
            at_home[member.pool_id].append(member.node)
        for id_, one in sorted(self._pools.items()):
            self._judge(id_, one, at_home.get(id_, ()))
        self._tell_of_nodes()
        ended = self._conditions.keys() - self._pools.keys() - at_home.keys()
        for id_ in sorted(ended):
            # That one was deleted was told by who did it.
            if not is_numbered(id_):
                self._tell(id_, "pool-gone", "Gone: it has no nodes any more")
        before = self._known.conditions
        return Findings(
            tuple(one for id_, one in self._conditions.items() if before.get(id_) != one),
            tuple(sorted(ended)),
            self._moves.changed,
            self._moves.left,
            tuple(sorted(self._told, key=lambda told: _ORDER.index(told.action))),
            tuple(self._conditions[id_].status for id_ in self._pools if id_ in self._conditions),
        )

    def _judge(self, id_: str, one: PoolSeen, at_home: Sequence[str]) -> None:
        sight, seen = self._sight, one.seen
        past = self._conditions.get(id_)
        if past is None and one.pool is not None:
            past = lifecycle.registered(id_, sight.cluster, one.name, sight.at)
        if past is not None:
            now = lifecycle.step(past, seen, sight.at, self._terms, unbroken=sight.unbroken)
            self._conditions[id_] = replace(now, name=one.name)
            if now.status is not past.status:
                self._tell_of_status(id_, past, now, seen)
        elif at_home:
            # Nodes that only visit it for now make no pool.
            begun = lifecycle.found(id_, sight.cluster, one.name, seen, sight.at)
            self._conditions[id_] = begun
            self._moves.came.pop(id_, None)
            details = f"Found {_count(len(at_home))} by the label {one.name}"
            self._tell(id_, "pool-discovered", details, nodes=at_home)

    def _tell_of_nodes(self) -> None:
        for id_, members in sorted(self._moves.went.items()):
            for kind, nodes in _by_type(members):
                self._tell(id_, "node-removed", f"Removed {_count(len(nodes), kind)}", nodes=nodes)
        for id_, members in sorted(self._moves.came.items()):
            for kind, nodes in _by_type(members):
                details = f"Added {_count(len(nodes), f'new {kind}')}"
                self._tell(id_, "node-added", details, nodes=nodes)
        for (id_, cordoned), nodes in sorted(self._moves.cordons.items()):
            what = nodes[0] if len(nodes) == 1 else _count(len(nodes))
            details = f"{'Cordoned' if cordoned else 'Uncordoned'} {what}"
            self._tell(id_, "maintenance", details, nodes=nodes)

    def _tell_of_status(self, id_: str, past: Condition, now: Condition, seen: Seen) -> None:
        why = lifecycle.reason(now.status, seen)
        details = f"Status changed from {past.status} to {now.status}: {why}"
        changes = (Change("status", past.status.value, now.status.value),)
        self._tell(id_, "status-changed", details, changes=changes)

    def _tell(
        self,
        id_: str,
        action: str,
        details: str,
        *,
        nodes: Iterable[str] = (),
        changes: tuple[Change, ...] = (),
    ) -> None:
        named = tuple(sorted(nodes)[:_NAMED])
        name = self._conditions[id_].name if id_ in self._conditions else id_
        self._told.append(
            Activity(
                id_,
                name,
                self._sight.cluster,
                action,
                details,
                self._sight.wall,
                SYSTEM,
                changes,
                named,
            )
        )


def _by_type(members: Iterable[Member]) -> Iterator[tuple[str, list[str]]]:
    types: dict[str, list[str]] = defaultdict(list)
    for member in members:
        types[member.instance_type].append(member.node)
    yield from sorted(types.items())


def _count(nodes: int, kind: str = "") -> str:
    """Return `8 new p4d.24xlarge nodes`."""
    words = (str(nodes), *kind.split(), "node" if nodes == 1 else "nodes")
    return " ".join(words)
