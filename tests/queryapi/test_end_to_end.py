"""Clients of the real-time API get what its document promises, over a real Prometheus."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.support import raw_server, small_fleet
from tests.support.api_process import Api, api
from tests.support.prometheus import Prometheus, Target, prometheus
from tests.support.raw_server import Manners, RawServer
from tests.support.stack import PATIENT

pytestmark = pytest.mark.e2e

STATUS = "/api/v1/realtime/status"
TASKS = "/api/v1/realtime/running-tasks"
# What is said of a Prometheus, and what it does.
_SENSELESS: Mapping[str, Manners] = {
    "did not answer in time": raw_server.silent,
    "cannot be understood": raw_server.saying(raw_server.http(b"<html>welcome</html>")),
    "its answer broke off": raw_server.saying_once(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
    ),
}
_HASTY = {
    "cache": {"ttl": 1, "stale": 6},
    "timeouts": {"connect": 0.5, "query": 1, "request": 0.8},
}


@pytest.fixture(name="service", scope="module")
def _service(fleet: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api"), fleet.url, PATIENT) as running:
        # A window opened now lies a second back: by then the alerts above fired.
        wait_for(
            lambda: len(running.get(STATUS, cluster="prod-cluster").json()["data"] or "") > 0,
            seconds=60,
            what="the first answer",
            every=0.3,
        )
        yield running


def data(service: Api, path: str, **query: str | list[str]) -> Any:
    """Return the data of an answer about the cluster."""
    answer = service.get(path, cluster="prod-cluster", **query)
    assert 200 == answer.status_code, answer.text
    return answer.json()["data"]


def test_the_cluster_adds_up(service: Api) -> None:
    """Every number of the status is what the fleet has."""
    told = data(service, STATUS)

    assert {
        "total_gpus": 20,
        "allocated_gpus": 7.5,
        "utilized_gpus": 5,
        "allocation_rate": 37.5,
        "utilization_rate": 31.3,
    } == told["current_gpu_usage"]
    assert 3 == told["running_tasks"]
    assert {"available_gpus": 6, "available_nodes": 2, "max_contiguous_gpu": 4} == told[
        "available_resources"
    ]


def test_nodes_are_told_one_by_one(service: Api) -> None:
    """Every GPU node is there with its state; what nobody measures is null."""
    nodes = [tuple(node.values()) for node in data(service, STATUS, include="nodes")["nodes"]]

    assert [
        ("node-a", "Ready", 8, 6, 78.3),
        ("node-b", "Ready,SchedulingDisabled", 8, 1.5, 5.0),
        ("node-c", "NotReady", 8, 0, None),
        ("node-d", "Ready", 4, 0, 0.0),
    ] == nodes


def test_alerts_and_events_are_told(service: Api) -> None:
    """What Prometheus alerts about, worst first, and the ten newest of twelve happenings."""
    told = data(service, STATUS, include=["alerts", "events"])

    assert [
        ("critical", "GpuNodeNotReady", "GPU node not ready: node node-c"),
        ("info", "GPUHeat", "GPU heat: node node-a"),
    ] == [(alert["severity"], alert["type"], alert["message"]) for alert in told["alerts"]]
    assert all(_age(alert["timestamp"]) < 600 for alert in told["alerts"])
    assert [
        ("2025-12-19T14:03:25Z", "NodeAdded", "node-d", "New node with 4 GPUs added"),
        ("2025-12-19T14:03:20Z", "PodCreated", "ml-team/train-0", "Pod created with 4 GPUs"),
        *(
            (f"2025-12-19T14:03:{20 - age}Z", "PodDeleted", f"ml-team/old-{age}", "Pod deleted")
            for age in range(1, 9)
        ),
    ] == [tuple(event.values()) for event in told["recent_events"]]


def test_running_tasks_are_told_oldest_first(service: Api) -> None:
    """The pending pod is no task; the others stand with what they hold."""
    told = data(service, TASKS)

    assert [
        ("train-1", "ml-team", "Job", "train", "node-a", 2, "job-1"),
        ("train-0", "ml-team", "Job", "train", "node-a", 4, "job-1"),
        ("notebook", "research", "Pod", "notebook", "node-b", 1.5, ""),
    ] == [
        (
            task["pod_name"],
            task["namespace"],
            task["workload_type"],
            task["workload_name"],
            task["node_name"],
            task["allocated_gpus"],
            task["owner"],
        )
        for task in told["tasks"]
    ]
    assert 3 == told["total_tasks"]


def test_both_answers_tell_of_one_moment(service: Api) -> None:
    """The number of running tasks is the length of their list, and the times are the same."""
    answers: list[Any] = []

    def of_one_window() -> bool:
        before, tasks, after = (data(service, path) for path in (STATUS, TASKS, STATUS))
        answers[:] = before, tasks
        return bool(before["timestamp"] == after["timestamp"])

    wait_for(of_one_window, seconds=60, what="a window that does not end meanwhile")
    status, tasks = answers

    assert status["running_tasks"] == tasks["total_tasks"]
    assert status["timestamp"] == tasks["timestamp"]


def test_every_listener_answers(service: Api) -> None:
    """The same service is behind each address."""

    def answer(url: str) -> str:
        return requests.get(url + STATUS, params={"cluster": "prod-cluster"}, timeout=60).text

    # A window may end between two requests, but not between each two.
    wait_for(
        lambda: len({answer(url) for url in service.urls}) == 1,
        seconds=60,
        what="the same answer from each",
    )


def _age(timestamp: str) -> float:
    made = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S%z")
    return (datetime.now(UTC) - made).total_seconds()


def test_the_documents_clients_find_what_they_read(service: Api) -> None:
    """The six programs of the document read these fields in these ways."""
    headers = {"Authorization": "Bearer YOUR_TOKEN"}

    def fetch(path: str, **query: Any) -> Any:
        answer = requests.get(service.urls[0] + path, params=query, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()["data"]

    watched = fetch(STATUS, cluster="prod-cluster", include=["nodes", "alerts"])
    resources = fetch(STATUS, cluster="prod-cluster")["available_resources"]
    tasks = fetch(TASKS, cluster="prod-cluster")["tasks"]
    team = fetch(TASKS, cluster="prod-cluster", namespace="ml-team")["tasks"]

    assert "prod-cluster 37.5% 6" == (
        f"{watched['cluster']} {watched['current_gpu_usage']['allocation_rate']}%"
        f" {watched['available_resources']['available_gpus']}"
    )
    assert [True, False] == [resources["max_contiguous_gpu"] >= gpus for gpus in (4, 8)]
    assert 3 == len([task for task in tasks if task["running_time_seconds"] > 48 * 3600])
    assert ["train-1", "train-0"] == [task["pod_name"] for task in team]
    assert 6 == sum(task["allocated_gpus"] for task in team)
    assert 0 <= _age(watched["timestamp"]) < 60
    with pytest.raises(requests.HTTPError):
        fetch(STATUS)


def _aged(answer: requests.Response) -> bool:
    """Tell whether an answer is marked, and a second old: a window may be shorter than that."""
    return "Warning" in answer.headers and int(answer.headers["Age"]) >= 1


def test_an_answer_outlives_prometheus_for_a_while(tmp_path: Path) -> None:
    """Prometheus crashes: the last answer goes on, marked; then an error; then it recovers."""
    with (
        Target(small_fleet.EXPOSITION) as target,
        prometheus(tmp_path, target, rules=small_fleet.RULES) as running,
        api(tmp_path, running.url, _HASTY) as service,
    ):

        def answer() -> requests.Response:
            return service.get(STATUS, cluster="prod-cluster")

        wait_for(lambda: answer().ok, seconds=60, what="a first answer", every=0.3)
        running.process.kill()
        wait_for(lambda: _aged(answer()), seconds=60, what="a stale answer", every=0.3)
        stale = answer()

        assert 200 == stale.status_code
        assert '110 - "Response is Stale"' == stale.headers["Warning"]
        assert int(stale.headers["Age"]) >= 1
        assert 7.5 == stale.json()["data"]["current_gpu_usage"]["allocated_gpus"]

        wait_for(lambda: answer().status_code == 503, seconds=60, what="an error", every=0.3)
        gone = answer()

        assert (5003, None) == (gone.json()["meta"]["code"], gone.json()["data"])
        # After a few failures it goes on to say that Prometheus is left alone.
        assert "Prometheus cannot be asked: the connection failed" in gone.json()["meta"]["message"]
        assert "1" == gone.headers["Retry-After"]
        assert 503 == service.get("/readyz").status_code

        running.process.start()
        # What it kept from before the crash is told as old until the next evaluation.
        wait_for(
            lambda: answer().ok and "Warning" not in answer().headers,
            seconds=60,
            what="recovery",
            every=0.3,
        )

        assert 200 == service.get("/readyz").status_code


@pytest.fixture(name="misled", scope="module")
def _misled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service each of whose clusters has a Prometheus that makes no sense."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(RawServer(how)) for name, how in _SENSELESS.items()}
        clusters = [{"name": name, "prometheus_url": it.url} for name, it in servers.items()]
        settings = {**_HASTY, "clusters": clusters}
        yield stack.enter_context(api(tmp_path_factory.mktemp("api"), "", settings))


@pytest.mark.parametrize("said", _SENSELESS)
def test_a_prometheus_that_makes_no_sense_is_an_error(misled: Api, said: str) -> None:
    """Silence, rubbish and half answers end in 5003 with words for the operator."""
    answer = misled.get(STATUS, cluster=said)

    assert 503 == answer.status_code
    assert 5003 == answer.json()["meta"]["code"]
    assert said in answer.json()["meta"]["message"]
