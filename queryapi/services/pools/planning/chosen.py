"""Which nodes a pool has, told apart from those of other pools by what chooses them."""

from collections.abc import Iterable
from typing import NamedTuple

from queryapi.services.pools.membership import Found
from queryapi.storage.records import Pool, Selector

Facts = tuple[tuple[str, tuple[str, ...]], ...]
"""A selector in one order: equal ones are equal texts."""

_NONE: Facts = ()


class Chosen(NamedTuple):
    """What chooses the nodes of one pool.

    Args:
        cluster: Their cluster.
        own: The pool's selector; without facts it chooses none.
        others: What chooses those among them that other pools have.
    """

    cluster: str
    own: Facts
    others: tuple[Facts, ...] = ()

    @property
    def length(self) -> int:
        """How many characters all values have together."""
        every = (values for facts in (self.own, *self.others) for _, values in facts)
        return sum(len(value) for values in every for value in values)


def chosen_by(pool: Pool, pools: Iterable[Pool]) -> Chosen:
    """Return what chooses the nodes of a registered *pool*; *pools* are all, oldest first."""
    older = []
    for each in pools:
        if each.id == pool.id:
            break
        older.append(each)
    return _chosen(pool.cluster, pool.selector, older)


def chosen_of(found: Found, pools: Iterable[Pool]) -> Chosen:
    """Return what chooses the nodes of a pool that was found: registered *pools* come before it."""
    return _chosen(found.cluster, {"pool": (found.label,)}, pools)


def _chosen(cluster: str, selector: Selector, before: Iterable[Pool]) -> Chosen:
    own = _facts(selector)
    common = (
        _both(own, _facts(each.selector)) for each in before if own and each.cluster == cluster
    )
    return Chosen(cluster, own, tuple(sorted({facts for facts in common if facts})))


def _facts(selector: Selector) -> Facts:
    """Return a selector's facts, none where no node can have them."""
    if not all(selector.values()):
        return _NONE
    return tuple(sorted((fact, tuple(sorted(set(of)))) for fact, of in selector.items()))


def _both(one: Facts, other: Facts) -> Facts:
    """Return what nodes are chosen by that both choose, none where there can be no such node."""
    if not one or not other:
        return _NONE
    found = dict(one)
    for fact, values in other:
        found[fact] = tuple(v for v in found[fact] if v in values) if fact in found else values
    return _facts(found)
