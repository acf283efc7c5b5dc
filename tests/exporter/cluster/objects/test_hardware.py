"""What one unit of a resource is in GPUs, by the labels of its node."""

from collections.abc import Mapping

import pytest

from exporter.cluster.objects.hardware import Hardware
from tests.support.objects import GPU, node, pod
from tests.support.scrape import ACCOUNT, scrape, text

SHARED = "nvidia.com/gpu.shared"
MIG = "nvidia.com/mig-1g.10gb"
COUNT, PRODUCT = "nvidia.com/gpu.count", "nvidia.com/gpu.product"
REPLICAS, STRATEGY = "nvidia.com/gpu.replicas", "nvidia.com/gpu.sharing-strategy"
SLICED = {REPLICAS: "10", STRATEGY: "time-slicing"}
INTEL = "gpu.intel.com/device.count"
A30 = {PRODUCT: "NVIDIA-A30"}
BLACKWELL = {PRODUCT: "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition"}


def capacity(resource: str, units: int, labels: Mapping[str, str]) -> float:
    """Return the capacity of a node, in GPUs."""
    (line,) = scrape(node(gpus={resource: units}, labels=labels)).of("gpu_node_capacity")
    return float(line.rpartition(" ")[2])


@pytest.mark.parametrize(
    ("resource", "units", "labels", "gpus"),
    [
        (GPU, 8, {}, 8),
        (GPU, 8, {COUNT: "8"}, 8),
        (GPU, 6, {COUNT: "8"}, 6),
        (GPU, 80, {COUNT: "8"}, 8),
        (GPU, 80, {COUNT: "8", STRATEGY: "mps"}, 8),
        (SHARED, 80, {COUNT: "8"}, 8),
        (SHARED, 80, SLICED, 8),
        (SHARED, 80, {}, 80),
        (SHARED, 80, {REPLICAS: "0"}, 80),
        (GPU, 14, {COUNT: "7", STRATEGY: "none"}, 14),
        (GPU, 4, {COUNT: "some"}, 4),
    ],
)
def test_slots(resource: str, units: int, labels: Mapping[str, str], gpus: float) -> None:
    """More units than GPUs are slots; where nothing says how many GPUs, a unit is one."""
    assert gpus == capacity(resource, units, labels)


@pytest.mark.parametrize(
    ("resource", "units", "labels", "gpus"),
    [
        (MIG, 7, {}, 1),
        ("nvidia.com/mig-3g.40gb.me", 7, {}, 3),
        (MIG, 14, {f"{MIG}.count": "7"}, 1),
        (f"{MIG}.shared", 14, {f"{MIG}.count": "7"}, 1),
        (f"{MIG}.shared", 14, {f"{MIG}.replicas": "2"}, 1),
        ("nvidia.com/mig-1g.6gb", 4, {}, 1),
        ("nvidia.com/mig-2g.12gb.me", 2, A30, 1),
        ("nvidia.com/mig-1g.24gb", 7, {}, 1),
        ("nvidia.com/mig-1g.24gb", 4, BLACKWELL, 1),
        ("nvidia.com/mig-1g.24gb", 2, {PRODUCT: "NVIDIA-RTX-PRO-5000-Blackwell"}, 1),
        ("nvidia.com/mig-7g.80gb", 1, {}, 1),
        (GPU, 7, {PRODUCT: "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", COUNT: "7"}, 1),
        (GPU, 14, {PRODUCT: "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED", COUNT: "7"}, 1),
        (GPU, 4, {PRODUCT: "NVIDIA-A30-MIG-1g.6gb", COUNT: "4"}, 1),
        (GPU, 2, {PRODUCT: "NVIDIA-A100-SXM4-80GB-MIG-INVALID", COUNT: "0"}, 2),
        ("nvidia.com/mig-4g.48gb", 1, {PRODUCT: "NVIDIA-RTX-PRO-5000-Blackwell"}, 1),
        ("gpu.intel.com/i915", 2, {PRODUCT: "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"}, 2),
    ],
)
def test_mig(resource: str, units: int, labels: Mapping[str, str], gpus: float) -> None:
    """An instance is its compute slices out of 7, or of what the GPU has; it may be shared too."""
    assert gpus == capacity(resource, units, labels)


@pytest.mark.parametrize(
    ("resource", "units", "labels", "gpus"),
    [
        ("amd.com/gpu", 8, {}, 8),
        ("amd.com/gpu", 64, {"amd.com/compute-memory-partition": "cpx_nps4"}, 8),
        ("amd.com/gpu", 8, {"amd.com/gpu.compute-memory-partition": "spx_nps1"}, 8),
        ("amd.com/gpu", 8, {"amd.com/compute-memory-partition": "odd_nps1"}, 8),
        (
            "amd.com/gpu",
            24,
            {
                "beta.amd.com/gpu.compute-memory-partition": "CPX_NPS1",
                "beta.amd.com/gpu.product-name": "AMD_Instinct_MI300A",
            },
            4,
        ),
        ("amd.com/spx_nps1", 8, {}, 8),
        ("amd.com/dpx_nps1", 16, {}, 8),
        ("amd.com/tpx_nps1", 12, {}, 4),
        ("amd.com/qpx_nps4", 32, {}, 8),
        ("amd.com/cpx_nps4", 64, {}, 8),
        ("amd.com/cpx_nps1", 24, {"amd.com/gpu.product-name": "AMD_Instinct_MI300A"}, 4),
    ],
)
def test_amd(resource: str, units: int, labels: Mapping[str, str], gpus: float) -> None:
    """A partition is one of as many as its mode makes of a GPU, under either naming strategy."""
    assert gpus == capacity(resource, units, labels)


@pytest.mark.parametrize(
    ("resource", "units", "labels", "gpus"),
    [
        ("gpu.intel.com/i915", 4, {}, 4),
        ("gpu.intel.com/i915", 20, {INTEL: "2"}, 2),
        ("gpu.intel.com/xe", 20, {"gpu.intel.com/device-id.0380-56c0.count": "4"}, 4),
        ("gpu.intel.com/xe", 20, {"gpu.intel.com/device-id.0380-56c0.count": "?"}, 20),
    ],
)
def test_intel(resource: str, units: int, labels: Mapping[str, str], gpus: float) -> None:
    """A device shared by containers is advertised as many; the labels count the devices."""
    assert gpus == capacity(resource, units, labels)


def test_a_slot_keeps_its_weight_while_the_plugin_restarts() -> None:
    """With nothing advertised for a while, the labels still say what the pods' slots are."""
    labels = {COUNT: "8"} | SLICED
    held = pod(gpus=15)
    before = scrape(node(gpus=80, labels=labels), held)
    meanwhile = scrape(node(gpus=0, labels=labels), held)

    for family in ("gpu_node_allocated", "gpu_pod_requested"):
        assert before.of(family) == meanwhile.of(family)
    assert ['gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 1.5'] == meanwhile.of(
        "gpu_node_allocated"
    )


@pytest.mark.parametrize(
    ("resource", "units", "labels"),
    [
        (MIG, 14, {}),
        (GPU, 14, {PRODUCT: "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"}),
        ("amd.com/gpu", 16, {"amd.com/compute-memory-partition": "cpx_nps4"}),
        ("amd.com/qpx_nps4", 8, {}),
    ],
    ids=["mixed MIG", "single MIG", "AMD, single", "AMD, mixed"],
)
def test_a_cut_gpu_is_never_free(resource: str, units: int, labels: Mapping[str, str]) -> None:
    """Of GPUs cut into parts none is whole: all that nobody holds is `partitioned`."""
    expected = text(f"""
        gpu_node_allocatable{{node="n1",resource="{resource}"}} 2
        gpu_node_allocated{{node="n1",resource="{resource}"}} 0
        gpu_node_capacity{{node="n1",resource="{resource}"}} 2
        gpu_node_free{{node="n1",resource="{resource}"}} 0
        gpu_node_overcommitted{{node="n1",resource="{resource}"}} 0
        gpu_node_unavailable{{node="n1",resource="{resource}",reason="partitioned"}} 2
    """)

    assert expected == scrape(node(gpus={resource: units}, labels=labels)).of(*ACCOUNT)


def test_a_part_that_is_the_whole_gpu_is_a_gpu() -> None:
    """An undivided partition, or an instance of all slices, can be free."""
    for resource in ("amd.com/spx_nps1", "nvidia.com/mig-7g.80gb"):
        told = scrape(node(gpus={resource: 8}))

        assert [f'gpu_node_free{{node="n1",resource="{resource}"}} 8'] == told.of("gpu_node_free")
        assert [] == told.of("gpu_node_units")


def test_what_is_no_gpu_weighs_nothing() -> None:
    """No amount of another resource is a GPU."""
    assert 0 == Hardware().weight("cpu", 96)
    assert not Hardware().is_cut("cpu")


def test_units() -> None:
    """Slices and slots are also told as the plugin counts them; whole GPUs are not repeated."""
    mixed = node(gpus={GPU: 6, MIG: 14}, allocatable={GPU: 6, MIG: 13})
    expected = text(f"""
        gpu_node_units{{node="n1",resource="{MIG}",state="allocatable"}} 13
        gpu_node_units{{node="n1",resource="{MIG}",state="allocated"}} 3
        gpu_node_units{{node="n1",resource="{MIG}",state="free"}} 10
    """)

    assert expected == scrape(mixed, pod(gpus={GPU: 1, MIG: 3})).of("gpu_node_units")


def test_units_of_a_node_that_takes_no_work() -> None:
    """None is free there, and never fewer than none."""
    for shared, held in [
        (node(gpus=80, labels={COUNT: "8"}, cordoned=True), pod(gpus=5)),
        (node(gpus=80, allocatable=4, labels={COUNT: "8"}), pod(gpus=5)),
        (node(gpus={MIG: 5}, allocatable={MIG: 9}), pod(gpus={MIG: 5})),
    ]:
        told = scrape(shared, held).of("gpu_node_units")

        assert told[-1].endswith('state="free"} 0')
