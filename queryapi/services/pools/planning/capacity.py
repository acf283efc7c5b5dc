"""Whether a pod would find room in a pool now, and what waits for the same GPUs before it."""

from collections import Counter
from collections.abc import Collection

from msgspec import UNSET

from queryapi.services.pools.answers import Capacity
from queryapi.services.pools.model import Blocks, Demand, ModelDemand, NodeClass, Stock
from queryapi.services.pools.parts import BLOCKS, DEMAND, STOCK
from queryapi.services.snapshot import Snapshot
from queryapi.services.wording import amount, second

MOST_GPUS = 1024
"""More than any node has, and no pod may ask for."""

# How the exporter writes the models that a pod takes, and that they are too many to be written.
_BETWEEN, _SEVERAL = "|", "several"

PARTS = (STOCK, BLOCKS, DEMAND)
"""What has to be read: all of it, or there is no answer. Nothing is made up of what is missing."""


def capacity_in(
    snapshot: Snapshot, pool_id: str, gpus: int, kinds: Collection[NodeClass]
) -> Capacity:
    """Return what a snapshot tells of the nodes of a pool.

    Args:
        snapshot: Was read with PARTS; what waits is that which its reader may see.
        pool_id: The pool.
        gpus: GPUs that the pod asks for.
        kinds: The classes of nodes that the pool has in this snapshot.
    """
    return capacity(
        pool_id,
        gpus,
        kinds,
        (snapshot.part(STOCK), snapshot.part(BLOCKS), snapshot.part(DEMAND)),
        at=snapshot.freshness.at,
        stale=snapshot.freshness.stale,
    )


def capacity(
    pool_id: str,
    gpus: int,
    kinds: Collection[NodeClass],
    told: tuple[Stock, Blocks, Demand],
    *,
    at: float,
    stale: bool = False,
) -> Capacity:
    """Return whether a pod finds room on one of the pool's nodes, and what waits for them.

    Args:
        pool_id: The pool.
        gpus: GPUs that the pod asks for, of one resource: they do not span two.
        kinds: The classes of nodes that the pool has.
        told: What is seen of the cluster's nodes, and what waits there.
        at: The Unix time of that.
        stale: Whether it is old.
    """
    stock, blocks, demand = told
    own = frozenset(kinds)
    nodes = _nodes_by_block(blocks, own)
    fitting = {block: count for block, count in nodes.items() if block >= gpus}
    models = frozenset(each.kind.model for each in stock if each.kind in own and each.gpus)
    waiting = [one for one in demand if _may_be_meant(one, models)]
    return Capacity(
        pool_id=pool_id,
        timestamp=second(at),
        gpus=gpus,
        fits=bool(fitting),
        nodes_that_fit=sum(fitting.values()),
        pods_that_fit=sum(block // gpus * count for block, count in fitting.items()),
        largest_block=max(nodes, default=0),
        free_gpus=amount(sum(each.free for each in stock if each.kind in own)),
        pending_pods=sum(one.pods for one in waiting),
        pending_gpus=amount(sum(one.gpus for one in waiting)),
        stale=True if stale else UNSET,
    )


def _nodes_by_block(blocks: Blocks, own: Collection[NodeClass]) -> Counter[int]:
    """Return how many of the pool's nodes have so many free GPUs of one resource, if any have."""
    nodes: Counter[int] = Counter()
    for each in blocks:
        if each.kind in own:
            nodes.update(each.nodes)
    return +nodes


def _may_be_meant(demand: ModelDemand, models: Collection[str]) -> bool:
    """Tell whether what waits could run on nodes of *models*, empty = one that nobody tells.

    What names none takes any; what names more than can be listed may well name one of these.
    """
    wanted = frozenset(filter(None, demand.model.split(_BETWEEN)))
    return bool(models) and (not wanted or _SEVERAL in wanted or not wanted.isdisjoint(models))
