"""The programs and commands of the API's document do their work, as they are written there."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

import pytest
import requests

from demo import stack
from demo.processes import LOOPBACK, free_port, wait_for
from tests.samples import realtime_clients
from tests.support import token_file
from tests.support.stack import (
    EVERYTHING,
    NO_POOLS,
    PATIENT,
    READY_SECONDS,
    RunningStack,
    running_stack,
)

pytestmark = pytest.mark.e2e

T = TypeVar("T")

GPUS = 300
STATUS = "/api/v1/realtime/status"
TASKS = "/api/v1/realtime/running-tasks"
# Long enough to ask for the same answer three times, on a busy machine too.
SETTINGS = {**PATIENT, "cache": {"ttl": 5, "stale": 30}}
CURL = Path(realtime_clients.__file__).with_name("realtime_curl.txt")


class Stop(Exception):  # noqa: N818 - ends a program that would go on for ever
    """Enough."""


@pytest.fixture(name="fleet", scope="module")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("samples")
    with running_stack(
        folder, "living", rules=EVERYTHING, settings=SETTINGS, clusters=_clusters
    ) as running:
        running.wait_for_totals(GPUS)
        yield running


def _clusters(prometheus_port: int) -> list[dict[str, Any]]:
    url = {"prometheus_url": f"http://{LOOPBACK}:{prometheus_port}"}
    # The document calls it by either name.
    return [
        {"name": stack.CLUSTER, **url},
        {"name": "prod", "matchers": {"cluster": stack.CLUSTER}, **url},
    ]


@pytest.fixture(name="closed", scope="module")
def _closed(fleet: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a service that wants tokens."""
    folder, port = tmp_path_factory.mktemp("closed"), free_port()
    tokens = {"auth": {"tokens_file": str(token_file.written(folder))}}
    clusters = _clusters(int(fleet.prometheus_url.rpartition(":")[2]))
    given = {"clusters": clusters, **NO_POOLS, **SETTINGS, **tokens}
    with stack.query_api(folder, [port], given) as api:
        api.wait_ready(seconds=READY_SECONDS)
        yield f"http://{LOOPBACK}:{port}"


@pytest.fixture(name="base", scope="module", params=["open", "closed"])
def _base(fleet: RunningStack, request: pytest.FixtureRequest) -> str:
    """The base URL of a service without tokens, then of one that wants them."""
    base: str = fleet.api_url if request.param == "open" else request.getfixturevalue("closed")
    # Each name has windows of its own, and the first may open before there were any totals.
    wait_for(
        lambda: all(_get(base, STATUS, name).ok for name in (stack.CLUSTER, "prod")),
        seconds=READY_SECONDS,
        what="first answers",
        every=0.3,
    )
    return base


@pytest.fixture(name="clients")
def _clients(base: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The document's programs, told where the service is and what to say to it."""
    monkeypatch.setattr(realtime_clients, "API_BASE", base)
    monkeypatch.setattr(realtime_clients, "auth_headers", _HEADERS)
    return realtime_clients


_HEADERS = {"Authorization": f"Bearer {token_file.TOKEN}"}


def _get(base: str, path: str, cluster: str = stack.CLUSTER, **query: Any) -> requests.Response:
    query = {"cluster": cluster, **query}
    return requests.get(base + path, params=query, headers=_HEADERS, timeout=60)


def _beside(ask: Callable[[], requests.Response], run: Callable[[], T]) -> tuple[Any, T]:
    """Return the data of an answer, and what a program made of the very same one."""
    while True:
        before, made = ask(), run()
        if before.content == ask().content:
            return before.json()["data"], made


def test_monitor_cluster(
    clients: ModuleType,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The dashboard's loop prints the cluster, its allocation and what is free, every 30 s."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise Stop

    monkeypatch.setattr(clients, "time", SimpleNamespace(sleep=sleep))

    def run() -> str:
        waited.clear()
        with pytest.raises(Stop):
            clients.monitor_cluster("prod-cluster")
        return str(capsys.readouterr().out)

    data, printed = _beside(lambda: _get(base, STATUS, include=["nodes", "alerts"]), run)

    once = (
        "Cluster: prod-cluster\n"
        f"Allocation: {data['current_gpu_usage']['allocation_rate']}%\n"
        f"Available GPUs: {data['available_resources']['available_gpus']}\n"
    )
    assert once * 2 == printed
    assert [30, 30] == waited


def test_can_schedule_job(clients: ModuleType, base: str) -> None:
    """A job fits when its GPUs are free in one block, and the free ones are told."""
    data, fits = _beside(
        lambda: _get(base, STATUS), lambda: clients.can_schedule_job("prod-cluster", 1)
    )
    resources = data["available_resources"]

    assert {
        "can_schedule": resources["max_contiguous_gpu"] >= 1,
        "available_gpus": resources["available_gpus"],
        "available_nodes": resources["available_nodes"],
    } == fits
    assert not clients.can_schedule_job("prod-cluster", GPUS)["can_schedule"]


@pytest.mark.parametrize("hours", [0, 48])
def test_find_long_running_tasks(clients: ModuleType, base: str, hours: int) -> None:
    """Tasks are found by how long they run, and named."""
    data, found = _beside(
        lambda: _get(base, TASKS),
        lambda: clients.find_long_running_tasks("prod-cluster", threshold_hours=hours),
    )

    assert [
        task["pod_name"] for task in data["tasks"] if task["running_time_seconds"] > hours * 3600
    ] == [task["pod_name"] for task in found]


def test_get_namespace_usage(clients: ModuleType, base: str) -> None:
    """A namespace's tasks and GPUs add up to what the whole list holds of it."""
    namespace = _get(base, TASKS).json()["data"]["tasks"][0]["namespace"]
    data, usage = _beside(
        lambda: _get(base, TASKS), lambda: clients.get_namespace_usage("prod-cluster", namespace)
    )
    mine = [task for task in data["tasks"] if task["namespace"] == namespace]

    assert (namespace, len(mine), sum(task["allocated_gpus"] for task in mine), mine) == (
        usage["namespace"],
        usage["running_tasks"],
        usage["total_gpus"],
        usage["tasks"],
    )


def test_get_status_with_age(
    clients: ModuleType,
    base: str,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """The client that sends no token is served where none is wanted, and warns of no old data."""
    if "closed" in request.node.name:
        with pytest.raises(TypeError):  # it reads the time of no data at all
            clients.get_status_with_age("prod-cluster")
    else:
        data, told = _beside(
            lambda: _get(base, STATUS), lambda: clients.get_status_with_age("prod-cluster")
        )

        assert data == told
        assert "" == capsys.readouterr().out


def test_safe_get_status(clients: ModuleType, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The careful client gets its data at once; an unknown cluster fails for it, three times."""
    waited: list[float] = []
    monkeypatch.setattr(clients, "time", SimpleNamespace(sleep=waited.append))
    data, told = _beside(
        lambda: _get(base, STATUS), lambda: clients.safe_get_status("prod-cluster")
    )

    assert data == told
    assert [] == waited

    with pytest.raises(requests.HTTPError):
        clients.safe_get_status("no-such-cluster")

    assert [1, 2] == waited


def _commands() -> list[str]:
    return CURL.read_text().strip().split("\n\n")


@pytest.mark.parametrize("number", range(len(_commands())))
def test_curl(base: str, number: int) -> None:
    """Each curl command prints a success with the lists that it asks for."""
    command = _commands()[number].replace("http://lens-api", base)
    command = command.replace("YOUR_TOKEN", token_file.TOKEN)
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True)
    told = json.loads(done.stdout)

    assert {"code": 2000, "message": "OK"} == told["meta"]
    assert "prod-cluster" == told["data"]["cluster"]
    wanted = {
        "include=nodes": "nodes",
        "include=alerts": "alerts",
        "include=events": "recent_events",
    }
    assert {name for word, name in wanted.items() if word in command} == (
        set(wanted.values()) & set(told["data"])
    )
    assert ("running-tasks" in command) == ("tasks" in told["data"])
    if "namespace=ml-team" in command:
        assert {"ml-team"} >= {task["namespace"] for task in told["data"]["tasks"]}


@pytest.mark.parametrize("includes", [[], ["nodes"], ["nodes", "alerts", "events"]])
def test_bare_requests(base: str, includes: list[str]) -> None:
    """The document's three bare requests grow with what they include."""
    told = _get(base, STATUS, cluster="prod", include=includes)
    names = {"nodes": "nodes", "alerts": "alerts", "events": "recent_events"}

    assert 200 == told.status_code
    assert {names[word] for word in includes} == set(names.values()) & set(told.json()["data"])


def test_a_forgotten_cluster_is_said(base: str) -> None:
    """Without its one required parameter a request gets the document's own error body."""
    told = requests.get(base + STATUS, headers=_HEADERS, timeout=60)

    assert 400 == told.status_code
    assert {
        "meta": {"code": 4000, "message": "Invalid parameter: cluster is required"},
        "data": None,
    } == told.json()


def test_without_its_token_nobody_is_served(closed: str) -> None:
    """A service that wants tokens answers the document's own placeholder with 401 and 4003."""
    for headers in ({}, {"Authorization": "Bearer YOUR_TOKEN"}):
        told = requests.get(
            closed + STATUS, params={"cluster": stack.CLUSTER}, headers=headers, timeout=60
        )

        assert 401 == told.status_code
        assert 4003 == told.json()["meta"]["code"]
