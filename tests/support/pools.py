"""Pools and nodes for tests: as short as what a promise is about."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queryapi.access.principal import Scope
from queryapi.services.pools.model import ClassNumbers, Measured, NodeClass, Stock
from queryapi.services.pools.registering.drafts import Caller, Draft, Repeatable
from queryapi.services.pools.registering.places import Places
from queryapi.services.pools.registering.registry import Registry
from queryapi.services.pools.rows import Sight
from queryapi.storage.engine import Store
from queryapi.storage.records import NodeType, Pool
from tests.support.fake_prometheus import Clock

ADMIN = Caller("admin", Scope())
NOON = 1_700_049_600.0
"""2023-11-15T12:00:00Z."""
WHOLE: Mapping[str, Any] = {
    "name": "New Compute Pool",
    "description": "Description of the new compute pool",
    "region": "us-west-2",
    "provider": "AWS",
    "nodeTypes": [{"type": "g5.12xlarge", "count": 8}],
    "tags": ["development", "testing"],
}
"""The body of a new pool, as the document shows it."""
KEY = Repeatable("k", "digest")
DRAFT = Draft("Training", "us-east-1", "AWS", (NodeType("p4d.24xlarge", 8),))


def kind(pool: str = "", **facts: str) -> NodeClass:
    """Return a class of nodes."""
    return NodeClass(
        **{"model": "", "instance_type": "p4d", "zone": "", "region": "", "provider": ""} | facts,
        pool=pool,
    )


def numbers(of: NodeClass, nodes: int = 1, **told: Any) -> ClassNumbers:
    """Return the numbers of so many good nodes with eight GPUs each, half of them held."""
    whole = ClassNumbers(
        of,
        nodes=nodes,
        ready=nodes,
        gpus=8 * nodes,
        allocated=4 * nodes,
        cpu=Measured(nodes, nodes),
    )
    return replace(whole, **told)


def pool(id_: str = "pool-1", **told: Any) -> Pool:
    """Return a registered pool of one node."""
    whole = Pool(
        id=id_,
        cluster="c",
        name="Training",
        description="",
        region="us-east-1",
        provider="AWS",
        node_types=(NodeType("p4d", 1),),
        tags=(),
        selector={"pool": (id_,)},
        maintenance=False,
        created_at=NOON,
        updated_at=NOON,
        resized_at=NOON,
    )
    return replace(whole, **told)


class Sky:
    """What there is to see of each cluster, as a test says."""

    def __init__(self, **stocks: Stock | None) -> None:
        self.stocks = stocks

    def look(self, cluster: str) -> Sight | None:
        """Return it."""
        stock = self.stocks[cluster]
        return None if stock is None else Sight(stock)


def registry(store: Store | None, sky: Sky | None = None, clock: Clock | None = None) -> Registry:
    """Return a registry of the clusters c, the default one, and d."""
    sky = sky or Sky(c=(), d=())
    return Registry(store, Places(("c", "d"), "c", sky.look), clock or Clock(NOON), most=50)


def told(pools: Registry) -> list[tuple[str, str]]:
    """Return what happened: actions and their sentences, oldest first."""
    return [(one.action, one.details) for one in reversed(pools.activity(None, limit=100))]
