"""Slices → pools: which generation of each counts, and what GPUs it lists.

A driver updates a pool slice by slice, and until the last one is there the pool is incomplete:
only its newest generation counts, and only with all its slices (ResourceSliceSpec's `pool`). What
was last complete stands in meanwhile, or a node would lose its GPUs for as long as that takes.
"""

from dataclasses import dataclass

from exporter.cluster.devices.chips import Layout, lay_out
from exporter.cluster.devices.index import Index
from exporter.cluster.devices.slices import PoolKey, Slice


class _Pool:
    """The slices of one pool and the layout in force; None before it was first complete."""

    def __init__(self) -> None:
        self.slices: dict[str, Slice] = {}
        self.layout: Layout | None = None
        self._counted: list[Slice] = []

    def refresh(self) -> bool:
        """Lay out the slices that count; True when they are others than before."""
        counted = self._in_force()
        if counted == self._counted:
            return False
        self._counted = counted
        self.layout = lay_out(device for it in counted for device in it.devices)
        return True

    def _in_force(self) -> list[Slice]:
        generations: dict[int, list[Slice]] = {}
        for uid in sorted(self.slices):
            it = self.slices[uid]
            generations.setdefault(it.generation, []).append(it)
        newest = max(generations, default=0)
        for generation in sorted(generations, reverse=True):
            slices = generations[generation]
            if len(slices) >= max(it.count for it in slices):
                return slices
            if generation == newest and self._counted:
                return self._counted
        return []


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of slices touches: pools, and the nodes that have GPUs of them."""

    pools: frozenset[PoolKey] = frozenset()
    nodes: frozenset[str] = frozenset()

    def __or__(self, other: "Changed") -> "Changed":
        return Changed(self.pools | other.pools, self.nodes | other.nodes)


class Pools:
    """Every pool of the GPU drivers."""

    def __init__(self) -> None:
        self._slices: dict[str, Slice] = {}
        self._pools: dict[PoolKey, _Pool] = {}
        self._of_node: Index[str, PoolKey] = Index()

    def __len__(self) -> int:
        return len(self._slices)

    @property
    def uids(self) -> frozenset[str]:
        """The UIDs of all slices."""
        return frozenset(self._slices)

    def put(self, new: Slice) -> Changed:
        """Take in a new or changed slice."""
        known = self._slices.get(new.uid)
        if known == new:
            return Changed()
        moved = self.drop(new.uid) if known and known.pool != new.pool else Changed()
        self._slices[new.uid] = new
        if not new.counts:
            return moved
        self._pools.setdefault(new.pool, _Pool()).slices[new.uid] = new
        return moved | self._refresh(new.pool)

    def drop(self, uid: str) -> Changed:
        """Forget a slice; with the last of its pool the pool goes."""
        known = self._slices.pop(uid, None)
        if known is None or not known.counts:
            return Changed()
        del self._pools[known.pool].slices[uid]
        return self._refresh(known.pool)

    def layout(self, pool: PoolKey) -> Layout | None:
        """Return the layout in force of a pool; None when there is none."""
        found = self._pools.get(pool)
        return found.layout if found else None

    def of_node(self, node: str) -> list[tuple[PoolKey, Layout]]:
        """Return the pools that have GPUs on a node, in the order of their names."""
        found = [(key, self.layout(key)) for key in self._of_node[node]]
        return [(key, layout) for key, layout in found if layout]

    def _refresh(self, key: PoolKey) -> Changed:
        pool = self._pools[key]
        before = pool.layout
        if pool.slices:
            if not pool.refresh():
                return Changed()
            after = pool.layout
        else:
            del self._pools[key]
            after = None
        nodes = self._replace(key, before, after)
        return Changed(frozenset({key}), nodes)

    def _replace(self, key: PoolKey, old: Layout | None, new: Layout | None) -> frozenset[str]:
        nodes: set[str] = set()
        if old:
            nodes |= old.chips.keys()
            self._of_node.discard(old.chips, key)
        if new:
            nodes |= new.chips.keys()
            self._of_node.add(new.chips, key)
        return frozenset(nodes - {""})
