"""Which GPUs ResourceSlices list: generations, places, and many devices that are one GPU."""

import pytest

from exporter.errors import MalformedObject
from tests.support.dra import (
    AMD,
    NVIDIA,
    Told,
    chip,
    claim,
    device,
    gpus,
    mig,
    read_slice,
    result,
    selector,
    slice_,
)
from tests.support.objects import Object
from tests.support.scrape import text


def capacity(*objects: Object, node: str = "n1") -> list[str]:
    """Return the capacity of each account of a node."""
    return [line.split(" = ")[0] for line in Told(*objects).accounts(node)]


def test_only_the_newest_generation_counts() -> None:
    """A slice that a driver left behind lists nothing, whichever is told of first."""
    stale = slice_(gpus(4), name="stale", generation=1)
    newest = slice_(gpus(8), name="newest", generation=2)

    assert ["gpu.nvidia.com: 8"] == capacity(stale, newest)
    assert ["gpu.nvidia.com: 8"] == capacity(newest, stale)


def halves(generation: int, count: int = 2) -> list[Object]:
    """Return two slices of a pool of eight GPUs, four in each."""
    listed = gpus(8)
    return [
        slice_(listed[:4], name="a", generation=generation, count=count),
        slice_(listed[4:], name="b", generation=generation, count=count),
    ]


def test_an_incomplete_pool() -> None:
    """Half a pool says nothing of how many GPUs there are."""
    first, second = halves(1)

    assert [] == capacity(first)
    assert ["gpu.nvidia.com: 8"] == capacity(first, second)


def test_an_update_that_is_not_through_yet() -> None:
    """Until the last slice is updated, what was last complete counts."""
    told = Told(*halves(1))
    first, second = halves(1)
    eight = ["gpu.nvidia.com: 8 = 0 allocated + 8 free (8 allocatable)"]
    third = slice_([], name="c", generation=3, count=3)

    told.put(slice_(gpus(2), name="a", generation=2, count=2))
    assert eight == told.accounts()
    told.drop(second)
    assert eight == told.accounts()
    told.put(slice_(gpus(1), name="a", generation=3, count=1))
    assert ["gpu.nvidia.com: 1 = 0 allocated + 1 free (1 allocatable)"] == told.accounts()
    told.put(third)
    assert ["gpu.nvidia.com: 1 = 0 allocated + 1 free (1 allocatable)"] == told.accounts()
    told.drop(first, third)
    assert [] == told.accounts()


def test_an_older_generation_that_is_complete() -> None:
    """It stands in when nothing newer was complete yet."""
    older = slice_(gpus(4), name="older", generation=1)
    newer = slice_(gpus(8), name="newer", generation=2, count=2)

    assert ["gpu.nvidia.com: 4"] == capacity(newer, older)


def test_a_pool_that_begins_again() -> None:
    """A driver installed anew counts its generations from one."""
    told = Told(slice_(gpus(8), name="old", generation=5))
    told.drop(slice_([], name="old"))
    told.put(slice_(gpus(4), name="new", generation=1))

    assert ["gpu.nvidia.com: 4 = 0 allocated + 4 free (4 allocatable)"] == told.accounts()


def test_a_slice_that_moves_to_another_pool() -> None:
    """It lists its devices there, and no longer where it was."""
    told = Told(slice_(gpus(4), name="a", pool="old"))
    told.put(slice_(gpus(2), name="a", pool="new"))

    assert ["gpu.nvidia.com: 2 = 0 allocated + 2 free (2 allocatable)"] == told.accounts()


def test_a_slice_that_nobody_knows() -> None:
    """Its end changes nothing."""
    told = Told(slice_(gpus(4)))
    told.drop(slice_([], name="unknown"))

    assert {"resourceslices": 1, "resourceclaims": 0} == told.inventory.counts()


def test_all_slices_anew() -> None:
    """Those that are not among them are gone."""
    told = Told(slice_(gpus(4)), slice_(gpus(2), node="n2"))
    touched = told.inventory.replace_slices([read_slice(slice_(gpus(1), node="n2"))])

    assert [] == told.accounts("n1")
    assert ["gpu.nvidia.com: 1 = 0 allocated + 1 free (1 allocatable)"] == told.accounts("n2")
    assert {"n1", "n2"} == touched.nodes


def test_devices_that_say_their_node_themselves() -> None:
    """A pool may span nodes; each device is counted where it is."""
    spread = slice_(
        [
            device("a", nodeName="n1"),
            device("b", nodeName="n2"),
            device("c", nodeSelector=selector("n2")),
        ],
        node=None,
        perDeviceNodeSelection=True,
    )

    assert ["gpu.nvidia.com: 1"] == capacity(spread, node="n1")
    assert ["gpu.nvidia.com: 2"] == capacity(spread, node="n2")


def test_a_pool_by_selector() -> None:
    """A selector that names one node is as good as its name."""
    assert ["gpu.nvidia.com: 2"] == capacity(
        slice_(gpus(2), node=None, nodeSelector=selector("n1"))
    )


@pytest.mark.parametrize(
    "where",
    [
        {"allNodes": True},
        {"nodeSelector": selector("n1", "n2")},
        {"nodeSelector": selector()},
        {"nodeSelector": {"nodeSelectorTerms": [{"matchFields": None}]}},
        {"nodeSelector": {"nodeSelectorTerms": []}},
        {"nodeSelector": selector("n1") | {"nodeSelectorTerms": [{}, {}]}},
        {
            "nodeSelector": {
                "nodeSelectorTerms": [
                    {
                        "matchExpressions": [{"key": "zone", "operator": "Exists"}],
                        "matchFields": [
                            {"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}
                        ],
                    }
                ]
            }
        },
    ],
    ids=["all", "two", "none", "no fields", "no terms", "two terms", "all but one"],
)
def test_gpus_of_no_single_node(where: Object) -> None:
    """GPUs that a network lends to many nodes are on none of them."""
    told = Told(slice_(gpus(3), node=None, **where), claim("a", [], pods=["p"]))

    assert [] == told.accounts()


def test_a_gpu_of_no_single_node_in_use() -> None:
    """Its pod holds it, although no node has it."""
    told = Told(
        slice_(gpus(1), node=None, allNodes=True),
        claim("a", [result("gpu-0", pool="pool")], pods=["p"]),
        holding="p",
    )

    assert {"gpu.nvidia.com": 1} == told.amounts("p")
    assert [] == told.accounts()


@pytest.mark.parametrize(
    ("listed", "weight"),
    [
        (device("a", None), "1"),
        (device("a", None, attributes={f"{NVIDIA}/type": "mig", "profile": "3g.40gb"}), "0.428571"),
        (device("a", "mig", attributes={"profile": "1c.3g.40gb"}), "0.142857"),
        (device("a", "mig", attributes={"profile": "1g.10gb+me"}), "0.142857"),
    ],
    ids=["no type", "qualified names", "a compute share", "with media engines"],
)
def test_what_a_device_is(listed: Object, weight: str) -> None:
    """A device without a type is a GPU; a MIG device is so many sevenths."""
    assert [f"gpu.nvidia.com: {weight}"] == capacity(slice_([listed]))


@pytest.mark.parametrize(
    ("profile", "product", "weight"),
    [
        ("1g.6gb", "", 0.25),
        ("2g.12gb", "NVIDIA A30", 0.5),
        ("1g.24gb", "NVIDIA RTX PRO 6000 Blackwell Server Edition", 0.25),
        ("1g.24gb", "NVIDIA H100", 0.142857),
        ("7g.80gb", "NVIDIA H100", 1),
    ],
)
def test_gpus_of_four_slices(profile: str, product: str, weight: float) -> None:
    """Some GPUs fall into four slices instead of seven."""
    part = device("a", "mig", attributes={"profile": profile, "productName": product})

    assert [f"gpu.nvidia.com: {weight}"] == capacity(slice_([part]))


def test_parts_that_know_their_gpu_by_counters_only() -> None:
    """Devices that draw from one set of counters are one GPU."""
    drawn = [{"counterSet": "gpu-0-counter-set", "counters": {}}]
    whole = device("gpu-0", attributes=chip(0), consumesCounters=drawn)
    parts = [
        device(f"p{number}", "mig", attributes={"profile": "1g.10gb"}, consumesCounters=drawn)
        for number in range(7)
    ]
    told = Told(slice_([*parts, whole]), claim("a", ["p0"], pods=["p"]), holding="p")
    expected = text("""
        gpu.nvidia.com: 1 = 0.142857 allocated + 0 free + 0.857143 partly_allocated (1 allocatable)
    """)

    assert expected == told.accounts()
    assert ["gpu.nvidia.com: 1"] == capacity(slice_(parts))


def test_parts_that_know_their_gpu_by_uuid() -> None:
    """A GPU without a PCI address is found by its UUID, its counters by it."""
    drawn = [{"counterSet": "gpu-0-counter-set", "counters": {}}]
    whole = device("gpu-0", attributes={"uuid": "GPU-0"}, consumesCounters=drawn)
    other = device("v", "vgpu", memory="20Gi", consumesCounters=drawn)
    told = Told(slice_([mig(0, "1g.10gb"), whole, other]), claim("a", ["v"], pods=["p"]))
    told.holding.add("uid-p")
    expected = text("""
        gpu.nvidia.com: 1 = 0.25 allocated + 0 free + 0.75 partly_allocated (1 allocatable)
    """)

    assert expected == told.accounts()


def amd(name: str, kind: str, *, memory: str | None = None, **attributes: str | bool) -> Object:
    """Return a device of AMD's driver on the GPU at one address."""
    said = {"resource.kubernetes.io/pciBusID": "0000:19:00.0", **attributes}
    return device(name, kind, memory=memory, attributes=said)


def test_amd_partitions() -> None:
    """The partitions that a GPU was set to are equal parts of it."""
    parts = [amd(f"gpu-0-{128 + number}", "amdgpu-partition") for number in range(8)]
    mine = claim("a", [result("gpu-0-128", driver=AMD), result("gpu-0-129", driver=AMD)])
    told = Told(slice_(parts, driver=AMD), mine)
    expected = text("""
        gpu.amd.com: 1 = 0 allocated + 0 free + 0.75 partly_allocated + 0.25 reserved (1 allocatable)
    """)  # noqa: E501 - an account is one line

    assert expected == told.accounts()


def test_amd_partitions_on_demand() -> None:
    """Each way to cut a GPU is a device that several claims share; they take parts of it."""
    ways = [
        amd("gpu-0-spx-nps1", "amdgpu") | {"allowMultipleAllocations": True},
        amd("gpu-0-cpx-nps4", "amdgpu-partition") | {"allowMultipleAllocations": True},
    ]
    ways[0]["capacity"] = {"partitions": {"value": 1}}
    ways[1]["capacity"] = {"partitions": {"value": "8"}, "memory": {"value": "24Gi"}}
    ways[0]["taints"] = [{"key": "gpu.amd.com/memory-partition-conflict", "effect": "NoExecute"}]
    taken = {"partitions": "1", "memory": "24Gi"}
    mine = result("gpu-0-cpx-nps4", driver=AMD, shareID="1", consumedCapacity=taken)
    told = Told(slice_(ways, driver=AMD), claim("a", [mine], pods=["p"]), holding="p")
    expected = text("""
        gpu.amd.com: 1 = 0.125 allocated + 0 free + 0.875 partly_allocated (1 allocatable)
    """)

    assert expected == told.accounts()


def test_amd_virtual_functions() -> None:
    """Virtual functions have addresses of their own and are parts of one GPU."""
    drawn = [{"counterSet": "pf-0000-19-00-0-counter-set"}]
    functions = [
        device(
            f"gpu-vf-{number}",
            "vfio",
            memory="96Gi",
            attributes={"isVF": True, "pciAddr": f"0000:19:02.{number}"},
            consumesCounters=drawn,
        )
        for number in range(2)
    ]
    card = amd("gpu-0-128", "amdgpu", memory="192Gi") | {"consumesCounters": drawn}
    listed = slice_([*functions, card], driver=AMD)
    told = Told(listed, claim("a", [result("gpu-vf-1", driver=AMD)], pods=["p"]), holding="p")
    expected = text("""
        gpu.amd.com: 1 = 0.5 allocated + 0 free + 0.5 partly_allocated (1 allocatable)
    """)

    assert expected == told.accounts()
    assert ["gpu.amd.com: 1"] == capacity(slice_(functions, driver=AMD))


def test_a_device_of_several_gpus() -> None:
    """Drawing from several sets of counters says nothing of which GPU it is."""
    drawn = [{"counterSet": "gpu-0"}, {"counterSet": "gpu-1"}]

    assert ["gpu.nvidia.com: 1"] == capacity(slice_([device("a", consumesCounters=drawn)]))


def test_the_model() -> None:
    """Where no label names the model its devices do, spelt as the label would."""
    named = device("gpu-0", attributes={"productName": "NVIDIA H100 80GB HBM3"})
    told = Told(slice_([named]), slice_(gpus(1), node="n2"))

    assert "NVIDIA-H100-80GB-HBM3" == told.inventory.model("n1")
    assert "" == told.inventory.model("n2")


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (slice_([device("a", memory="much")]), "'much' is not a quantity"),
        (slice_([device("a") | {"name": 7}]), "Expected `str`, got `int`"),
        ({"kind": "ResourceSlice", "metadata": {"name": "a", "uid": "a"}}, "required field"),
    ],
)
def test_a_broken_slice_is_malformed(broken: Object, why: str) -> None:
    """It is not guessed at."""
    with pytest.raises(MalformedObject, match=why):
        read_slice(broken)


def test_a_slice_without_devices() -> None:
    """The slice of a pool that holds only counters lists no GPU."""
    counters = slice_([], sharedCounters=[])
    del counters["spec"]["devices"]

    assert [] == capacity(counters)
