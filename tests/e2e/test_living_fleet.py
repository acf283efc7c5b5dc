"""The stack over a fleet that never stands still: what is answered always adds up."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from demo.processes import wait_for
from tests.support.stack import QUERIED, READY_SECONDS, RunningStack, running_stack
from tests.support.whole import some

pytestmark = pytest.mark.e2e

GPUS = 300
NODES, WITHOUT_GPUS = 40, 4
WINDOWS = some(3, 8)


@pytest.fixture(name="living", scope="module")
def _living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(
        tmp_path_factory.mktemp("living"), "living", rules=(*QUERIED, "alerts/telemetry.yml")
    ) as running:
        running.wait_for_totals(GPUS)
        yield running


def _same_moment(running: RunningStack) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a status and a running-tasks answer of one snapshot."""
    while True:
        before = running.ask("status", include="nodes")
        tasks = running.ask("running-tasks")
        after = running.ask("status", include="nodes")
        # Nobody else asks: when the window did not change in between, all three are of it.
        if before.content == after.content:
            return before.json()["data"], tasks.json()["data"]


def test_every_snapshot_adds_up(living: RunningStack) -> None:
    """Totals, nodes and tasks of one snapshot agree, however the fleet moves meanwhile."""
    seen: set[str] = set()
    while len(seen) < WINDOWS:
        status, tasks = _same_moment(living)
        seen.add(status["timestamp"])
        usage, nodes = status["current_gpu_usage"], status["nodes"]

        assert NODES == len(nodes)
        assert GPUS == usage["total_gpus"] == sum(node["total_gpus"] for node in nodes)
        assert usage["allocated_gpus"] == sum(node["allocated_gpus"] for node in nodes)
        assert status["running_tasks"] == tasks["total_tasks"] == len(tasks["tasks"])


def test_tasks_stand_on_the_nodes_that_hold_them(living: RunningStack) -> None:
    """No node shows fewer allocated GPUs than its running tasks hold, in any snapshot."""
    status, tasks = _same_moment(living)
    held: Counter[str] = Counter()
    for task in tasks["tasks"]:
        held[task["node_name"]] += task["allocated_gpus"]
    allocated = {node["node_name"]: node["allocated_gpus"] for node in status["nodes"]}

    assert not {node: gpus for node, gpus in held.items() if gpus > allocated[node]}


def test_workloads_are_the_ones_people_started(living: RunningStack) -> None:
    """Pods of a ReplicaSet are shown as their Deployment, those of an operator as its job."""
    kinds = {task["workload_type"] for task in living.running_tasks()["tasks"]}

    assert (
        {"Deployment", "Job", "PyTorchJob"}
        <= kinds
        <= {*("Deployment", "Job", "PyTorchJob", "StatefulSet")}
    )


def test_happenings_are_shown_newest_first(living: RunningStack) -> None:
    """With include=events, the newest happenings are listed, the newest first."""
    events = living.status(include="events")["recent_events"]
    times = [event["timestamp"] for event in events]

    assert 10 == len(events)
    assert sorted(times, reverse=True) == times


def test_kubectl_lists_the_fleet(living: RunningStack) -> None:
    """The real kubectl shows the demo's nodes and pods, wide columns included."""

    def kubectl(*arguments: str) -> str:
        command = ["kubectl", f"--kubeconfig={living.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    nodes = kubectl("get", "nodes", "-o", "wide").splitlines()
    pods = kubectl("get", "pods", "-A", "-o", "wide").splitlines()

    assert NODES + WITHOUT_GPUS == len(nodes) - 1
    assert "CONTAINER-RUNTIME" in nodes[0]
    assert "NODE" in pods[0]
    assert any(" Running " in pod for pod in pods)


def test_a_firing_alert_is_shown(living: RunningStack) -> None:
    """An alert that fires in Prometheus stands in the status answer with severity and source."""
    # A job whose target does not answer is the simplest real alert of the shipped rules; its two
    # minutes are cut to none in this stack's own copy.
    home = living.kubeconfig.parent / "prometheus"
    rules = home / "alerts" / "telemetry.yml"
    rules.write_text(rules.read_text().replace("for: 2m", "for: 0s"))
    (home / "targets" / "gpu-node.yml").write_text(
        json.dumps([{"targets": ["127.0.0.1:1"], "labels": {"cluster": "prod-cluster"}}])
    )
    living.prometheus.signal(1)  # SIGHUP: read the configuration again

    def alerts() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = living.status(include="alerts")["alerts"]
        return found

    wait_for(lambda: bool(alerts()), seconds=READY_SECONDS, what="the alert")
    [alert] = alerts()

    assert "GpuExporterDown" == alert["type"]
    assert "critical" == alert["severity"]
    assert "127.0.0.1:1" == alert["source"]
