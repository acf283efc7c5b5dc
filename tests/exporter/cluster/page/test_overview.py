"""What is said of a cluster as a whole: from its nodes and pods to exposition text."""

from typing import Any

from tests.support.objects import Object, condition, node, pod, taint
from tests.support.scrape import scrape, text

FULL = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
TAINTED = "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: infra}."


def waiting(name: str, gpus: int, message: str, **members: Any) -> Object:
    """Return a pod that the scheduler could not place."""
    status = condition("Unschedulable", message)
    return pod(name, gpus, node="", phase="Pending", status=status, **members)


def test_demand_that_waits_by_reason() -> None:
    """Pods and GPUs are counted by namespace and by why no node has taken them."""
    told = scrape(
        waiting("a", 8, FULL),
        waiting("b", 4, FULL),
        waiting("c", 2, TAINTED),
        waiting("d", 1, FULL, namespace="dev"),
        pod("e", 1, node="", phase="Pending", status=condition("SchedulingGated")),
        pod("f", 1, node="", phase="Pending"),
        pod("bound", 1, phase="Pending"),
        waiting("leaving", 1, FULL, deletionTimestamp="2026-01-01T00:00:00Z"),
        waiting("cpu", 0, FULL),
    )
    expected = text("""
        gpu_pending_pods{namespace="dev",reason="insufficient_gpu"} 1
        gpu_pending_pods{namespace="ml",reason="gated"} 1
        gpu_pending_pods{namespace="ml",reason="insufficient_gpu"} 2
        gpu_pending_pods{namespace="ml",reason="not_considered"} 1
        gpu_pending_pods{namespace="ml",reason="taints"} 1
        gpu_pending_requested{namespace="dev",reason="insufficient_gpu"} 1
        gpu_pending_requested{namespace="ml",reason="gated"} 1
        gpu_pending_requested{namespace="ml",reason="insufficient_gpu"} 12
        gpu_pending_requested{namespace="ml",reason="not_considered"} 1
        gpu_pending_requested{namespace="ml",reason="taints"} 2
    """)

    assert expected == told.of("gpu_pending_pods", "gpu_pending_requested")


def test_room_and_orphans() -> None:
    """Blocks, nodes and cliques count what a pod could get; orphans hold GPUs of no node."""
    pool, clique = "gpuscope.io/pool", "nvidia.com/gpu.clique"
    told = scrape(
        node("n1", 8, labels={pool: "a", clique: "c1"}),
        node("n2", 8, labels={pool: "a", clique: "c1"}),
        node("n3", 4, labels={pool: "b", clique: "c2"}, taints=[taint("dedicated")]),
        node("n4", 1),
        node("cpu", None),
        pod("a", 6, node="n2"),
        pod("gone", 3, node="n9"),
        pod("done", 3, node="n9", phase="Succeeded"),
    )
    expected = text("""
        gpu_clique_free{clique="c1"} 10
        gpu_clique_free{clique="c2"} 0
        gpu_free_block{pool="a",model="unknown"} 8
        gpu_free_block{pool="b",model="unknown"} 0
        gpu_free_block{model="unknown"} 1
        gpu_free_nodes{gpus="1"} 3
        gpu_free_nodes{gpus="2"} 2
        gpu_free_nodes{gpus="4"} 1
        gpu_free_nodes{gpus="8"} 1
        gpu_orphaned_allocated 3
    """)
    rooms = ("gpu_clique_free", "gpu_free_block", "gpu_free_nodes", "gpu_orphaned_allocated")

    assert expected == told.of(*rooms)


def test_an_empty_cluster() -> None:
    """Phases and sizes are there at zero; reasons and namespaces only where there are some."""
    expected = text("""
        gpu_free_nodes{gpus="1"} 0
        gpu_free_nodes{gpus="2"} 0
        gpu_free_nodes{gpus="4"} 0
        gpu_free_nodes{gpus="8"} 0
        gpu_orphaned_allocated 0
        gpu_pods{phase="Failed"} 0
        gpu_pods{phase="Pending"} 0
        gpu_pods{phase="Running"} 0
        gpu_pods{phase="Succeeded"} 0
        gpu_pods{phase="Unknown"} 0
    """)

    assert expected == scrape().of_cluster()
