"""Every device of a node accounted for: from nodes' and pods' JSON to exposition text."""

import pytest

from exporter.errors import MalformedObject
from tests.support.objects import GPU, Object, containers_in, node, pod, taint
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
        (node(ready="Unknown"), "not_ready"),
        (node(cordoned=True), "cordoned"),
        (node(cordoned=True, taints=[taint("node.kubernetes.io/unschedulable")]), "cordoned"),
        (node(taints=[taint("dedicated")]), "tainted"),
        (node(taints=[taint("dedicated", "NoExecute")]), "tainted"),
        (node(ready="False", cordoned=True, taints=[taint("dedicated")]), "not_ready"),
    ],
    ids=[
        "not ready",
        "unheard of",
        "cordoned",
        "cordoned, with its taint",
        "tainted",
        "tainted for the running too",
        "all of it",
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
        gpu_node_unavailable{node="n1",resource="nvidia.com/mig-1g.10gb",reason="partly_allocated"} 0.714286
        gpu_node_unavailable{node="n1",resource="nvidia.com/mig-3g.40gb.me",reason="partly_allocated"} 0.857143
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == account(mixed, pod(gpus={"nvidia.com/mig-1g.10gb": 2}))


@pytest.mark.parametrize("name", ["nvidia.com/gpu.shared", "nvidia.com/gpu"])
def test_time_slicing(name: str) -> None:
    """Ten replicas of eight GPUs stay eight GPUs, whether or not the plugin renames them."""
    sliced = node(gpus={name: 80}, labels={"nvidia.com/gpu.count": "8"})
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="{name}"}} 8
        gpu_node_allocated{{node="n1",resource="{name}"}} 1.5
        gpu_node_capacity{{node="n1",resource="{name}"}} 8
        gpu_node_free{{node="n1",resource="{name}"}} 6
        gpu_node_overcommitted{{node="n1",resource="{name}"}} 0
        gpu_node_unavailable{{node="n1",resource="{name}",reason="partly_allocated"}} 0.5
    """)

    assert expected == account(sliced, pod(gpus={name: 15}))


def test_kai_fractions_and_their_reservation() -> None:
    """Two halves of one GPU hold one GPU; the pod that reserves it holds none beside them."""
    half: Object = {"annotations": {"gpu-fraction": "0.5"}}
    reservation = pod("gpu-reservation", 1, namespace="kai-resource-reservation")
    told = scrape(node(), reservation, pod("a", None, **half), pod("b", None, **half))

    assert ['gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 1'] == told.of(
        "gpu_node_allocated"
    )
    assert ['gpu_node_free{node="n1",resource="nvidia.com/gpu"} 7'] == told.of("gpu_node_free")
    assert 2 == len(told.of("gpu_pod_info"))


def share(name: str, milli: int, index: str = "") -> Object:
    """Return a pod with a share of a GPU, placed on devices when *index* says which."""
    notes = {"alibabacloud.com/gpu-milli": str(milli), "alibabacloud.com/gpu-count": "1"}
    placed = {"alibabacloud.com/gpu-index": index} if index else {}
    return pod(name, None, annotations=notes | placed)


@pytest.mark.parametrize(
    ("shares", "free"),
    [
        ([share("a", 300), share("b", 300)], 7),
        ([share("a", 300, "0"), share("b", 300, "0")], 7),
        ([share("a", 300, "0"), share("b", 300, "1")], 6),
        ([share("a", 300, "0"), share("b", 300)], 6),
    ],
    ids=["unplaced", "on one device", "on two devices", "one placed, one not"],
)
def test_shares_and_the_devices_they_touch(shares: list[Object], free: int) -> None:
    """A device is free when no share of it is held; unplaced shares are taken as packed."""
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="nvidia.com/gpu"}} 8
        gpu_node_allocated{{node="n1",resource="nvidia.com/gpu"}} 0.6
        gpu_node_capacity{{node="n1",resource="nvidia.com/gpu"}} 8
        gpu_node_free{{node="n1",resource="nvidia.com/gpu"}} {free}
        gpu_node_overcommitted{{node="n1",resource="nvidia.com/gpu"}} 0
        gpu_node_unavailable{{node="n1",resource="nvidia.com/gpu",reason="partly_allocated"}} {7.4 - free:.1f}
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == account(node(), *shares)


def test_placement_of_whole_devices() -> None:
    """A list of devices may name several; naming one twice frees none that is held."""
    notes = {"alibabacloud.com/gpu-milli": "1000", "alibabacloud.com/gpu-count": "3"}
    placed = pod("a", None, annotations=notes | {"alibabacloud.com/gpu-index": "2-3-4"})
    doubled = pod("a", None, annotations=notes | {"alibabacloud.com/gpu-index": "2-2-2"})
    free = ['gpu_node_free{node="n1",resource="nvidia.com/gpu"} 5']

    assert free == scrape(node(), placed).of("gpu_node_free")
    assert free == scrape(node(), doubled).of("gpu_node_free")


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
    assert [] == scrape(node(gpus=None)).without("gpu_pods", "gpu_event")


def test_a_broken_quantity_is_malformed() -> None:
    """A node whose devices cannot be counted is not guessed at."""
    with pytest.raises(MalformedObject, match="'many' is not a quantity"):
        scrape(node(gpus="many"))


def test_an_update_replaces_what_was_said_before() -> None:
    """A pod that ends gives its devices back, and a node that shrinks has fewer."""
    relay = Relay().put(node(), pod(gpus=8))

    assert 8 == value(relay.scrape().of("gpu_node_allocated"))

    relay.put(node(gpus=4), pod(gpus=8, phase="Succeeded"))

    assert 0 == value(relay.scrape().of("gpu_node_allocated"))
    assert 4 == value(relay.scrape().of("gpu_node_free"))
