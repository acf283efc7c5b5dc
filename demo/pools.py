"""The demo's compute pools: registered as anybody would, by the query API's own requests.

Doing it again changes nothing: pools that exist are left as people have made them since.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from demo.asking import asked, patiently
from demo.processes import wait_for

_SECONDS = 120.0

ADOPTED: Mapping[str, Mapping[str, object]] = {
    "training": {
        "name": "ML Training Cluster",
        "description": "High-performance GPU cluster for ML model training",
        "nodeTypes": [
            {"type": "p5.48xlarge", "count": 12},
            {"type": "p4de.24xlarge", "count": 4},
        ],
        "tags": ["ml-training", "high-priority", "production"],
    },
    "inference": {
        "name": "Inference Cluster",
        "description": "Language models behind the products",
        "nodeTypes": [{"type": "a2-ultragpu-8g", "count": 8}],
        "tags": ["inference", "production"],
    },
    "research": {
        "name": "Research Lab",
        "description": "Fine-tuning and experiments",
        "nodeTypes": [{"type": "a3-highgpu-8g", "count": 5}],
        "tags": ["research"],
    },
    "dev": {
        "name": "Development",
        "description": "Notebooks and first tries",
        "nodeTypes": [{"type": "Standard_ND96amsr_A100_v4", "count": 3}],
        "tags": ["development", "testing"],
    },
    "data": {
        "name": "Data Preparation",
        "description": "Features and tokens for training: CPUs only",
        "nodeTypes": [{"type": "m6i.16xlarge", "count": 4}],
        "tags": ["data", "cpu"],
    },
}
"""Pools that the nodes' labels name, by id. `batch` is left as it is found, for you to adopt."""

BURST: Mapping[str, object] = {
    "name": "Burst Capacity",
    "description": "Machines without a pool's label, chosen by what they are",
    "region": "us-west-2",
    "provider": "AWS",
    "nodeTypes": [{"type": "p5.48xlarge", "count": 2}],
    "tags": ["burst"],
    "selector": {"region": ["us-west-2"], "instanceType": ["p5.48xlarge"]},
}
"""A pool that no label tells of."""


def seed(url: str) -> None:
    """Register the demo's pools at the query API whose base URL is *url*.

    Waits until the pools that nodes' labels tell of are found.

    Raises:
        ProcessError: When they are not found in time, or the API refuses or is silent for long.
    """
    wait_for(
        lambda: ADOPTED.keys() <= _pools(url).keys(),
        seconds=_SECONDS,
        what="the pools of the demo's nodes",
        every=0.5,
    )
    there = _pools(url)
    for id_ in ADOPTED:
        if there[id_]["source"] == "labels":
            adopt = partial(asked, f"{url}/api/pools/{id_}", ADOPTED[id_], method="PUT")
            patiently(adopt)
    # By its key it is made once, but keys are forgotten some day, and pools are not.
    if BURST["selector"] not in [pool["selector"] for pool in there.values()]:
        patiently(lambda: asked(f"{url}/api/pools", BURST, key="demo-burst"))


def _pools(url: str) -> dict[str, dict[str, Any]]:
    answer = patiently(lambda: asked(f"{url}/api/pools"))
    return {pool["id"]: pool for pool in answer["pools"]}
