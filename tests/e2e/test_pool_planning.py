"""What planners are told of pools is what a real Prometheus has of a stack's nodes and pods."""

import time
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e

NODES, GPUS, TASKS = 40, 320, 120
NUMBERS = ("readyNodes", "gpus", "allocatedGpus")
MEASURES = ("cpuUtilization", "memoryUtilization", "gpuUtilization", "networkUtilization")
STALE_SECONDS = 15.0


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("stack")
    sizes = (f"--nodes={NODES}", "--pods=400", f"--gpu-pods={TASKS}")
    settings = {
        "database_url": prepared(folder),
        "pools": {"ttl": 0.5},
        "cache": {"ttl": 0.5, "stale": STALE_SECONDS},
    }
    with running_stack(folder, "large", *sizes, settings=settings) as running:
        running.wait_for_totals(GPUS)
        yield running


def ask(stack: RunningStack, path: str, **parameters: Any) -> requests.Response:
    """Return what a route of pools answers."""
    return requests.get(f"{stack.api_url}/api/pools/{path}", params=parameters, timeout=60)


def told(stack: RunningStack, path: str, **parameters: Any) -> dict[str, Any]:
    """Return a success."""
    answer = ask(stack, path, **parameters)
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def free_blocks(stack: RunningStack) -> Counter[int]:
    """Return how many nodes have how many free GPUs, as the exporter tells of each node."""
    form = {"query": "gpu_node_free", "time": f"{time.time():.3f}"}
    answer = requests.post(f"{stack.prometheus_url}/api/v1/query", form, timeout=60).json()
    return Counter(int(sample["value"][1]) for sample in answer["data"]["result"])


def test_room_is_what_nodes_have(stack: RunningStack) -> None:
    """For pods of every size, counted node by node from the exporter's own series."""
    blocks = free_blocks(stack)
    free = sum(block * count for block, count in blocks.items())
    assert 0 < free < GPUS

    for gpus in (1, 2, 3, 4, 5, 8, 9):
        answer = told(stack, "training/capacity", gpus=gpus)
        fitting = {block: count for block, count in blocks.items() if block >= gpus}
        assert {
            "poolId": "training",
            "gpus": gpus,
            "fits": bool(fitting),
            "nodesThatFit": sum(fitting.values()),
            "podsThatFit": sum(block // gpus * count for block, count in fitting.items()),
            "largestBlock": max(blocks),
            "freeGpus": free,
            "pendingPods": 0,
            "pendingGpus": 0,
        } == {key: value for key, value in answer.items() if key != "timestamp"}


def test_one_gpu_is_asked_for_where_nobody_says(stack: RunningStack) -> None:
    """As the description tells."""
    assert 1 == told(stack, "training/capacity")["gpus"]


def test_the_newest_moment_is_now(stack: RunningStack) -> None:
    """Of a fleet that stands still; null where the pool names what nobody measures."""

    def is_told() -> bool:
        points = told(stack, "training/history", range="60s", step="15s")["points"]
        now = told(stack, "training")
        measured = {
            name: None if name in now.get("unmeasured", ()) else now[name] for name in MEASURES
        }
        expected = {name: now[name] for name in NUMBERS} | measured
        newest = {name: points[-1][name] for name in (*NUMBERS, *MEASURES)}
        assert 5 == len(points)
        return newest == expected

    wait_for(is_told, seconds=60, what="a moment at which the fleet was known", every=0.5)


def test_a_registered_pool_takes_its_nodes_with_it(stack: RunningStack) -> None:
    """Whoever chooses all nodes has them, now and in the past; the found pool has none left."""
    wanted = {
        "name": "All",
        "region": "region-1",
        "provider": "none",
        "nodeTypes": [{"type": "gpu.8xlarge", "count": NODES}],
        "selector": {"zone": ["zone-1"]},
    }
    url = f"{stack.api_url}/api/pools"
    created = requests.post(url, json=wanted, timeout=60)
    assert HTTPStatus.CREATED == created.status_code, created.text
    pool = created.json()["id"]
    try:
        assert free_blocks(stack)[8] == told(stack, f"{pool}/capacity", gpus=8)["nodesThatFit"]
        newest = told(stack, f"{pool}/history", range="1m", step="15s")["points"][-1]
        assert GPUS == newest["gpus"]
        assert HTTPStatus.NOT_FOUND == ask(stack, "training/history").status_code
        assert HTTPStatus.NOT_FOUND == ask(stack, "training/capacity").status_code
    finally:
        requests.delete(f"{url}/{pool}", timeout=60).raise_for_status()


@pytest.mark.parametrize(
    ("path", "parameters", "words"),
    [
        ("capacity", {"gpus": "0"}, "gpus must be a whole number from 1 to 1024"),
        ("capacity", {"gpus": "1025"}, "gpus must be a whole number from 1 to 1024"),
        ("capacity", {"gpus": "1.5"}, "gpus must be a whole number from 1 to 1024"),
        ("history", {"range": "32d"}, "range must be from 15s to 31d"),
        ("history", {"range": "1h", "step": "2h"}, "step must be from 15s to the range, 3600s"),
        ("history", {"range": "31d", "step": "1m"}, "a step of 1340s does"),
    ],
)
def test_what_cannot_be_asked_is_told_precisely(
    stack: RunningStack, path: str, parameters: dict[str, str], words: str
) -> None:
    """In the words of the document, with what to write instead."""
    answer = ask(stack, f"training/{path}", **parameters)

    assert HTTPStatus.BAD_REQUEST == answer.status_code
    assert {"error": "Bad Request", "message": "Invalid request parameters"}.items() <= (
        answer.json().items()
    )
    assert words in answer.json()["details"]


def test_without_a_prometheus_nothing_is_made_up(stack: RunningStack) -> None:
    """What was read a moment ago, marked; else 503: never that no pod fits."""
    before = told(stack, "training/capacity", gpus=4)
    stack.prometheus.kill()
    time.sleep(1)

    room = told(stack, "training/capacity", gpus=4)
    assert {**before, "stale": True, "timestamp": ""} == {**room, "timestamp": ""}
    refused = ask(stack, "training/history", range="30m", step="60s")
    assert HTTPStatus.SERVICE_UNAVAILABLE == refused.status_code
    assert "Service Unavailable" == refused.json()["error"]
    assert "Retry-After" in refused.headers

    def is_given_up() -> bool:
        answer = ask(stack, "training/capacity")
        assert "fits" in answer.json() or not answer.ok
        return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE

    wait_for(is_given_up, seconds=READY_SECONDS, what="the old answer's end", every=0.5)
