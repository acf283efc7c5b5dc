"""Every device of a node accounted for: from nodes' and pods' JSON to exposition text."""

import pytest

from exporter.errors import MalformedObject
from tests.support.objects import (
    GPU,
    MIDNIGHT,
    Object,
    containers_in,
    node,
    owned,
    pod,
    reference,
    taint,
)
from tests.support.scrape import ACCOUNT, Relay, scrape, text, value

CRASHED = containers_in({"waiting": {"reason": "CrashLoopBackOff"}})


def account(*objects: Object) -> list[str]:
    """Return the account of the only node."""
    return scrape(*objects).of(*ACCOUNT)


def allocated(*objects: Object) -> float:
    """Return how many GPUs of the only node are allocated."""
    return float(value(scrape(*objects).of("gpu_node_allocated")))


def test_a_healthy_node() -> None:
    """What is not allocated is free, and nothing is unavailable."""
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 3
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 5
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 0
    """)

    assert expected == account(node(), pod("a", 1), pod("b", 2))


def test_more_allocated_than_allocatable() -> None:
    """A device that fails while it is in use leaves nothing free, and the excess is shown."""
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 6
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 2
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="unhealthy"} 2
    """)

    assert expected == account(node(gpus=8, allocatable=6), pod(gpus=8))


def test_the_device_plugin_is_away() -> None:
    """The devices stay in the capacity, and none is free."""
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="plugin_down"} 8
    """)

    assert expected == account(node(gpus=8, allocatable=0))


def test_the_device_plugin_is_away_for_long() -> None:
    """Then the kubelet says 0 of 0; what is held stays allocated and is more than there is."""
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 4
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 4
    """)

    assert expected == account(node(gpus=0), pod(gpus=4))
    assert expected == account(node(gpus=None), pod(gpus=4))


@pytest.mark.parametrize(
    ("obstructed", "reason"),
    [
        (node(ready="False"), "not_ready"),
        (node(ready="Unknown"), "unreachable"),
        (node(cordoned=True), "cordoned"),
        (node(cordoned=True, taints=[taint("node.kubernetes.io/unschedulable")]), "cordoned"),
        (node(taints=[taint("dedicated")]), "tainted"),
        (node(taints=[taint("dedicated", "NoExecute")]), "tainted"),
        (node(ready="False", cordoned=True, taints=[taint("dedicated")]), "not_ready"),
        (node(ready="Unknown", deletionTimestamp=MIDNIGHT), "terminating"),
        (node(ready="False", taints=[taint("node.kubernetes.io/not-ready")]), "not_ready"),
        (node(taints=[taint("node.kubernetes.io/not-ready", "NoExecute")]), "tainted"),
        (node(taints=[taint("node.kubernetes.io/memory-pressure")]), "tainted"),
    ],
    ids=[
        "not ready",
        "unheard of",
        "cordoned",
        "cordoned, with its taint",
        "tainted",
        "tainted for the running too",
        "all of it",
        "being deleted",
        "not ready, with its taint",
        "ready again, its taint not gone yet",
        "short of memory",
    ],
)
def test_a_node_that_takes_no_work(obstructed: Object, reason: str) -> None:
    """Its idle devices are not free but unavailable, under the first reason that holds."""
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="nvidia.com/gpu"}} 8
        gpu_node_allocated{{node="n1",resource="nvidia.com/gpu"}} 3
        gpu_node_capacity{{node="n1",resource="nvidia.com/gpu"}} 8
        gpu_node_free{{node="n1",resource="nvidia.com/gpu"}} 0
        gpu_node_overcommitted{{node="n1",resource="nvidia.com/gpu"}} 0
        gpu_node_unavailable{{node="n1",resource="nvidia.com/gpu",reason="{reason}"}} 5
    """)

    assert expected == account(obstructed, pod(gpus=3))


@pytest.mark.parametrize(
    "harmless",
    [
        taint(GPU),
        taint("amd.com/gpu", "NoExecute"),
        taint("gpu.intel.com/i915"),
        taint("dedicated", "PreferNoSchedule"),
    ],
    ids=lambda it: str(it["key"]),
)
def test_taints_that_keep_no_gpu_pod_away(harmless: Object) -> None:
    """A GPU pool's own taint, or a mere preference, leaves the devices free."""
    told = scrape(node(taints=[harmless]))

    assert ['gpu_node_free{node="n1",resource="nvidia.com/gpu"} 8'] == told.of("gpu_node_free")
    assert ['gpu_node_schedulable{node="n1"} 1'] == told.of("gpu_node_schedulable")


@pytest.mark.parametrize(
    "holder",
    [
        pod(phase="Pending"),
        pod(phase="Running"),
        pod(phase="Unknown"),
        pod(deletionTimestamp="2026-01-01T00:00:00Z"),
        pod(status=CRASHED),
    ],
    ids=["bound and pending", "running", "unknown", "terminating", "crash loop"],
)
def test_who_holds_devices(holder: Object) -> None:
    """From bind to a terminal phase the scheduler counts the devices as taken, and so do we."""
    told = scrape(node(), holder)

    assert ['gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 1'] == told.of(
        "gpu_node_allocated"
    )
    assert ['gpu_pod_allocated{namespace="ml",pod="p1",uid="uid-p1",node="n1"} 1'] == told.of(
        "gpu_pod_allocated"
    )


@pytest.mark.parametrize(
    "idle",
    [
        pod(phase="Failed", status={"reason": "Evicted"}),
        pod(phase="Failed", status={"reason": "UnexpectedAdmissionError"}),
        pod(phase="Succeeded"),
        pod(node="", phase="Pending"),
        pod(node="", phase="Pending", status={"nominatedNodeName": "n1"}),
        pod(node="n2"),
    ],
    ids=["evicted", "refused at admission", "succeeded", "unbound", "nominated", "elsewhere"],
)
def test_who_holds_none(idle: Object) -> None:
    """A pod that ended, or is not bound to this node, takes none of its devices."""
    assert 0 == allocated(node(), idle)


def test_mixed_mig() -> None:
    """Each profile has its own account, in GPUs: a slice of g sevenths is g/7."""
    mixed = node(gpus={GPU: 6, "nvidia.com/mig-1g.10gb": 7, "nvidia.com/mig-3g.40gb.me": 2})
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 6
        gpu_node_allocatable{node="n1",resource="nvidia.com/mig-1g.10gb"} 1
        gpu_node_allocatable{node="n1",resource="nvidia.com/mig-3g.40gb.me"} 0.857143
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_allocated{node="n1",resource="nvidia.com/mig-1g.10gb"} 0.285714
        gpu_node_allocated{node="n1",resource="nvidia.com/mig-3g.40gb.me"} 0
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 6
        gpu_node_capacity{node="n1",resource="nvidia.com/mig-1g.10gb"} 1
        gpu_node_capacity{node="n1",resource="nvidia.com/mig-3g.40gb.me"} 0.857143
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 6
        gpu_node_free{node="n1",resource="nvidia.com/mig-1g.10gb"} 0
        gpu_node_free{node="n1",resource="nvidia.com/mig-3g.40gb.me"} 0
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_overcommitted{node="n1",resource="nvidia.com/mig-1g.10gb"} 0
        gpu_node_overcommitted{node="n1",resource="nvidia.com/mig-3g.40gb.me"} 0
        gpu_node_unavailable{node="n1",resource="nvidia.com/mig-1g.10gb",reason="partitioned"} 0.714286
        gpu_node_unavailable{node="n1",resource="nvidia.com/mig-3g.40gb.me",reason="partitioned"} 0.857143
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == account(mixed, pod(gpus={"nvidia.com/mig-1g.10gb": 2}))


def test_two_gpu_resources_in_one_pod() -> None:
    """Each is taken from its own account, even from one the node does not have."""
    told = scrape(node(), pod(gpus={GPU: 2, "amd.com/gpu": 1}))
    expected = text("""
        gpu_node_allocated{node="n1",resource="amd.com/gpu"} 1
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 2
        gpu_node_overcommitted{node="n1",resource="amd.com/gpu"} 1
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 0
    """)

    assert expected == told.of("gpu_node_allocated", "gpu_node_overcommitted")


def test_a_node_without_gpus_is_not_published() -> None:
    """A scrape says nothing of nodes that have nothing to do with GPUs."""
    told = scrape(node(gpus=None))

    assert [] == [line for line in told.lines if "n1" in line]
    assert ['gpu_free_nodes{gpus="1"} 0'] == [it for it in told.of("gpu_free_nodes") if '"1"' in it]


def test_a_broken_quantity_is_malformed() -> None:
    """A node whose devices cannot be counted is not guessed at."""
    with pytest.raises(MalformedObject, match="'many' is not a quantity"):
        scrape(node(gpus="many"))


def test_a_static_pod_is_counted_once() -> None:
    """The API server knows a static pod by its mirror only, which holds devices like any other."""
    mirror = pod(
        "agent-n1",
        2,
        annotations={"kubernetes.io/config.mirror": "abc"},
        **owned(reference("Node", "n1")),
    )

    assert 2 == allocated(node(), mirror)


def test_a_negative_capacity_is_none() -> None:
    """No node has fewer than no devices, whatever its plugin reports."""
    told = scrape(node(gpus="-8"))

    assert ['gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 0'] == told.of(
        "gpu_node_capacity"
    )


def test_more_allocatable_than_capacity() -> None:
    """One may be told ahead of the other for a moment: nothing is free that is not there."""
    assert 4 == value(scrape(node(gpus=4, allocatable=8)).of("gpu_node_free"))


def test_an_update_replaces_what_was_said_before() -> None:
    """A pod that ends gives its devices back, and a node that shrinks has fewer."""
    relay = Relay().put(node(), pod(gpus=8))

    assert 8 == value(relay.scrape().of("gpu_node_allocated"))

    relay.put(node(gpus=4), pod(gpus=8, phase="Succeeded"))

    assert 0 == value(relay.scrape().of("gpu_node_allocated"))
    assert 4 == value(relay.scrape().of("gpu_node_free"))
