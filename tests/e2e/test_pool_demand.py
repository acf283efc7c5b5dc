"""What waits for a pool's GPUs, as everybody sees it and as callers held to namespaces do."""

from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from queryapi.settings import Role
from tests.support.access import issue
from tests.support.cluster_objects import Content, pod
from tests.support.pools_observed import Observed, observed, west_node
from tests.support.stack import READY_SECONDS

pytestmark = pytest.mark.e2e

_PODS = (
    pod("ours", namespace="ml", node_name="a", gpus=2),
    pod("theirs", namespace="ops", node_name="b", gpus=3),
    pod("ours-next", namespace="ml", phase="Pending", gpus=4),
    pod("theirs-next", namespace="ops", phase="Pending", gpus=8),
)


def _cut() -> Content:
    """Return a node whose one GPU is cut into seven: nobody gets a whole one there."""
    cut = west_node("d")
    for told in ("capacity", "allocatable"):
        del cut["status"][told]["nvidia.com/gpu"]
        cut["status"][told]["nvidia.com/mig-1g.10gb"] = "7"
    return cut


def _answer(running: Observed, path: str, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{running.urls[0]}/api/pools/{path}", headers=headers, timeout=20)


def _told(running: Observed, path: str, token: str) -> dict[str, Any]:
    answer = _answer(running, path, token)
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_who_plans_sees_what_waits_before_them(tmp_path: Path) -> None:
    """Pods of all namespaces, or of the caller's; machines are everybody's to see."""
    tokens = tmp_path / "tokens"
    every = issue(tokens, Role.VIEWER, name="every")
    ours = issue(tokens, Role.VIEWER, name="ours", namespaces=("ml",))
    with observed(
        tmp_path,
        f"sqlite:///{tmp_path / 'pools.db'}",
        others=(_cut(), *_PODS),
        auth={"tokens_file": str(tokens)},
    ) as running:

        def is_seen() -> bool:
            # Until Prometheus has anything, nobody can tell that there is such a pool.
            answer = _answer(running, "west", every)
            return answer.ok and bool(answer.json()["allocatedGpus"] == 2 + 3)

        wait_for(is_seen, seconds=READY_SECONDS, what="the pods", every=0.2)
        whole, own = (_told(running, "west/capacity?gpus=6", who) for who in (every, ours))
        machines = {
            "fits": True, "nodesThatFit": 2, "podsThatFit": 2, "largestBlock": 8, "freeGpus": 19,
        }  # fmt: skip

        assert machines | {"pendingPods": 2, "pendingGpus": 12} == _numbers(whole)
        assert machines | {"pendingPods": 1, "pendingGpus": 4} == _numbers(own)
        seen = _told(running, "west", ours)
        assert (4, 25, 2) == (seen["readyNodes"], seen["gpus"], seen["allocatedGpus"])

        def is_past() -> bool:
            newest = [
                _told(running, "west/history?range=60s&step=15s", who)["points"][-1]
                for who in (every, ours)
            ]
            return [(one["gpus"], one["allocatedGpus"]) for one in newest] == [(25, 5), (25, None)]

        wait_for(is_past, seconds=READY_SECONDS, what="a moment in the past", every=1)


def _numbers(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in told.keys() - {"poolId", "timestamp", "gpus"}}
