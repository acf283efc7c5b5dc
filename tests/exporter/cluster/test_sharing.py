"""GPUs shared by schedulers: who holds a share, which devices it touches, what stays free."""

from collections.abc import Mapping

import pytest

from tests.support.objects import GPU, Object, container, node, pod
from tests.support.scrape import ACCOUNT, scrape, text, value

VGPU = "volcano.sh/vgpu-number"
CARD = "volcano.sh/gpu-number"
FREE = "gpu_node_free"
UNAVAILABLE = "gpu_node_unavailable"


def account(*objects: Object) -> list[str]:
    """Return the account of the only node."""
    return scrape(*objects).of(*ACCOUNT)


def free(*objects: Object) -> float:
    """Return how many GPUs of the only node are free."""
    return float(value(scrape(*objects).of(FREE)))


def requested(asking: Object, *others: Object) -> float:
    """Return the GPUs that the only GPU pod asks for."""
    return float(value(scrape(*others, asking).of("gpu_pod_requested")))


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


def test_large_shares_do_not_fit_together() -> None:
    """Three shares of 60 % touch three devices, though they come to less than two."""
    assert 5 == free(node(), share("a", 600), share("b", 600), share("c", 600))


# --- KAI -----------------------------------------------------------------------------------------


def fraction(name: str, amount: str, *groups: str) -> Object:
    """Return a pod with a share of each of some devices, named by KAI's groups."""
    notes = {"gpu-fraction": amount, "gpu-fraction-num-devices": str(len(groups))}
    labels = {"runai-gpu-group": groups[0]} | {f"runai-gpu-group/{it}": it for it in groups[1:]}
    return pod(name, None, annotations=notes, labels=labels)


def reservation(group: str = "", namespace: str = "kai-resource-reservation") -> Object:
    """Return the pod that holds a device for a group."""
    labels = {"runai-gpu-group": group} if group else {}
    return pod(f"gpu-reservation-{group}", 1, namespace=namespace, labels=labels)


def test_fractions_of_one_group_share_a_device() -> None:
    """What two pods hold of a group's device touches that device only, and is counted once."""
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 1
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 6
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="partly_allocated"} 1
    """)
    pods = [fraction("a", "0.25", "g1"), fraction("b", "0.25", "g1"), fraction("c", "0.5", "g2")]

    assert expected == account(node(), *pods)
    assert expected == account(node(), *pods, reservation("g1"), reservation("g2"))


def test_a_fraction_of_several_devices() -> None:
    """Half of each of three devices touches three devices."""
    pods = [fraction("a", "0.5", "g1", "g2", "g3")]

    assert 5 == free(node(), *pods)
    assert 1.5 == requested(*pods)


def test_a_reserved_device_is_not_free() -> None:
    """A reservation without fractions holds its device, of which nothing is allocated."""
    expected = text("""
        gpu_node_allocatable{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 0.5
        gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8
        gpu_node_free{node="n1",resource="nvidia.com/gpu"} 6
        gpu_node_overcommitted{node="n1",resource="nvidia.com/gpu"} 0
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="partly_allocated"} 0.5
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="reserved"} 1
    """)
    pods = [fraction("a", "0.5", "g1"), reservation("g1"), reservation("g2")]

    assert expected == account(node(), *pods)


def test_reservations_and_whole_gpus_add_up() -> None:
    """A device reserved under no name is another one than those that are held whole."""
    told = scrape(node(), pod(gpus=4), reservation(namespace="runai-reservation"))

    assert ['gpu_node_free{node="n1",resource="nvidia.com/gpu"} 3'] == told.of(FREE)
    assert [
        'gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="reserved"} 1'
    ] == told.of(UNAVAILABLE)


def test_more_reserved_than_there_is() -> None:
    """No more is reserved than is left over, as after a device failed under its reservation."""
    told = scrape(node(gpus=2, allocatable=1), reservation("g1"), reservation("g2"))
    expected = text("""
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="reserved"} 1
        gpu_node_unavailable{node="n1",resource="nvidia.com/gpu",reason="unhealthy"} 1
    """)

    assert expected == told.of(UNAVAILABLE)


def test_a_group_without_a_name() -> None:
    """It names no device: two reservations of it are two devices."""
    first, second = reservation(), pod("other", namespace="kai-resource-reservation")
    second["metadata"]["labels"] = first["metadata"]["labels"] = {"runai-gpu-group": ""}

    assert 6 == free(node(), first, second)


def test_reserved_slots() -> None:
    """A slot that is only reserved is not allocated, and is not a whole device either."""
    slots = node(gpus=80, labels={"nvidia.com/gpu.count": "8"})
    told = scrape(slots, reservation("g1"))

    assert ['gpu_node_free{node="n1",resource="nvidia.com/gpu"} 7'] == told.of(FREE)
    assert 'gpu_node_units{node="n1",resource="nvidia.com/gpu",state="allocated"} 0' in told.lines


def test_a_reservation_is_no_task() -> None:
    """It gets no series of its own, is not counted among the pods, and nothing happened."""
    told = scrape(node(), reservation("g1"))

    assert [] == told.of_pods()
    assert ['gpu_pods{phase="Running"} 0'] == [it for it in told.of("gpu_pods") if "Running" in it]
    assert [] == [it for it in told.of("gpu_event_timestamp_seconds") if "Pod" in it]


def by_memory(mib: int, devices: str = "1") -> Object:
    """Return a pod that asks for device memory."""
    return pod(
        gpus=None,
        annotations={"gpu-memory": str(mib), "gpu-fraction-num-devices": devices},
    )


def test_device_memory_is_a_share_of_the_nodes() -> None:
    """20 GiB are half of one GPU and a quarter of another; on two devices, twice that."""
    forty, eighty = (node(labels={"nvidia.com/gpu.memory": str(gib * 1024)}) for gib in (40, 80))

    assert 0.5 == requested(by_memory(20480), forty)
    assert 0.25 == requested(by_memory(20480), eighty)
    assert 0.5 == requested(by_memory(20480, "2"), eighty)
    assert 1 == requested(by_memory(10**6), eighty)


def test_device_memory_of_an_unknown_gpu() -> None:
    """Where nobody says how much memory a GPU has, a share by memory is taken as a whole GPU."""
    assert 1 == requested(by_memory(20480))
    assert 1 == requested(by_memory(20480), node())


# --- Volcano -------------------------------------------------------------------------------------

SPLIT = node(
    gpus={VGPU: 80}, labels={"nvidia.com/gpu.count": "8", "nvidia.com/gpu.memory": "40000"}
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({VGPU: 1}, 1),
        ({VGPU: 2, "volcano.sh/vgpu-cores": 50}, 1),
        ({VGPU: 1, "volcano.sh/vgpu-cores": 200}, 1),
        ({VGPU: 1, "volcano.sh/vgpu-memory-percentage": 30}, 0.3),
        ({VGPU: 2, "volcano.sh/vgpu-memory": 10000}, 0.5),
        ({VGPU: 1, "volcano.sh/vgpu-cores": 20, "volcano.sh/vgpu-memory": 10000}, 0.2),
        ({VGPU: 1, "volcano.sh/vgpu-cores": 0, "volcano.sh/vgpu-memory": 10000}, 0.25),
    ],
    ids=lambda it: (
        " ".join(f"{k.split('-')[-1]}={v}" for k, v in it.items()) if isinstance(it, dict) else ""
    ),
)
def test_volcanos_shares(asked: Mapping[str, int], expected: float) -> None:
    """Cores decide, else memory; a share is one of a GPU, however many slots the node has of it."""
    assert expected == requested(pod(gpus=asked), SPLIT)


def test_a_node_split_into_virtual_gpus() -> None:
    """Eighty slots are eight GPUs; a device is free when the scheduler put nothing on it."""
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="{VGPU}"}} 8
        gpu_node_allocated{{node="n1",resource="{VGPU}"}} 1
        gpu_node_capacity{{node="n1",resource="{VGPU}"}} 8
        gpu_node_free{{node="n1",resource="{VGPU}"}} 6
        gpu_node_overcommitted{{node="n1",resource="{VGPU}"}} 0
        gpu_node_unavailable{{node="n1",resource="{VGPU}",reason="partly_allocated"}} 1
    """)
    placed = {"volcano.sh/vgpu-ids-new": "GPU-1,NVIDIA,10000,50:GPU-2,NVIDIA,10000,50:;"}
    holder = pod(gpus={VGPU: 2, "volcano.sh/vgpu-cores": 50}, annotations=placed)

    assert expected == account(SPLIT, holder)


def test_volcanos_own_capacity_stands_in_for_labels() -> None:
    """Each GPU offers 100 cores, and the memory offered is that of all GPUs."""
    told = {VGPU: 20, "volcano.sh/vgpu-cores": 200, "volcano.sh/vgpu-memory": 80000}
    holder = pod(gpus={VGPU: 1, "volcano.sh/vgpu-memory": 10000})

    assert 0.25 == requested(holder, node(gpus=told))
    assert [f'gpu_node_capacity{{node="n1",resource="{VGPU}"}} 2'] == scrape(node(gpus=told)).of(
        "gpu_node_capacity"
    )


def test_volcanos_older_names() -> None:
    """Cards are whole GPUs; memory is a share of a card, of which it asks for one by itself."""
    cards = node(gpus={CARD: 2, "volcano.sh/gpu-memory": 32000})
    by_memory = {"volcano.sh/gpu-memory": 4000}
    index: Object = {"annotations": {"volcano.sh/gpu-index": "0"}}

    assert 0.25 == requested(pod(gpus=by_memory), cards)
    assert 2 == requested(pod(gpus={CARD: 2}), cards)
    assert 1 == free(cards, pod("a", by_memory, **index), pod("b", by_memory, **index))
    assert 1 == requested(pod(gpus=by_memory))


def test_shares_differ_between_containers() -> None:
    """A quarter and a half are three quarters."""
    containers = [container({VGPU: 1, "volcano.sh/vgpu-cores": cores}) for cores in (25, 50)]

    assert 0.75 == requested(pod(spec={"containers": containers}), SPLIT)


def share_of(units: int, **companion: int) -> dict[str, int]:
    """Return a request of virtual GPUs with one companion, named by its last word."""
    return {VGPU: units} | {f"volcano.sh/vgpu-{name}": n for name, n in companion.items()}


@pytest.mark.parametrize(
    ("init", "app", "expected"),
    [
        (share_of(1), share_of(2, cores=30), 1),
        (share_of(3, cores=10), share_of(1, cores=80), 0.8),
        (share_of(1, memory=30000), share_of(1, memory=10000), 0.75),
        (share_of(1, memory=10000), share_of(1, cores=80), 0.25),
        ({GPU: 1}, share_of(1, cores=80), 1.8),
    ],
    ids=["whole", "many small", "memory", "memory, taken as whole", "another resource"],
)
def test_the_larger_of_two_shares_counts(
    init: Mapping[str, int], app: Mapping[str, int], expected: float
) -> None:
    """Of initialisation and app that side counts which comes to more GPUs of the resource."""
    spec = {"initContainers": [container(init)], "containers": [container(app)]}

    assert expected == requested(pod(spec=spec), SPLIT)
