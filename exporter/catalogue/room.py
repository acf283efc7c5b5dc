"""What there is room for in a cluster."""

from exporter.catalogue.family import SHARD, Family, Role

FREE_BLOCK = Family(
    "gpu_free_block",
    "Most wholly free GPUs of one resource on one node that takes work, by pool and model.",
    ("pool", "model"),
    Role.CLUSTER,
)
FREE_NODES = Family(
    "gpu_free_nodes",
    "Nodes that take work and have at least so many wholly free GPUs of one resource.",
    ("gpus", SHARD),
    Role.CLUSTER,
)
CLIQUE_FREE = Family(
    "gpu_clique_free",
    "Wholly free GPUs on the nodes of one NVLink clique that take work.",
    ("clique", SHARD),
    Role.CLUSTER,
)
ORPHANED = Family(
    "gpu_orphaned_allocated",
    "GPUs requested by live pods that are bound to nodes which do not exist.",
    (SHARD,),
    Role.CLUSTER,
)
PENDING_REQUESTED = Family(
    "gpu_pending_requested",
    "GPUs asked for by pods that no node has taken, by why not.",
    ("namespace", "reason", SHARD),
    Role.CLUSTER,
)
PENDING_PODS = Family(
    "gpu_pending_pods",
    "Pods that ask for GPUs and that no node has taken, by why not.",
    ("namespace", "reason", SHARD),
    Role.CLUSTER,
)
