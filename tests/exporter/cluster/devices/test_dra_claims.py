"""What pods ask for and have by claims, and what a change of a claim touches."""

import pytest

from exporter.cluster.devices.inventory import Touched
from exporter.errors import MalformedObject
from tests.support.dra import (
    NVIDIA,
    Told,
    claim,
    device,
    gpus,
    read_claim,
    request,
    result,
    slice_,
)
from tests.support.objects import MIDNIGHT, Object

LATER = "2026-01-02T00:00:00Z"


def profile(name: str) -> list[Object]:
    """Return selectors for a MIG profile."""
    return [{"cel": {"expression": f"device.attributes['gpu.nvidia.com'].profile == '{name}'"}}]


@pytest.mark.parametrize(
    ("requests", "asked"),
    [
        ([request()], {NVIDIA: 1}),
        ([request(count=4)], {NVIDIA: 4}),
        ([request(count=2, allocationMode="ExactCount"), request(count=3)], {NVIDIA: 5}),
        ([request("vfio.gpu.nvidia.com")], {NVIDIA: 1}),
        ([request("gpu.amd.com", count=8)], {"gpu.amd.com": 8}),
        ([request("mig.nvidia.com", selectors=profile("3g.40gb"), count=2)], {NVIDIA: 0.857143}),
        ([request("mig.nvidia.com", selectors=profile("1g.6gb"))], {NVIDIA: 0.25}),
        ([{"name": "a", "firstAvailable": [{"deviceClassName": NVIDIA, "count": 2}]}], {NVIDIA: 2}),
        ([request(adminAccess=True, allocationMode="All")], {}),
        ([request("compute-domain-daemon.nvidia.com")], {}),
        ([{"name": "a", "firstAvailable": []}], {}),
        ([], {}),
        ([request(allocationMode="All")], None),
        ([request(), request(allocationMode="All")], None),
        ([request("mig.nvidia.com")], None),
        ([request("mig.nvidia.com", selectors=[{}])], None),
        ([request(capacity={"requests": {"memory": "10Gi"}})], None),
        (
            [
                request(
                    "gpu.amd.com",
                    selectors=[
                        {
                            "cel": {
                                "expression": "device.attributes['gpu.amd.com'].type"
                                " == 'amdgpu-partition'"
                            }
                        }
                    ],
                )
            ],
            None,
        ),
    ],
    ids=[
        "one",
        "several of a kind",
        "several requests",
        "for a virtual machine",
        "another vendor's",
        "a profile",
        "a profile of the A30",
        "the first alternative",
        "for monitoring",
        "no GPU",
        "no alternative",
        "nothing",
        "all there are",
        "all there are, beside one",
        "any profile",
        "any profile, by an empty selector",
        "a share",
        "a partition",
    ],
)
def test_what_a_pending_claim_asks_for(
    requests: list[Object], asked: dict[str, float] | None
) -> None:
    """GPUs as the requests count them; nothing at all where they cannot be counted."""
    told = Told(claim("a", requests=requests))

    assert asked == told.inventory.asked("ml", ["a"])
    assert (asked != {}) == told.inventory.concerns_gpus("ml", ["a"])


def test_what_several_claims_ask_for() -> None:
    """A pod's claims add up; one that was not told of adds nothing, nor another namespace's."""
    told = Told(claim("a", requests=[request(count=2)]), claim("b", requests=[request()]))

    assert {NVIDIA: 3} == told.inventory.asked("ml", ["a", "b", "c"])
    assert {} == told.inventory.asked("other", ["a", "b"])
    assert not told.inventory.concerns_gpus("other", ["a", "b"])


def test_an_allocated_claim_asks_for_what_it_has() -> None:
    """Even when its request could not be counted, and before its pods hold it."""
    mine = claim("a", ["gpu-0", "gpu-1"], pods=["p", "q"], requests=[request(allocationMode="All")])
    told = Told(slice_(gpus(2)), mine)

    assert {NVIDIA: 1} == told.inventory.asked("ml", ["a"])
    assert {} == told.amounts("p")

    told.holding.add("uid-p")
    assert {NVIDIA: 2} == told.inventory.asked("ml", ["a"]) == told.amounts("p")


def test_an_allocated_claim_of_nobody() -> None:
    """A pod that names it would get all of it."""
    told = Told(slice_(gpus(2)), claim("a", ["gpu-0"]))

    assert {NVIDIA: 1} == told.inventory.asked("ml", ["a"])


def test_a_claim_that_came_again() -> None:
    """Of two of one name the allocated one counts, else the newer; told in any order."""
    old = claim("a", uid="1", requests=[request(count=2)], creationTimestamp=MIDNIGHT)
    new = claim("a", uid="0", requests=[request(count=3)], creationTimestamp=LATER)
    given = claim("a", ["gpu-0"], uid="2", creationTimestamp=None)

    assert {NVIDIA: 3} == Told(old, new).inventory.asked("ml", ["a"])
    assert {NVIDIA: 3} == Told(new, old).inventory.asked("ml", ["a"])
    told = Told(given, new, old)
    assert {NVIDIA: 1} == told.inventory.asked("ml", ["a"])
    told.drop(given, new)
    assert {NVIDIA: 2} == told.inventory.asked("ml", ["a"])


def test_an_extended_resource_backed_by_a_claim() -> None:
    """Once the hidden claim has its GPUs they are counted by it, and the request is not."""
    hidden = claim("p-extended-resources-x7", ["gpu-0"], pods=["p"])
    told = Told(slice_(gpus(2)), holding="p")
    names = frozenset({"p-extended-resources-x7"})

    assert not told.inventory.covers("ml", names)
    told.put(claim("p-extended-resources-x7", requests=[request()]))
    assert not told.inventory.covers("ml", names)
    told.put(hidden)
    assert told.inventory.covers("ml", names)
    assert not told.inventory.covers("ml", names | {"not told of yet"})
    assert not told.inventory.covers("other", names)
    assert not told.inventory.covers("ml", frozenset())
    assert {NVIDIA: 1} == told.amounts("p")


def test_a_claim_for_something_else_covers_nothing() -> None:
    """A network card does not stand for a GPU."""
    told = Told(claim("a", [result("nic-0", driver="dra.net")], pods=["p"]))

    assert not told.inventory.covers("ml", frozenset({"a"}))
    assert not told.inventory.concerns_gpus("ml", ["a"])


def test_a_pod_has_several_claims() -> None:
    """They add up, driver by driver."""
    told = Told(
        slice_(gpus(2)),
        claim("a", ["gpu-0"], pods=["p"]),
        claim("b", ["gpu-1", result("gpu-0-128", driver="gpu.amd.com")], pods=["p"]),
        holding="p",
    )

    assert {NVIDIA: 2, "gpu.amd.com": 1} == told.amounts("p")


def test_a_pod_named_twice_by_one_claim() -> None:
    """It has the claim once."""
    told = Told(slice_(gpus(2)), claim("a", ["gpu-0"], pods=["p", "p"]), holding="p")

    assert {NVIDIA: 1} == told.amounts("p")


@pytest.mark.parametrize(
    "broken",
    [
        claim("a", [result("gpu-0", consumedCapacity={"memory": "much"})]),
        claim("a", requests=[{"name": "a", "exactly": {"count": 2}}]),
        claim("a", consumers=[{"resource": "pods"}]),
    ],
    ids=["an amount", "a request without a class", "a consumer without identity"],
)
def test_a_broken_claim_is_malformed(broken: Object) -> None:
    """It is not guessed at."""
    with pytest.raises(MalformedObject):
        read_claim(broken)


def test_a_claim_of_the_fewest_members() -> None:
    """What the API server leaves out is not missed."""
    bare = {"kind": "ResourceClaim", "metadata": {"name": "a", "uid": "a", "namespace": "ml"}}
    empty = bare | {"spec": {}, "status": {"allocation": {}}}

    assert {} == Told(bare).inventory.asked("ml", ["a"])
    assert {} == Told(empty).inventory.asked("ml", ["a"])


def touched(nodes: str = "", pods: str = "", claims: str = "") -> Touched:
    """Return what is touched, each by names without prefix."""
    return Touched(
        frozenset(nodes.split()),
        frozenset(f"uid-{pod}" for pod in pods.split()),
        frozenset(("ml", name) for name in claims.split()),
    )


def test_what_a_slice_touches() -> None:
    """The nodes that have its GPUs or had them, and the pods whose GPUs they are."""
    told = Told(slice_(gpus(2), node="n2"), claim("a", ["gpu-0"], pods=["p"], node="n1"))

    assert touched("n1", "p", "a") == told.put(slice_(gpus(2)))
    assert touched() == told.put(slice_(gpus(2)))
    assert touched("n1", "p", "a") == told.put(slice_(gpus(3)))
    assert touched("n1", "p", "a") == told.drop(slice_([]))
    assert touched("n2") == told.drop(slice_([], node="n2"))
    assert touched() == told.drop(slice_([], node="n2"))
    assert touched() == told.put(slice_([device("channel")], driver="compute-domain.nvidia.com"))
    assert touched() == told.drop(slice_([], driver="compute-domain.nvidia.com"))


def test_what_a_claim_touches() -> None:
    """The nodes of its devices, its pods of before and now, and those it shares a device with."""
    told = Told(slice_(gpus(2)), slice_(gpus(2), node="n2"))

    assert touched(claims="a") == told.put(claim("a", requests=[request()]))
    assert touched("n1", "p", "a") == told.put(claim("a", ["gpu-0"], pods=["p"]))
    assert touched() == told.put(claim("a", ["gpu-0"], pods=["p"]))
    assert touched("n1", "p q", "a") == told.put(claim("a", ["gpu-0"], pods=["q"]))
    assert touched("n1", "q r", "a b") == told.put(claim("b", ["gpu-0"], pods=["r"]))
    assert touched("n1", "q r", "a b") == told.drop(claim("b"))
    assert touched("n1 n2", "q", "a") == told.put(claim("a", [result("gpu-0", pool="n2")]))
    assert touched("n2", "", "a") == told.drop(claim("a"))
    assert touched() == told.drop(claim("a"))
    assert touched("n3", "", "c") == told.put(claim("c", [result("gone", pool="n3")], node="n3"))


def test_what_a_pod_touches() -> None:
    """When it begins or ceases to hold: the nodes of its claims, and the pods it shares with."""
    told = Told(slice_(gpus(2)), claim("a", ["gpu-0"], pods=["p", "q"]), claim("b", pods=["p"]))

    assert touched("n1", "p q", "a") == told.inventory.of_pod("uid-p")
    assert touched() == told.inventory.of_pod("uid-unknown")


def test_all_claims_anew() -> None:
    """Those that are not among them are gone, and what they had is free."""
    told = Told(slice_(gpus(2)), claim("a", ["gpu-0"], pods=["p"]), claim("b", ["gpu-1"]))
    now = told.inventory.replace_claims([read_claim(claim("b", ["gpu-1"], pods=["q"]))])

    assert touched("n1", "p q", "a b") == now
    assert ["gpu.nvidia.com: 2 = 0 allocated + 1 free + 1 reserved (2 allocatable)"] == (
        told.accounts()
    )
    assert {"resourceslices": 1, "resourceclaims": 1} == told.inventory.counts()
