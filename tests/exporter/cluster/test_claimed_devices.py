"""GPUs by Dynamic Resource Allocation: from claims, slices, nodes and pods to exposition text."""

from itertools import permutations
from typing import Any

import pytest

from tests.support.dra import claim, device, gpus, request, slice_
from tests.support.objects import EPOCH, GPU, Object, node, pod
from tests.support.scrape import ACCOUNT, Relay, scrape, text, value

NODE = node(gpus=None)
SLICE = slice_(gpus(4))
HELD = "gpu_pod_allocated"
ASKED = "gpu_pod_requested"
DRIVER = "gpu.nvidia.com"


def claiming(name: str = "p1", *claims: str, **members: Any) -> Object:
    """Return a pod that names claims and asks for nothing else; of one claim unless given."""
    named = [{"name": it, "resourceClaimName": it} for it in claims or ("c1",)]
    spec = {"resourceClaims": named}
    return pod(name, None, spec=spec, **members)


def extended(name: str = "p1", amount: int = 2) -> Object:
    """Return a pod whose extended resource a claim stands for."""
    mapping = {"containerName": "c", "resourceName": GPU, "requestName": "r0"}
    status = {"resourceClaimName": "c1", "requestMappings": [mapping]}
    return pod(name, amount, status={"extendedResourceClaimStatus": status})


@pytest.mark.parametrize(
    "told",
    list(permutations([NODE, SLICE, claim("c1", ["gpu-0", "gpu-1"], pods=["p1"]), claiming()])),
    ids=lambda told: " ".join(it["kind"].removeprefix("Resource") for it in told),
)
def test_a_pod_with_a_claim_only(told: tuple[Object, ...]) -> None:
    """It is a GPU pod by its claim, and its node a GPU node by its slice, in any order."""
    page = scrape(*told)
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="{DRIVER}"}} 4
        gpu_node_allocated{{node="n1",resource="{DRIVER}"}} 2
        gpu_node_capacity{{node="n1",resource="{DRIVER}"}} 4
        gpu_node_free{{node="n1",resource="{DRIVER}"}} 2
        gpu_node_overcommitted{{node="n1",resource="{DRIVER}"}} 0
        gpu_pod_allocated{{namespace="ml",pod="p1",uid="uid-p1",node="n1"}} 2
        gpu_pod_requested{{namespace="ml",pod="p1",uid="uid-p1"}} 2
    """)

    assert expected == page.of(*ACCOUNT, HELD, ASKED)
    assert 'gpu_pods{phase="Running"} 1' in page.lines
    assert 'gpu_events_total{type="PodCreated"} 1' in page.lines
    assert 'gpu_events_total{type="NodeAdded"} 1' in page.lines


def test_a_node_of_slices_only_is_told_as_added() -> None:
    """A node joins before its driver does; the news comes with the devices, and once."""
    relay = Relay().put(NODE, SLICE, slice_(gpus(4), generation=2), NODE)
    told = [it for it in relay.scrape().of("gpu_event_timestamp_seconds") if "NodeAdded" in it]

    expected = text(f"""
        gpu_event_timestamp_seconds{{id="NodeAdded/uid-n1",type="NodeAdded",object="n1",message="New node with 4 GPUs added"}} {EPOCH}
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == told


def test_the_model_that_devices_tell() -> None:
    """Where no label names the model, the devices do; a label outweighs them."""
    named = slice_([device("gpu-0", attributes={"productName": "NVIDIA H100 80GB HBM3"})])
    labelled = node(gpus=None, labels={"nvidia.com/gpu.product": "NVIDIA-A100"})
    hired = node(gpus=None, labels={"node.kubernetes.io/instance-type": "p5"})
    block = "gpu_free_block"

    assert [f'{block}{{model="NVIDIA-H100-80GB-HBM3"}} 1'] == scrape(NODE, named).of(block)
    assert [f'{block}{{model="NVIDIA-H100-80GB-HBM3"}} 1'] == scrape(hired, named).of(block)
    assert [f'{block}{{model="NVIDIA-A100"}} 1'] == scrape(labelled, named).of(block)
    assert [f'{block}{{model="p5"}} 4'] == scrape(hired, slice_(gpus(4))).of(block)


def test_a_shared_claim_is_halved() -> None:
    """Two pods with one claim have half of its device each, and the node gives one."""
    shared = claim("c1", ["gpu-0"], pods=["a", "b"])
    relay = Relay().put(NODE, SLICE, shared, claiming("a"))

    assert ['gpu_pod_allocated{namespace="ml",pod="a",uid="uid-a",node="n1"} 1'] == (
        relay.scrape().of(HELD)
    )

    relay.put(claiming("b"))

    assert text("""
        gpu_node_allocated{node="n1",resource="gpu.nvidia.com"} 1
        gpu_pod_allocated{namespace="ml",pod="a",uid="uid-a",node="n1"} 0.5
        gpu_pod_allocated{namespace="ml",pod="b",uid="uid-b",node="n1"} 0.5
    """) == relay.scrape().of(HELD, "gpu_node_allocated")


def test_a_claim_that_is_only_reserved() -> None:
    """Allocated, and nobody uses it: the device is neither held nor free."""
    told = scrape(NODE, SLICE, claim("c1", ["gpu-0"]))
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="{DRIVER}"}} 4
        gpu_node_allocated{{node="n1",resource="{DRIVER}"}} 0
        gpu_node_capacity{{node="n1",resource="{DRIVER}"}} 4
        gpu_node_free{{node="n1",resource="{DRIVER}"}} 3
        gpu_node_overcommitted{{node="n1",resource="{DRIVER}"}} 0
        gpu_node_unavailable{{node="n1",resource="{DRIVER}",reason="reserved"}} 1
    """)

    assert expected == told.of(*ACCOUNT)


def test_an_extended_resource_is_counted_once() -> None:
    """Once its claim is allocated the claim counts, not the request; the node has no more."""
    waiting = [NODE, SLICE, extended()]
    placed = [*waiting, claim("c1", ["gpu-0", "gpu-1"], pods=["p1"])]
    expected = text("""
        gpu_node_allocated{node="n1",resource="gpu.nvidia.com"} 2
        gpu_node_overcommitted{node="n1",resource="gpu.nvidia.com"} 0
        gpu_pod_allocated{namespace="ml",pod="p1",uid="uid-p1",node="n1"} 2
        gpu_pod_requested{namespace="ml",pod="p1",uid="uid-p1"} 2
    """)

    assert 2 == value(scrape(*waiting).of(ASKED))
    for order in permutations(placed):
        told = scrape(*order).of(HELD, ASKED, "gpu_node_allocated", "gpu_node_overcommitted")

        assert expected == told


@pytest.mark.parametrize("how", ["ends", "is deleted", "is left out of a new list"])
def test_a_pod_that_goes_gives_its_devices_back(how: str) -> None:
    """The claim stays reserved for it for a moment: its devices are not allocated any more."""
    relay = Relay().put(NODE, SLICE, claim("c1", ["gpu-0"], pods=["p1"]), claiming())

    assert 1 == value(relay.scrape().of("gpu_node_allocated"))
    if how == "ends":
        relay.put(claiming(phase="Succeeded"))
    elif how == "is deleted":
        relay.drop(claiming())
    else:
        relay.replace_pods([])

    assert 0 == value(relay.scrape().of("gpu_node_allocated"))
    assert [] == relay.scrape().of(HELD)
    assert 3 == value(relay.scrape().of("gpu_node_free"))
    assert 4 == value(relay.drop(claim("c1")).scrape().of("gpu_node_free"))


def test_a_claim_that_nobody_can_count() -> None:
    """A pod that asks for all devices of a node asks for GPUs, and nobody knows for how many."""
    told = scrape(
        claim("c1", requests=[request(allocationMode="All")]),
        claiming(node="", phase="Pending"),
    )

    assert 1 == len(told.of("gpu_pod_info"))
    assert [] == told.of(ASKED)
    assert ['gpu_pending_pods{namespace="ml",reason="not_considered"} 1'] == told.of(
        "gpu_pending_pods"
    )


def test_a_claim_that_waits_is_demand() -> None:
    """What a claim asks for before it is allocated is what its pod asks for."""
    told = scrape(claim("c1", requests=[request(count=3)]), claiming(node="", phase="Pending"))

    assert 3 == value(told.of(ASKED))
    assert 3 == value(told.of("gpu_pending_requested"))


def test_a_claim_for_something_else() -> None:
    """A pod with a claim of network cards is none of ours."""
    told = scrape(claim("c1", requests=[request("nic.example.com")]), claiming())

    assert [] == told.of_pods()
    assert 'gpu_events_total{type="PodCreated"} 0' in told.lines


def test_claims_are_of_a_namespace() -> None:
    """A claim of the same name elsewhere says nothing of this pod."""
    told = scrape(claim("c1", requests=[request()]), claiming(namespace="other"))

    assert [] == told.of_pods()


def test_an_orphan_with_a_claim() -> None:
    """What a pod holds by a claim is orphaned with its node like any other GPUs."""
    told = scrape(SLICE, claim("c1", ["gpu-0", "gpu-1"], pods=["p1"]), claiming(), pod("a", 3))

    assert ["gpu_orphaned_allocated 5"] == told.of("gpu_orphaned_allocated")


def test_slices_that_go() -> None:
    """With its last slice a node has nothing to do with GPUs; it is told of once it is gone."""
    relay = Relay().put(NODE, SLICE)

    assert [] == relay.drop(SLICE).scrape().of_nodes()
    assert 'gpu_events_total{type="NodeRemoved"} 1' in relay.drop(NODE).scrape().lines
