"""The commands and examples of the monitoring API's document, as they are written there."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.support import objects
from tests.support.apiserver import Cluster, running
from tests.support.monitored import Monitored, monitored
from tests.support.shape import misshapen
from tests.support.stack import READY_SECONDS

pytestmark = pytest.mark.e2e

SAMPLES = Path(__file__).parent.parent / "samples"
DOCUMENTED = "http://localhost:50062"
PORT = 50062
WORKER = "worker-123"
FLEET = (
    objects.node(WORKER, labels={"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}),
    objects.node("worker-124", cordoned=True),
    objects.node("worker-125", ready="False"),
    objects.pod("p1", 2, node=WORKER, status=objects.scheduled()),
    objects.pod("p2", 1, node="worker-124"),
    objects.pod("waits", 4, node="", phase="Pending", status=objects.condition("Unschedulable")),
    objects.pod("loads", 1, node=WORKER, phase="Pending"),
    # It ended just now, as nobody says when: an exporter forgets pods that ended long ago.
    objects.pod("done", 1, node=WORKER, phase="Succeeded"),
)


@dataclass(frozen=True)
class Documented:
    """A fleet that has everything the document speaks of, and who tells of it."""

    cluster: Cluster
    running: Monitored


@pytest.fixture(name="documented", scope="module")
def _documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    folder = tmp_path_factory.mktemp("monitoring")
    with ExitStack() as cleanup:
        cluster = cleanup.enter_context(running(*FLEET))
        kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
        whole = cleanup.enter_context(monitored(folder, kubeconfig, {}, port=PORT))
        wait_for(
            lambda: len(whole.monitoring.told("operations")) == 5,
            seconds=READY_SECONDS,
            what="the operations",
        )
        yield Documented(cluster, whole)


def _commands() -> list[str]:
    return (SAMPLES / "monitoring_curl.txt").read_text().strip().split("\n\n")


def _run(documented: Documented, number: int) -> Any:
    # Only a port that somebody else has is not the document's.
    command = _commands()[number].replace(DOCUMENTED, documented.running.monitoring.url)
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def _examples() -> dict[str, Any]:
    found = {}
    for text in (SAMPLES / "monitoring_answers.txt").read_text().split("\n\n"):
        title, _, body = text.partition("\n")
        found[title] = json.loads(body)
    return found


def test_curl_all_workers(documented: Documented) -> None:
    """The first command prints every worker."""
    assert [WORKER, "worker-124", "worker-125"] == [each["id"] for each in _run(documented, 0)]


def test_curl_operations_of_a_worker(documented: Documented) -> None:
    """The second prints that worker's operations and nobody else's."""
    told = _run(documented, 1)

    assert {WORKER} == {each["worker_id"] for each in told}
    assert {"ml:p1", "ml:loads", "ml:done"} == {each["client_operation_id"] for each in told}


def test_curl_status(documented: Documented) -> None:
    """The third prints nine integers that add up."""
    told = _run(documented, 2)

    assert {
        "total_workers": 3,
        "active_workers": 1,
        "paused_workers": 1,
        "draining_workers": 1,
        "total_operations": 5,
        "queued_operations": 1,
        "executing_operations": 3,
        "completed_operations": 1,
    } == {name: count for name, count in told.items() if name != "uptime_seconds"}
    assert isinstance(told["uptime_seconds"], int)


def test_curl_queued(documented: Documented) -> None:
    """The fourth prints what is queued, and nothing else."""
    [queued] = _run(documented, 3)

    assert ("Queued", None, "ml:waits") == (
        queued["stage"],
        queued["worker_id"],
        queued["client_operation_id"],
    )


@pytest.mark.parametrize("title", [title for title in _examples() if title.startswith("GET")])
def test_answers_look_as_documented(documented: Documented, title: str) -> None:
    """Every endpoint's answer has the keys and the types of the document's example."""
    api = documented.running.monitoring
    path = title.removeprefix("GET /api/v1/")
    path = path.format(worker_id=WORKER, operation_id=api.told("operations")[0]["operation_id"])

    assert [] == misshapen(
        _examples()[title],
        api.told(path),
        free=["platform_properties"],
        nullable=["worker_id"],
    )


@pytest.mark.parametrize("stage", ["queued", "executing", "completed", "cache_check"])
def test_stages_are_filtered_and_spelled_as_documented(documented: Documented, stage: str) -> None:
    """Each stage of the document finds its own operations, spelled in its other way."""
    [found] = {
        each["stage"] for each in documented.running.monitoring.told("operations", stage=stage)
    }

    assert stage == {"CacheCheck": "cache_check"}.get(found, found.lower())


def test_what_is_listed_can_be_followed(documented: Documented) -> None:
    """Ids of running operations lead to operations on that worker, either of their ids to one."""
    api = documented.running.monitoring
    for worker in api.told("workers"):
        for identity in worker["running_operations"]:
            operation = api.told(f"operations/{identity}")

            assert worker["id"] == operation["worker_id"]
            assert operation == api.told(f"operations/{operation['client_operation_id']}")


def test_a_listener_of_its_own_serves_this_api_alone(documented: Documented) -> None:
    """Health and metrics of the service are there besides; no other API is."""
    url = documented.running.monitoring.url
    status = {
        path: requests.get(url + path, timeout=20).status_code
        for path in ("/healthz", "/metrics", "/api/v1/realtime/status", "/api/v1/real-time-metrics")
    }

    assert {
        "/healthz": 200,
        "/metrics": 200,
        "/api/v1/realtime/status": 404,
        "/api/v1/real-time-metrics": 404,
    } == status


def test_the_main_listener_serves_it_too(documented: Documented) -> None:
    """Whoever opens no other port finds the same API on the main one."""
    answer = requests.get(f"{documented.running.main_url}/api/v1/workers", timeout=20)

    assert 3 == len(answer.json())


def test_a_worker_that_is_gone_is_the_documents_error(documented: Documented) -> None:
    """A node that was removed is answered with the document's own body, word for word."""
    api = documented.running.monitoring
    documented.cluster.delete("Node", "", WORKER)
    wait_for(
        lambda: api.get(f"workers/{WORKER}").status_code == 404,
        seconds=READY_SECONDS,
        what="the end of a worker",
    )

    assert _examples()["404"] == api.get(f"workers/{WORKER}").json()
