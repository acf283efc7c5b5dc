"""One answer of every endpoint of compute pools, and what is sent, for readers."""

from queryapi.services.pools.answers import (
    Activities,
    ActivityItem,
    Capacity,
    ChangeItem,
    Deleted,
    History,
    HistoryPoint,
    NodeTypeItem,
    PoolItem,
    PoolList,
    Summary,
)
from queryapi.services.pools.registering.wanted import NodeTypeWanted, PoolChange, PoolWanted
from queryapi.storage.records import Status

_ID, _TIME, _TYPE = "pool-1", "2026-06-10T14:30:00Z", "p4d.24xlarge"

POOL = PoolItem(
    id=_ID,
    name="ML Training Cluster",
    description="High-performance GPU cluster for ML model training",
    status=Status.ACTIVE,
    region="us-east-1",
    provider="AWS",
    node_count=48,
    cpu_utilization=78.5,
    memory_utilization=82.3,
    gpu_utilization=91.7,
    network_utilization=65.2,
    node_types=(NodeTypeItem(_TYPE, 32), NodeTypeItem("p3.16xlarge", 16)),
    tags=("ml-training", "high-priority", "production"),
    created_at="2026-01-15",
    cluster="prod-cluster",
    source="registered",
    selector={"pool": (_ID,)},
    maintenance=False,
    ready_nodes=48,
    gpus=384,
    allocated_gpus=352,
    status_reason="All 48 nodes are ready",
)
POOLS = PoolList(Summary(1, 1, 48, 384), (POOL,))
NEW = PoolWanted(
    name="New Compute Pool",
    description="Description of the new compute pool",
    region="us-west-2",
    provider="AWS",
    node_types=(NodeTypeWanted("g5.12xlarge", 8),),
    tags=("development", "testing"),
)
CREATED = PoolItem(
    id="pool-7",
    name=NEW.name,
    description=NEW.description,
    status=Status.INITIALIZING,
    region=NEW.region,
    provider=NEW.provider,
    node_count=8,
    cpu_utilization=0,
    memory_utilization=0,
    gpu_utilization=0,
    network_utilization=0,
    node_types=(NodeTypeItem("g5.12xlarge", 8),),
    tags=NEW.tags,
    created_at="2026-06-12",
    cluster="prod-cluster",
    source="registered",
    selector={"pool": ("pool-7",)},
    maintenance=False,
    ready_nodes=0,
    gpus=0,
    allocated_gpus=0,
    status_reason="None of 8 nodes has joined yet",
)
CHANGE = PoolChange(node_types=(NodeTypeWanted(_TYPE, 40), NodeTypeWanted("p3.16xlarge", 16)))
DELETED = Deleted()
ACTIVITIES = Activities(
    (
        ActivityItem(
            id="act-1001",
            pool_id=_ID,
            pool_name=POOL.name,
            action="scaling-event",
            details="Scaled from 48 to 56 nodes",
            timestamp=_TIME,
            user="token:admin",
            changes=(ChangeItem("nodeTypes", f"{_TYPE}: 32", f"{_TYPE}: 40"),),
        ),
    )
)
CAPACITY = Capacity(
    pool_id=_ID,
    timestamp=_TIME,
    gpus=8,
    fits=True,
    nodes_that_fit=4,
    pods_that_fit=4,
    largest_block=8,
    free_gpus=32,
    pending_pods=1,
    pending_gpus=8,
)
HISTORY = History(
    pool_id=_ID,
    start="2026-06-10T14:25:00Z",
    end=_TIME,
    step_seconds=300,
    points=(
        HistoryPoint("2026-06-10T14:25:00Z", 48, 384, 352, 78.5, 82.3, 91.7, 65.2),
        HistoryPoint(_TIME, 48, 384, 344, 77.1, 82.0, 90.2, None),
    ),
)
