"""Who has a node's GPUs by claims: from ResourceSlices and ResourceClaims to accounts."""

import pytest

from tests.support.dra import (
    AMD,
    NVIDIA,
    Told,
    chip,
    claim,
    device,
    gpus,
    mig,
    result,
    slice_,
)
from tests.support.objects import Object, taint
from tests.support.scrape import text


def test_a_node_with_nothing_allocated() -> None:
    """Every listed GPU is free."""
    expected = ["gpu.nvidia.com: 8 = 0 allocated + 8 free (8 allocatable)"]

    assert expected == Told(slice_(gpus(8))).accounts()


def test_a_claim_holds_its_devices() -> None:
    """What a bound pod's claim was given is allocated."""
    told = Told(slice_(gpus(8)), claim("a", ["gpu-0", "gpu-1"], pods=["p"]), holding=["p"])

    assert ["gpu.nvidia.com: 8 = 2 allocated + 6 free (8 allocatable)"] == told.accounts()
    assert {NVIDIA: 2} == told.amounts("p")


def test_a_claim_shared_by_pods() -> None:
    """It counts once on the node, and each of its pods has its part of it."""
    shared = claim("a", ["gpu-0", "gpu-1"], pods=["p", "q", "r", "s"])
    told = Told(slice_(gpus(8)), shared, holding="pqrs")

    assert ["gpu.nvidia.com: 8 = 2 allocated + 6 free (8 allocatable)"] == told.accounts()
    assert [{NVIDIA: 0.5}] * 4 == [told.amounts(pod) for pod in "pqrs"]


def test_a_pod_that_ended_leaves_its_part_to_the_others() -> None:
    """A finished pod holds nothing of a claim that others still use."""
    told = Told(slice_(gpus(8)), claim("a", ["gpu-0"], pods=["p", "q"]), holding=["p"])

    assert ["gpu.nvidia.com: 8 = 1 allocated + 7 free (8 allocatable)"] == told.accounts()
    assert {NVIDIA: 1} == told.amounts("p")
    assert {} == told.amounts("q")


def test_access_for_monitoring() -> None:
    """A pod that only watches a GPU takes nothing from the one that computes on it."""
    watching = claim("watch", [result("gpu-0", adminAccess=True)], pods=["watch"])
    told = Told(
        slice_(gpus(8)), watching, claim("a", ["gpu-0"], pods=["p"]), holding=["watch", "p"]
    )

    assert ["gpu.nvidia.com: 8 = 1 allocated + 7 free (8 allocatable)"] == told.accounts()
    assert {} == told.amounts("watch")
    assert {NVIDIA: 1} == told.amounts("p")


@pytest.mark.parametrize(
    ("objects", "holding"),
    [
        ([claim("a", ["gpu-0"])], []),
        ([claim("a", ["gpu-0"], pods=["p"])], []),
    ],
    ids=["for nobody", "for a pod that ended or that nobody knows"],
)
def test_allocated_and_used_by_nobody(objects: list[Object], holding: list[str]) -> None:
    """Such a device is reserved: not allocated to anyone, and not free either."""
    expected = ["gpu.nvidia.com: 8 = 0 allocated + 7 free + 1 reserved (8 allocatable)"]

    assert expected == Told(slice_(gpus(8)), *objects, holding=holding).accounts()


def test_reserved_for_something_that_is_no_pod() -> None:
    """A group of pods uses its claim, although which of them has what is not told."""
    group = {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "g", "uid": "g"}
    told = Told(slice_(gpus(8)), claim("a", ["gpu-0"], consumers=[group]))

    assert ["gpu.nvidia.com: 8 = 1 allocated + 7 free (8 allocatable)"] == told.accounts()


def test_shares_of_one_device_by_memory() -> None:
    """Each claim has what it takes of the device's memory."""
    shared = slice_([device("gpu-0", allowMultipleAllocations=True)])
    a = result("gpu-0", shareID="1", consumedCapacity={"gpu.nvidia.com/memory": "20Gi"})
    b = result("gpu-0", shareID="2", consumedCapacity={"memory": "40Gi"})
    told = Told(shared, claim("a", [a], pods=["p"]), claim("b", [b], pods=["q"]), holding="pq")
    expected = text("""
        gpu.nvidia.com: 1 = 0.75 allocated + 0 free + 0.25 partly_allocated (1 allocatable)
    """)

    assert expected == told.accounts()
    assert [{NVIDIA: 0.25}, {NVIDIA: 0.5}] == [told.amounts("p"), told.amounts("q")]


@pytest.mark.parametrize("memory", [None, 0], ids=["not told", "unreadable"])
def test_shares_of_a_device_of_unknown_size(memory: int | None) -> None:
    """Without the device's memory the shares are taken as equal."""
    shared = slice_([device("gpu-0", memory=memory, allowMultipleAllocations=True)])
    takers = [
        claim(
            name, [result("gpu-0", shareID=name, consumedCapacity={"memory": "1Gi"})], pods=[name]
        )
        for name in "abc"
    ]
    told = Told(shared, *takers, holding="abc")

    assert ["gpu.nvidia.com: 1 = 1 allocated + 0 free (1 allocatable)"] == told.accounts()
    assert {NVIDIA: 0.333333} == told.amounts("a")


def test_two_shares_of_one_device_in_one_claim() -> None:
    """Both are counted, and both are the pod's."""
    shared = slice_([device("gpu-0", memory=None, allowMultipleAllocations=True)])
    both = claim("a", [result("gpu-0", shareID="1"), result("gpu-0", shareID="2")], pods=["p"])
    told = Told(shared, both, holding="p")

    assert ["gpu.nvidia.com: 1 = 1 allocated + 0 free (1 allocatable)"] == told.accounts()
    assert {NVIDIA: 1} == told.amounts("p")


def test_a_share_in_use_beside_one_that_is_reserved() -> None:
    """Shares are told apart by whether anybody uses them."""
    shared = slice_([device("gpu-0", memory=None, allowMultipleAllocations=True)])
    a = claim("a", [result("gpu-0", shareID="1")], pods=["p"])
    b = claim("b", [result("gpu-0", shareID="2")])
    expected = ["gpu.nvidia.com: 1 = 0.5 allocated + 0 free + 0.5 reserved (1 allocatable)"]

    assert expected == Told(shared, a, b, holding="p").accounts()


def test_one_device_told_of_twice_counts_once() -> None:
    """A claim that came again before its predecessor was told to be gone holds nothing more."""
    stale = claim("a", ["gpu-0"], uid="old", pods=["gone"])
    told = Told(slice_(gpus(8)), stale, claim("a", ["gpu-0"], pods=["p"]), holding="p")

    assert ["gpu.nvidia.com: 8 = 1 allocated + 7 free (8 allocatable)"] == told.accounts()
    assert {NVIDIA: 1} == told.amounts("p")


def partitionable() -> Object:
    """Return a GPU listed as a whole, in parts, and for a virtual machine; and one beside it."""
    return slice_(
        [
            *gpus(2),
            *(mig(0, "1g.10gb", number) for number in range(7)),
            *(mig(0, "3g.40gb", number) for number in range(2)),
            device(
                "gpu-vfio-0",
                "vfio",
                attributes={"uuid": "VFIO-0", "pcieBusID": "0000:00:00.0"},
            ),
        ]
    )


def test_a_partitionable_gpu_is_one_gpu() -> None:
    """However many parts and forms of it are listed."""
    expected = ["gpu.nvidia.com: 2 = 0 allocated + 2 free (2 allocatable)"]

    assert expected == Told(partitionable()).accounts()


def test_a_part_of_a_partitionable_gpu() -> None:
    """The GPU it is cut from is not wholly free any more."""
    told = Told(partitionable(), claim("a", ["gpu-0-mig-3g40gb-1"], pods=["p"]), holding="p")
    expected = text("""
        gpu.nvidia.com: 2 = 0.428571 allocated + 1 free + 0.571429 partly_allocated (2 allocatable)
    """)

    assert expected == told.accounts()
    assert {NVIDIA: 0.428571} == told.amounts("p")


def test_all_parts_of_a_gpu() -> None:
    """Seven sevenths are one GPU, without a rest."""
    names = [f"gpu-0-mig-1g10gb-{number}" for number in range(7)]
    told = Told(partitionable(), claim("a", names, pods=["p"]), holding="p")

    assert ["gpu.nvidia.com: 2 = 1 allocated + 1 free (2 allocatable)"] == told.accounts()
    assert {NVIDIA: 1} == told.amounts("p")


def test_a_gpu_handed_to_a_virtual_machine() -> None:
    """It is the same GPU in another form, so the GPU is allocated."""
    told = Told(partitionable(), claim("a", ["gpu-vfio-0"], pods=["p"]), holding="p")

    assert ["gpu.nvidia.com: 2 = 1 allocated + 1 free (2 allocatable)"] == told.accounts()


def test_a_gpu_cut_for_good() -> None:
    """Where only its MIG devices are listed, it has what they add up to."""
    cut = slice_([mig(0, "3g.40gb"), mig(0, "2g.20gb"), *(mig(1, "1g.10gb", n) for n in range(7))])
    told = Told(cut, claim("a", ["gpu-0-mig-2g20gb-0"], pods=["p"]), holding="p")
    expected = text("""
        gpu.nvidia.com: 1.714286 = 0.285714 allocated + 1 free + 0.428572 partly_allocated (1.714286 allocatable)
    """)  # noqa: E501 - an account is one line

    assert expected == told.accounts()


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_tainted_device(effect: str) -> None:
    """A device that takes no new pod is there, but not to be had."""
    listed = slice_([*gpus(2), device("gpu-2", taint=effect)])
    expected = ["gpu.nvidia.com: 3 = 0 allocated + 2 free + 1 device_tainted (2 allocatable)"]

    assert expected == Told(listed).accounts()


def test_a_taint_that_only_informs() -> None:
    """It keeps nobody away."""
    expected = ["gpu.nvidia.com: 1 = 0 allocated + 1 free (1 allocatable)"]

    assert expected == Told(slice_([device("gpu-0", taint="None")])).accounts()


def test_a_device_that_is_tainted_while_in_use() -> None:
    """Who has it keeps it, and it is more than the node offers."""
    listed = slice_([*gpus(1), device("gpu-1", taint="NoSchedule")])
    told = Told(listed, claim("a", ["gpu-0", "gpu-1"], pods=["p"]), holding="p")
    expected = text("""
        gpu.nvidia.com: 2 = 2 allocated + 0 free + 1 device_tainted - 1 overcommitted (1 allocatable)
    """)  # noqa: E501 - an account is one line

    assert expected == told.accounts()


def test_a_tainted_device_that_is_reserved() -> None:
    """It is unavailable once, for the taint."""
    told = Told(slice_([device("gpu-0", taint="NoSchedule")]), claim("a", ["gpu-0"]))
    expected = ["gpu.nvidia.com: 1 = 0 allocated + 0 free + 1 device_tainted (0 allocatable)"]

    assert expected == told.accounts()


def test_a_tainted_part() -> None:
    """A GPU whose parts are tainted can still be had whole, and one that is, in parts."""
    part = slice_([*gpus(1), mig(0, "1g.10gb", taint="NoSchedule")])
    whole = slice_([device("gpu-0", taint="NoSchedule", attributes=chip(0)), mig(0, "7g.80gb")])

    assert ["gpu.nvidia.com: 1 = 0 allocated + 1 free (1 allocatable)"] == Told(part).accounts()
    assert ["gpu.nvidia.com: 1 = 0 allocated + 0 free + 1 device_tainted (1 allocatable)"] == Told(
        whole
    ).accounts()


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"ready": "False"}, "not_ready"),
        ({"cordoned": True}, "cordoned"),
        ({"taints": [taint("dedicated")]}, "tainted"),
    ],
    ids=["not ready", "cordoned", "tainted"],
)
def test_a_node_that_takes_no_work(condition: Object, reason: str) -> None:
    """Its idle GPUs are not free but unavailable, for the node's reason."""
    told = Told(slice_(gpus(8)), claim("a", ["gpu-0"], pods=["p"]), holding="p")
    expected = [f"gpu.nvidia.com: 8 = 1 allocated + 0 free + 7 {reason} (8 allocatable)"]

    assert expected == told.accounts(**condition)


def test_two_drivers_on_one_node() -> None:
    """Each driver's GPUs have an account of their own."""
    other = slice_([device("gpu-0-128", "amdgpu")], driver=AMD)
    expected = text("""
        gpu.amd.com: 1 = 0 allocated + 1 free (1 allocatable)
        gpu.nvidia.com: 2 = 0 allocated + 2 free (2 allocatable)
    """)

    assert expected == Told(slice_(gpus(2)), other).accounts()


def test_what_is_no_gpu() -> None:
    """Channels between nodes, network cards and claims on them are nothing of ours."""
    channels = slice_([device("channel-0", "channel")], driver="compute-domain.nvidia.com")
    used = claim("a", [result("channel-0", driver="compute-domain.nvidia.com")], pods=["p"])
    told = Told(channels, used, holding="p")

    assert [] == told.accounts()
    assert {} == told.amounts("p")


def test_pod_and_claim_in_any_order() -> None:
    """Only what is there at the end counts: claims and pods come and go in any order."""
    told = Told(slice_(gpus(1)))
    mine = claim("a", ["gpu-0"], pods=["p"])
    free = ["gpu.nvidia.com: 1 = 0 allocated + 1 free (1 allocatable)"]
    reserved = ["gpu.nvidia.com: 1 = 0 allocated + 0 free + 1 reserved (1 allocatable)"]
    allocated = ["gpu.nvidia.com: 1 = 1 allocated + 0 free (1 allocatable)"]

    told.put(mine)
    assert reserved == told.accounts()
    told.holding.add("uid-p")
    assert allocated == told.accounts()
    told.holding.clear()
    assert reserved == told.accounts()
    told.drop(mine)
    assert free == told.accounts()
    told.holding.add("uid-p")
    assert free == told.accounts()
    told.drop(mine)
    told.put(mine)
    assert allocated == told.accounts()
    told.put(claim("a", pods=["p"]))
    assert free == told.accounts()


def test_devices_that_no_slice_lists() -> None:
    """While a driver is replaced its pods keep what they hold; what is reserved is not known."""
    listed = slice_([*gpus(3), mig(1, "3g.40gb")])
    held = claim("a", ["gpu-0", "gpu-1-mig-3g40gb-0"], pods=["p"], node="n1")
    told = Told(listed, held, claim("b", ["gpu-2"], node="n1"), holding="p")
    before = text("""
        gpu.nvidia.com: 3 = 1.428571 allocated + 0 free + 0.571429 partly_allocated + 1 reserved (3 allocatable)
    """)  # noqa: E501 - an account is one line
    meanwhile = text("""
        gpu.nvidia.com: 0 = 1.428571 allocated + 0 free - 1.428571 overcommitted (0 allocatable)
    """)

    assert before == told.accounts()
    told.drop(listed)
    assert meanwhile == told.accounts()
    assert [] == told.accounts("n2")
    assert {NVIDIA: 1.428571} == told.amounts("p")
    told.put(listed)
    assert before == told.accounts()


def test_only_reserved_and_not_listed() -> None:
    """Nothing is said of GPUs that nobody uses and that are not known to be there."""
    assert [] == Told(claim("a", ["gpu-0"], node="n1")).accounts()


def test_a_slice_knows_better_than_a_claim_where_a_device_is() -> None:
    """A device is counted where its slice says it is, and nowhere else."""
    told = Told(slice_(gpus(1)), claim("a", ["gpu-0"], pods=["p"], node="n2"), holding="p")

    assert ["gpu.nvidia.com: 1 = 1 allocated + 0 free (1 allocatable)"] == told.accounts()
    assert [] == told.accounts("n2")


def test_a_share_of_a_device_that_no_slice_lists() -> None:
    """That it is a share is known from the claim itself."""
    a = claim("a", [result("gpu-0", shareID="1")], pods=["p"], node="n1")
    b = claim("b", [result("gpu-0", shareID="2")], node="n1")
    expected = ["gpu.nvidia.com: 0 = 0.5 allocated + 0 free - 0.5 overcommitted (0 allocatable)"]

    assert expected == Told(a, b, holding="p").accounts()
