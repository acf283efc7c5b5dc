"""The state a person would name, when a pod ran, what it needs: from its JSON to its record."""

import pytest

from tests.support.objects import (
    EPOCH,
    GPU,
    Object,
    condition,
    container,
    containers_in,
    node,
    owned,
    pod,
    reference,
)
from tests.support.podlines import record
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
        (pod(status=containers_in({"waiting": {}}, {})), ("Running", "unknown")),
        (pod(status=containers_in({"waiting": {}}, RUNNING)), ("Running", "running")),
        (pod(), ("Running", "running")),
        (pod(phase="Unknown"), ("Unknown", "unknown")),
    ],
    ids=["succeeded", "failed", "terminating", "pending", "unschedulable", "gated", "starting",
         "running", "crash loop", "nothing runs", "one of two runs", "no container told of",
         "unknown"],
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
        gpu_pod_created_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH}
        gpu_pod_info{{namespace="ml",pod="p1",uid="uid-p1",node="n1",workload_type="Pod",workload_name="p1",owner="uid-p1"}} 1
        gpu_pod_requested{{namespace="ml",pod="p1",uid="uid-p1"}} 1
        gpu_pod_start_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH + 600}
        gpu_pod_state{{namespace="ml",pod="p1",uid="uid-p1",phase="Running",state="running"}} 1
    """)  # noqa: E501 - exposition text cannot be broken
    told = scrape(node(), pod(status=containers_in(RUNNING)))

    assert expected == told.of_pods()


def test_an_unbound_pod() -> None:
    """It has no node and holds nothing; what it asks for is published as demand."""
    expected = text(f"""
        gpu_pod_created_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH}
        gpu_pod_info{{namespace="ml",pod="p1",uid="uid-p1",workload_type="Pod",workload_name="p1",owner="uid-p1"}} 1
        gpu_pod_requested{{namespace="ml",pod="p1",uid="uid-p1"}} 4
        gpu_pod_state{{namespace="ml",pod="p1",uid="uid-p1",phase="Pending",state="unschedulable",reason="insufficient_gpu"}} 1
    """)  # noqa: E501 - idem
    message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    status = condition("Unschedulable", message)
    told = scrape(pod(gpus=4, node="", phase="Pending", status=status))

    assert expected == told.of_pods()


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
    told = scrape(
        pod("a"), pod("b"), pod("c", node="", phase="Pending"), pod("d", None),
        pod("e", phase="Failed"),
    )  # fmt: skip
    expected = text("""
        gpu_pods{phase="Failed"} 1
        gpu_pods{phase="Pending"} 1
        gpu_pods{phase="Running"} 2
        gpu_pods{phase="Succeeded"} 0
        gpu_pods{phase="Unknown"} 0
    """)

    assert expected == told.of("gpu_pods")


def test_resource_claims() -> None:
    """A pod's claims are those it names, those made from its templates, and the hidden one."""
    spec = {
        "resourceClaims": [
            {"name": "own", "resourceClaimName": "shared-gpu"},
            {"name": "made", "resourceClaimTemplateName": "one-gpu"},
        ]
    }
    extended = {
        "resourceClaimName": "p1-extended",
        "requestMappings": [
            {"containerName": "c", "resourceName": GPU, "requestName": "container-0-request-0"}
        ],
    }
    status = {
        "resourceClaimStatuses": [
            {"name": "made", "resourceClaimName": "p1-made-x"},
            {"name": "unneeded"},
        ],
        "extendedResourceClaimStatus": extended,
    }
    it = record(pod(gpus=None, spec=spec, status=status))

    assert {"shared-gpu", "p1-made-x", "p1-extended"} == it.claims
    assert {GPU} == it.backed
    assert it.digests is not None
    assert frozenset() == record(pod()).claims == record(pod()).backed


def test_the_queue() -> None:
    """Kueue's label says where a pod was submitted to, else KAI's does."""
    kueue, kai = {"kueue.x-k8s.io/queue-name": "batch"}, {"kai.scheduler/queue": "team"}

    assert "batch" == record(pod(labels=kai | kueue)).queue
    assert "team" == record(pod(labels=kai)).queue
    assert "" == record(pod(labels={"queue": "other"})).queue


def test_only_labels_that_are_read_are_kept() -> None:
    """A cluster has many labels; pods of one template share the few that matter."""
    first, second = (
        record(pod(name, labels={"app": name, "volcano.sh/job-name": "sim"})) for name in "ab"
    )

    assert {"volcano.sh/job-name": "sim"} == first.labels
    assert first.labels is second.labels
    assert record(pod("c", None)).labels is record(pod("d", labels={"app": "d"})).labels


def test_a_pod_without_gpus() -> None:
    """Nothing is worked out that nobody reads, so that even nonsense in it does no harm."""
    spec = {"volumes": "none", "affinity": 7, "containers": [container({"cpu": "lots"})]}
    it = record(pod(spec=spec, **owned(reference("Job", "j"))))

    assert ("uid-p1", "ml", "p1", "n1", "Running") == (
        it.uid, it.namespace, it.name, it.node, it.phase,
    )  # fmt: skip
    assert not it.requests
    assert it.digests is None
    assert it.controller is not None
