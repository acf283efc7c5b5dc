"""One cluster's compute pools: what is wanted of each, and the nodes it has; pure functions."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from queryapi.services.pools.membership import Found, assign, is_numbered, label_of
from queryapi.services.pools.model import ClassNumbers, NodeClass, Stock
from queryapi.storage.records import Condition, NodeType, Pool

FOUND = 0
"""The version of a pool that nobody has registered."""
_UNKNOWN_TYPE = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is seen of a cluster's nodes.

    Args:
        stock: The numbers of all nodes, by class.
        held: What the work that the caller may see holds; None = they see all work.
    """

    stock: Stock
    held: Stock | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one cluster's pools.

    Args:
        cluster: Its name.
        default_cluster: The one whose found pools have plain ids.
        pools: Those that are registered, of any cluster, oldest first.
        conditions: What was seen of pools before, by id.
        sight: What is seen now; None = nothing can be read.
        now: The time, in Unix seconds.
    """

    cluster: str
    default_cluster: str
    pools: tuple[Pool, ...]
    conditions: Mapping[str, Condition]
    sight: Sight | None
    now: float


@dataclass(frozen=True, slots=True)
class Row:
    """One pool: what is wanted of it, and the numbers of its nodes by class.

    Args:
        pool: As it is registered; of a found one, what its nodes say, in version FOUND.
        classes: What is seen of its nodes.
        condition: What was seen before.
    """

    pool: Pool
    classes: Sequence[ClassNumbers] = ()
    condition: Condition | None = None


def rows_of(known: Known) -> dict[str, Row]:
    """Return a cluster's pools by id: the registered ones by age, then found ones by id."""
    numbers = numbers_of(known.sight)
    default, conditions = known.default_cluster, known.conditions
    membership = assign(numbers, known.pools, known.cluster, default_cluster=default)
    rows = {
        pool.id: Row(
            pool,
            [numbers[kind] for kind in membership.registered[pool.id]],
            conditions.get(pool.id),
        )
        for pool in known.pools
        if pool.cluster == known.cluster
    }
    registered = {pool.id for pool in known.pools}
    unregistered = {id_: conditions[id_] for id_ in conditions.keys() - registered}
    labels = None if known.sight is None else {kind.pool for kind in numbers}
    found: dict[Found, Sequence[ClassNumbers]] = {
        **dict.fromkeys(remembered(known.cluster, unregistered, labels), ()),
        **{one: [numbers[kind] for kind in kinds] for one, kinds in membership.found.items()},
    }
    for one in sorted(found, key=lambda one: one.id):
        if one.id not in rows:
            rows[one.id] = found_row(one, found[one], conditions.get(one.id), known.now)
    return rows


def found_row(
    one: Found, classes: Sequence[ClassNumbers], condition: Condition | None, now: float
) -> Row:
    """Return a pool that nodes of some classes tell of."""
    since = condition.first_seen if condition else now
    return Row(_found_pool(one, classes, since), classes, condition)


def numbers_of(sight: Sight | None) -> dict[NodeClass, ClassNumbers]:
    """Return the numbers of each class of nodes that is seen."""
    if sight is None:
        return {}
    if sight.held is None:
        return {one.kind: one for one in sight.stock}
    held = {one.kind: one.allocated for one in sight.held}
    return {one.kind: _with_held(one, held.get(one.kind, 0.0)) for one in sight.stock}


def _with_held(one: ClassNumbers, held: float) -> ClassNumbers:
    return ClassNumbers(one.kind, one.nodes, one.ready, one.cordoned, one.gpus, held, one.free)


def remembered(
    cluster: str, conditions: Mapping[str, Condition], labels: Container[str] | None
) -> tuple[Found, ...]:
    """Return the found pools of a cluster whose nodes were seen before, and are not now.

    Args:
        cluster: The cluster.
        conditions: What was seen of pools that nobody has registered, by id, as long as their
            nodes are remembered.
        labels: Those that nodes have; None = that cannot be read.
    """
    known = (
        Found(id_, cluster, label_of(id_, cluster))
        for id_, condition in conditions.items()
        if condition.cluster == cluster
    )
    return tuple(one for one in known if labels is None or is_away(one, labels))


def is_away(one: Found, labels: Container[str]) -> bool:
    """Tell whether a pool that was seen before may be back; where others have its nodes it is not.

    Args:
        one: The pool.
        labels: Those that nodes have now.
    """
    return one.label not in labels and not is_numbered(one.id)


def _found_pool(one: Found, classes: Sequence[ClassNumbers], since: float) -> Pool:
    kinds = [numbers.kind for numbers in classes]
    types: Counter[str] = Counter()
    for numbers in classes:
        kind = numbers.kind
        types[kind.instance_type or kind.model or _UNKNOWN_TYPE] += round(numbers.nodes)
    return Pool(
        id=one.id,
        cluster=one.cluster,
        name=one.label,
        description="",
        region=_all(kind.region for kind in kinds),
        provider=_all(kind.provider for kind in kinds),
        node_types=tuple(NodeType(type_, count) for type_, count in sorted(types.items()) if count),
        tags=(),
        selector={"pool": (one.label,)},
        maintenance=False,
        created_at=since,
        updated_at=since,
        resized_at=since,
        version=FOUND,
    )


def _all(values: Iterable[str]) -> str:
    """Return what some nodes say, in one text."""
    return ", ".join(sorted(set(filter(None, values))))
