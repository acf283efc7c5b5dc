"""What a Prometheus tells of a small fleet's pools: one that labels name, and nodes of none."""

from typing import Any

from queryapi.promql import poolhistory, poolqueries

Series = dict[str, Any]

A100, H100 = "a100", "h100"
"""The pools that labels name."""

# A word of each question, and the part that it asks for.
PARTS = {
    "max by(__name__) (cluster:pool_nodes": "poolpast",
    "cluster:pool_nodes": "poolstock",
    "count_values by(pool": "poolblocks",
    "label_replace(count by(gpu_model)": "pooldemand",
    "sum by(pool,model": "poolheld",
}


def _of(pool: str, value: float | str, name: str = "", **labels: str) -> Series:
    kind = {
        "pool": pool,
        "model": "NVIDIA-H100-80GB-HBM3",
        "instance_type": "p5.48xlarge",
        "zone": "us-east-1a",
        "region": "us-east-1",
        "provider": "aws",
    }
    named = {"__name__": name} if name else {}
    return {"metric": {**named, **kind, "cluster": "c", **labels}, "value": [1000, str(value)]}


def small() -> dict[str, list[Series]]:
    """Return the parts: of each pool two nodes, all Ready and half busy; one pod waits."""
    ratios = [name for name in poolhistory.WORK if "ratio" in name]
    stock = [
        _of(pool, value, name)
        for pool in (A100, H100)
        for name, value in (
            ("pool:nodes:count", 2),
            ("pool:nodes_ready:sum", 2),
            ("pool:nodes_cordoned:sum", 0),
            ("pool:gpu_allocatable:sum", 16),
            ("pool:gpu_allocated:sum", 8),
            ("pool:gpu_free:sum", 8),
            *((name, 1 if name.endswith("sum") else 2) for name in ratios),
        )
    ]
    nodes = {
        "metric": {"__name__": poolqueries.POOL_NODES, "cluster": "c"},
        "value": [1000, "4"],
    }
    return {
        "poolstock": [nodes, *stock],
        "poolblocks": [_of(pool, 1, gpus="8") for pool in (A100, H100)],
        "poolheld": [_of(H100, 4)],
        "pooldemand": [
            {"metric": {"gpu_model": "", "told": told}, "value": [1000, value]}
            for told, value in (("pods", "1"), ("gpus", "8"))
        ],
    }
