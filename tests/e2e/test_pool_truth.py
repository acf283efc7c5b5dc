"""Pools over a fleet that never stands still: they add up to what the real-time API says."""

import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from demo import pools as demo_pools
from demo import stack
from demo.processes import wait_for
from tests.support.pool_writers import activities
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e

GPUS = 300
POLLS, MOVES = 40, 3
PAUSE, NEAR = 0.1, 20
"""Seconds between two polls, and polls within which both have told of the same evaluation."""
TTL = 0.2
FOUND = {"training", "research", "inference", "dev", "batch", "data"}
IN_NO_POOL = "gpu-h100-19"
GAUGES = [f"{what}Utilization" for what in ("cpu", "memory", "gpu", "network")]
SETTINGS = {
    "cache": {"ttl": TTL, "stale": 5.0},
    "pools": {"ttl": TTL, "observe": 1, "settle": 0},
}


@pytest.fixture(name="living", scope="module")
def _living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("truth")
    settings = {**SETTINGS, "database_url": prepared(folder)}
    with running_stack(folder, "living", hosts=True, settings=settings) as whole:
        whole.wait_for_totals(GPUS)
        demo_pools.seed(whole.api_url)
        wait_for(
            lambda: all(pool["cpuUtilization"] for pool in _told(whole)["pools"]),
            seconds=READY_SECONDS,
            what="pools whose nodes are measured",
        )
        yield whole


def _list(running: RunningStack) -> requests.Response:
    return requests.get(f"{running.api_url}/api/pools", timeout=20)


def _told(running: RunningStack) -> Any:
    answer = _list(running)
    assert answer.status_code == requests.codes.ok, answer.text
    return answer.json()


def _totals(status: dict[str, Any]) -> tuple[float, float]:
    """Return the GPUs of all nodes that are in a pool, and those of them that pods hold."""
    usage = status["current_gpu_usage"]
    [other] = [node for node in status["nodes"] if node["node_name"] == IN_NO_POOL]
    total = usage["total_gpus"] - other["total_gpus"]
    return total, round(usage["allocated_gpus"] - other["allocated_gpus"], 6)


def _of_pools(told: dict[str, Any]) -> tuple[float, float]:
    pools = told["pools"]
    return (
        sum(pool["gpus"] for pool in pools),
        round(sum(pool["allocatedGpus"] for pool in pools), 6),
    )


def test_pools_add_up_to_the_status(living: RunningStack) -> None:
    """At every moment the pools, and the node that is in none, have the GPUs of the status.

    Both tell of the rules' evaluations, one a second, and are asked many times in that second: what
    the pools say is what the status said a moment before or says a moment later.
    """
    statuses: list[tuple[float, float]] = []
    pools: list[tuple[float, float]] = []
    while len(pools) < POLLS or len(set(pools)) < MOVES:
        statuses.append(_totals(living.status(include="nodes")))
        pools.append(_of_pools(_told(living)))
        time.sleep(PAUSE)
    for _ in range(NEAR):
        statuses.append(_totals(living.status(include="nodes")))
        time.sleep(PAUSE)

    assert [] == [
        (number, told)
        for number, told in enumerate(pools)
        if told not in statuses[max(0, number - NEAR) : number + NEAR]
    ]


def test_every_pool_is_whole(living: RunningStack) -> None:
    """Whatever moves: no pool has more GPUs held than it has, no gauge leaves 0 to 100."""
    for _ in range(POLLS // 2):
        time.sleep(PAUSE)
        told = _told(living)
        pools = {pool["id"]: pool for pool in told["pools"]}

        assert {*FOUND, "pool-1"} == set(pools)
        assert all(0 <= pool[gauge] <= 100 for pool in pools.values() for gauge in GAUGES)
        assert all(0 <= pool["allocatedGpus"] <= pool["gpus"] for pool in pools.values())
        assert all(pool["readyNodes"] <= pool["nodeCount"] for pool in pools.values())
        assert told["summary"]["totalCapacity"] == sum(pool["gpus"] for pool in pools.values())


def test_what_is_measured_is_said(living: RunningStack) -> None:
    """CPU, memory and network are measured here, devices are not: each pool says so."""
    pools = _told(living)["pools"]

    assert {("gpuUtilization",)} == {tuple(pool["unmeasured"]) for pool in pools}
    assert all(pool[gauge] > 0 for pool in pools for gauge in GAUGES if gauge != GAUGES[2])


def test_a_pool_without_gpus(living: RunningStack) -> None:
    """Its nodes count as any others; it adds nothing to the capacity."""
    [data] = [pool for pool in _told(living)["pools"] if pool["id"] == "data"]

    assert (4, 4, 0, 0, "active") == tuple(
        data[field] for field in ("nodeCount", "readyNodes", "gpus", "allocatedGpus", "status")
    )


def test_places_are_read_from_the_nodes(living: RunningStack) -> None:
    """Region and provider of a found pool are what its nodes' labels and ids say."""
    pools = {pool["id"]: (pool["region"], pool["provider"]) for pool in _told(living)["pools"]}

    assert {
        "training": ("us-east-1", "AWS"),
        "research": ("us-central1", "GCP"),
        "inference": ("us-central1", "GCP"),
        "dev": ("westeurope", "Azure"),
        "batch": ("eu-west-1", "AWS"),
        "data": ("us-east-1", "AWS"),
        "pool-1": ("us-west-2", "AWS"),
    } == pools


def test_seeding_again_changes_nothing(living: RunningStack) -> None:
    """The demo's pools are registered once; whatever people changed since is left alone."""
    url = f"{living.api_url}/api/pools"
    changed = requests.put(f"{url}/dev", json={"name": "Ours"}, timeout=20).json()
    before = [each["id"] for each in activities(living.api_url)]
    demo_pools.seed(living.api_url)

    assert before == [each["id"] for each in activities(living.api_url)]
    assert "Ours" == changed["name"] == requests.get(f"{url}/dev", timeout=20).json()["name"]


def test_a_restart_brings_no_pool_twice(living: RunningStack) -> None:
    """On a database that is kept the demo's pools are there already, a day later too."""
    before = {pool["id"]: pool["source"] for pool in _told(living)["pools"]}
    living.api.stop()
    # As after a day: what answers requests that come again is forgotten by then.
    with closing(sqlite3.connect(living.kubeconfig.parent / "gpuscope.db")) as file, file:
        assert file.execute("DELETE FROM answers").rowcount
    living.api.start()
    living.api.wait_ready(seconds=READY_SECONDS)
    demo_pools.seed(living.api_url)

    assert before == {pool["id"]: pool["source"] for pool in _told(living)["pools"]}


def test_a_list_is_the_same_bytes_within_its_time(living: RunningStack) -> None:
    """While its numbers are fresh, a list is answered again byte by byte."""
    began = time.monotonic()
    with requests.Session() as session:
        url = f"{living.api_url}/api/pools"
        told = [session.get(url, timeout=20).content for _ in range(100)]
    windows = (time.monotonic() - began) / TTL

    # At both ends there may be a part of one.
    assert len(set(told)) <= windows + 2
    assert all(b"summary" in each for each in told)


def test_what_was_read_can_be_sent_back(living: RunningStack) -> None:
    """A whole pool as it was read is a PUT that changes nothing, whatever chooses its nodes."""
    for id_ in ("training", "pool-1"):
        url = f"{living.api_url}/api/pools/{id_}"
        read = requests.get(url, timeout=20)
        answer = requests.put(url, json=read.json(), timeout=20)

        assert 200 == answer.status_code, answer.text
        assert read.headers["ETag"].split(".")[0] == answer.headers["ETag"].split(".")[0]


def test_the_pages_commands_work(living: RunningStack) -> None:
    """What docs/pools.md shows can be copied, one command after the other, and succeeds."""
    page = (stack.ROOT / "docs" / "pools.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    # Whatever is refused ends a block: here and nowhere else curl says so by its status.
    script = 'set -euo pipefail\ncurl() { command curl -fsS "$@"; }\n' + "\n".join(blocks)
    told = subprocess.run(
        ["bash", "-c", script.replace("http://127.0.0.1:8080", living.api_url)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "KUBECONFIG": str(living.kubeconfig)},
    )

    assert (0, "") == (told.returncode, told.stderr)
    assert told.stdout.count('"createdAt"') > 10
    assert told.stdout.endswith('{"success":true,"message":"Pool deleted successfully"}')
