"""The state a person would name, and when a pod started: from its JSON to exposition text."""

import pytest

from tests.support.objects import EPOCH, Object, condition, containers_in, node, pod
from tests.support.scrape import scrape, text, value

DELETED: Object = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
RUNNING = {"running": {"startedAt": "2026-01-01T00:10:00Z"}}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}


def state(it: Object, host: Object | None = None) -> tuple[str, str]:
    """Return the phase and the state of the only pod."""
    (line,) = scrape(host or node(), it).of("gpu_pod_state")
    phase, _, rest = line.partition('phase="')[2].partition('"')
    return phase, rest.partition('state="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("it", "expected"),
    [
        (pod(phase="Succeeded"), ("Succeeded", "terminal")),
        (pod(phase="Failed", **DELETED), ("Failed", "terminal")),
        (pod(**DELETED), ("Running", "terminating")),
        (pod(node="", phase="Pending"), ("Pending", "pending")),
        (pod(node="", phase="Pending", status=condition("Unschedulable")),
         ("Pending", "unschedulable")),
        (pod(node="", phase="Pending", status=condition("SchedulingGated")), ("Pending", "gated")),
        (pod(phase="Pending"), ("Pending", "starting")),
        (pod(status=containers_in(RUNNING)), ("Running", "running")),
        (pod(status=containers_in(RUNNING, CRASHED)), ("Running", "crashloop")),
        (pod(status=containers_in({"waiting": {}}, {})), ("Running", "running")),
        (pod(phase="Unknown"), ("Unknown", "unknown")),
    ],
    ids=["succeeded", "failed", "terminating", "pending", "unschedulable", "gated", "starting",
         "running", "crash loop", "no reason given", "unknown"],
)  # fmt: skip
def test_states(it: Object, expected: tuple[str, str]) -> None:
    """Kubernetes' own phase stands beside the finer state."""
    assert expected == state(it)


def test_a_pod_on_a_lost_node() -> None:
    """For minutes a dead node's pods still say Running: the state says that nobody knows."""
    assert ("Running", "node_lost") == state(pod(), node(ready="Unknown"))
    assert ("Running", "node_lost") == state(pod(node="gone"))


def test_a_scheduler_without_a_reason() -> None:
    """A condition may lack its reason, and a pod its phase; other conditions do not count."""
    other = {"type": "Ready", "status": "False", "reason": "SchedulingGated"}
    bare: Object = {"conditions": [other, {"type": "PodScheduled", "status": "False"}]}
    done: Object = {"conditions": [other, {"type": "PodScheduled", "status": "True"}]}

    assert ("Pending", "pending") == state(pod(node="", status=bare | {"phase": None}))
    assert ("Pending", "pending") == state(pod(node="", phase="Pending", status=done))


def test_everything_about_one_pod() -> None:
    """A running pod is published with its identity, what it asks for, holds and does."""
    expected = text(f"""
        gpu_pod_allocated{{namespace="ml",pod="p1",uid="uid-p1",node="n1"}} 1
        gpu_pod_info{{namespace="ml",pod="p1",uid="uid-p1",node="n1",workload_type="Pod",workload_name="p1",owner="uid-p1"}} 1
        gpu_pod_requested{{namespace="ml",pod="p1",uid="uid-p1"}} 1
        gpu_pod_start_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH + 600}
        gpu_pod_state{{namespace="ml",pod="p1",uid="uid-p1",phase="Running",state="running"}} 1
    """)  # noqa: E501 - exposition text cannot be broken
    told = scrape(node(), pod(status=containers_in(RUNNING)))

    assert expected == [line for line in told.lines if line.startswith("gpu_pod_")]


def test_an_unbound_pod() -> None:
    """It has no node and holds nothing; what it asks for is published as demand."""
    expected = text("""
        gpu_pod_info{namespace="ml",pod="p1",uid="uid-p1",workload_type="Pod",workload_name="p1",owner="uid-p1"} 1
        gpu_pod_requested{namespace="ml",pod="p1",uid="uid-p1"} 4
        gpu_pod_state{namespace="ml",pod="p1",uid="uid-p1",phase="Pending",state="unschedulable"} 1
    """)  # noqa: E501 - idem
    told = scrape(pod(gpus=4, node="", phase="Pending", status=condition("Unschedulable")))

    assert expected == [line for line in told.lines if line.startswith("gpu_pod_")]


def test_the_start_is_the_first_containers() -> None:
    """Of several running containers the one that started first tells."""
    later = {"running": {"startedAt": "2026-01-01T00:20:00Z"}}
    it = pod(status=containers_in(later, RUNNING, {"running": {}}, CRASHED))

    assert EPOCH + 600 == value(scrape(it).of("gpu_pod_start_timestamp_seconds"))


def test_the_start_before_a_container_runs_is_the_kubelets() -> None:
    """Until a container runs, the kubelet's acknowledgement tells; before that, nothing does."""
    acknowledged = pod(phase="Pending", status={"startTime": "2026-01-01T00:05:00Z"})

    assert EPOCH + 300 == value(scrape(acknowledged).of("gpu_pod_start_timestamp_seconds"))
    assert [] == scrape(pod(phase="Pending")).of("gpu_pod_start_timestamp_seconds")


def test_phases_are_counted() -> None:
    """Only pods that ask for GPUs count, and a phase nobody is in is zero rather than missing."""
    told = scrape(pod("a"), pod("b"), pod("c", node="", phase="Pending"), pod("d", None))
    expected = text("""
        gpu_pods{phase="Pending"} 1
        gpu_pods{phase="Running"} 2
        gpu_pods{phase="Unknown"} 0
    """)

    assert expected == told.of("gpu_pods")
