"""The demo's compute pools: registered as anybody would, by the query API's own requests.

Doing it again changes nothing: pools that exist are left as people have made them since.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from demo.processes import ProcessError, wait_for

_SECONDS = 120.0
_TIMEOUT = 30.0
_OK, _CREATED = 200, 201

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
        ProcessError: When they are not found in time, or the API refuses.
    """
    wait_for(
        lambda: ADOPTED.keys() <= _pools(url).keys(),
        seconds=_SECONDS,
        what="the pools of the demo's nodes",
        every=0.5,
    )
    there = _pools(url)
    for id_, pool in there.items():
        if id_ in ADOPTED and pool["source"] == "labels":
            _send("PUT", f"{url}/api/pools/{id_}", ADOPTED[id_], expects=_OK)
    # By its key it is made once, but keys are forgotten some day, and pools are not.
    if BURST["selector"] not in [pool["selector"] for pool in there.values()]:
        _send("POST", f"{url}/api/pools", BURST, expects=_CREATED, key="demo-burst")


def _pools(url: str) -> dict[str, dict[str, Any]]:
    answer = _send("GET", f"{url}/api/pools", None, expects=_OK)
    return {pool["id"]: pool for pool in answer["pools"]}


def _send(
    method: str, url: str, body: Mapping[str, object] | None, *, expects: int, key: str = ""
) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if key:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(  # noqa: S310 - our own URL
        url, method=method, headers=headers, data=json.dumps(body).encode() if body else None
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, content = error.code, error.read()
    except OSError as error:
        raise ProcessError(f"{method} {url}: {error}") from error
    if status != expects:
        told = content.decode(errors="replace")
        raise ProcessError(f"{method} {url} was answered {status}, not {expects}: {told}")
    found: dict[str, Any] = json.loads(content)
    return found
