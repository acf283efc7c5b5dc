"""What a pod asks for, from its JSON to `gpu_pod_requested`."""

from collections.abc import Mapping
from typing import Any

import pytest

from exporter.errors import MalformedObject
from tests.support.objects import GPU, Amount, Object, container, node, pod
from tests.support.scrape import scrape, value

MIG = "nvidia.com/mig-1g.10gb"


def requested(pod: Object, *others: Object) -> float:
    """Return the GPUs that the only GPU pod asks for."""
    return float(value(scrape(*others, pod).of("gpu_pod_requested")))


def initialised(*init: Object, app: Amount) -> Object:
    """Return a pod with init containers and one container."""
    return pod(spec={"initContainers": list(init), "containers": [container(app)]})


def test_an_init_container_that_needs_more_counts() -> None:
    """What initialisation needs is reserved for the whole life of the pod."""
    assert 8 == requested(initialised(container(8), app=4))


def test_init_containers_run_one_after_another() -> None:
    """Of ordinary init containers only the largest counts."""
    assert 3 == requested(initialised(container(2), container(3), app=1))


def test_a_sidecar_before_an_init_container_runs_beside_it() -> None:
    """Sidecar 1, then init 4, then app 2: five are in use while initialising."""
    assert 5 == requested(initialised(container(1, sidecar=True), container(4), app=2))


def test_a_sidecar_after_an_init_container_does_not() -> None:
    """Init 4, then sidecar 1, then app 2: never more than four are in use."""
    assert 4 == requested(initialised(container(4), container(1, sidecar=True), app=2))


def test_sidecars_stay_beside_the_app() -> None:
    """Two sidecars and the app run together."""
    sidecar = container(1, sidecar=True)

    assert 4 == requested(initialised(sidecar, sidecar, app=2))


def test_containers_add_up() -> None:
    """All app containers run together, and the runtime's overhead comes on top."""
    spec = {"containers": [container(2), container(1), container()], "overhead": {GPU: "1"}}

    assert 4 == requested(pod(spec=spec))


def test_a_limit_alone_is_a_request() -> None:
    """A GPU may be asked for by its limit only."""
    assert 3 == requested(pod(spec={"containers": [container(limits=3)]}))


def test_a_thousand_is_1k() -> None:
    """Go writes 1000 as 1k, which replicas of shared GPUs do reach."""
    assert 1000 == requested(pod(gpus="1k"))


def test_other_annotations_ask_for_nothing() -> None:
    """Only annotations that ask for a share of a GPU make a GPU pod."""
    assert [] == scrape(pod(gpus=None, annotations={"note": "0.5"})).of("gpu_pod_info")


@pytest.mark.parametrize("gpus", [None, 0, {"gpu.intel.com/xe_monitoring": 1}])
def test_who_asks_for_no_gpu_is_no_gpu_pod(gpus: Amount) -> None:
    """No request, a request of zero, and Intel's monitoring devices make no GPU pod."""
    assert [] == scrape(pod(gpus=gpus)).of("gpu_pod_info", "gpu_pod_requested")


def test_a_container_without_resources_asks_for_nothing() -> None:
    """`resources` may be missing altogether, and so may the containers."""
    assert [] == scrape(pod(spec={"containers": [{"name": "c"}]})).of("gpu_pod_info")
    assert [] == scrape(pod(spec={"containers": None})).of("gpu_pod_info")


def test_two_gpu_resources_in_one_pod() -> None:
    """Whole GPUs and MIG slices add up to GPUs: 2 + 1/7."""
    assert 2.142857 == requested(pod(gpus={GPU: 2, MIG: 1}))


@pytest.mark.parametrize("name", ["amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe"])
def test_other_vendors(name: str) -> None:
    """AMD's and Intel's GPUs count as NVIDIA's do."""
    assert 2 == requested(pod(gpus={name: 2}))


def test_half_a_device_is_malformed() -> None:
    """A fraction of an extended resource cannot exist, so such a pod is left out."""
    with pytest.raises(MalformedObject, match="'500m' is not a whole number"):
        scrape(pod(gpus="500m"))


def test_cores_narrow_each_containers_own_gpus() -> None:
    """Two containers of one vGPU with half the cores each hold one GPU together, not two."""
    half = container({"volcano.sh/vgpu-number": 1, "volcano.sh/vgpu-cores": 50})

    assert 0.5 == requested(pod(spec={"containers": [half]}))
    assert 1 == requested(pod(spec={"containers": [half, half]}))


def test_a_vgpu_without_cores_is_whole() -> None:
    """Without `vgpu-cores`, or with more than all of them, a vGPU counts as one."""
    assert 1 == requested(pod(gpus={"volcano.sh/vgpu-number": 1}))
    assert 1 == requested(pod(gpus={"volcano.sh/vgpu-number": 1, "volcano.sh/vgpu-cores": 200}))


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"gpu-fraction": "0.5"}, 0.5),
        ({"gpu-fraction": "0.5", "gpu-fraction-num-devices": "2"}, 1),
        ({"gpu-fraction": "1.5"}, 1),
        ({"gpu-fraction": "500m", "gpu-memory": "1000"}, 0.5),
        ({"alibabacloud.com/gpu-milli": "470"}, 0.47),
        ({"alibabacloud.com/gpu-milli": "1000", "alibabacloud.com/gpu-count": "4"}, 4),
    ],
)
def test_fractions_by_annotation(annotations: Mapping[str, str], expected: float) -> None:
    """A scheduler that shares GPUs writes the share into an annotation."""
    assert expected == requested(pod(gpus=None, annotations=annotations))


def test_a_resource_outweighs_an_annotation() -> None:
    """A pod that asks for a device holds the device, whatever its annotations say."""
    assert 2 == requested(pod(gpus=2, annotations={"gpu-fraction": "0.5"}))


@pytest.mark.parametrize(
    "annotations",
    [
        {"gpu-fraction": "0"},
        {"gpu-fraction": "-1"},
        {"gpu-memory": "0"},
        {"gpu-fraction": "0.5", "gpu-fraction-num-devices": "0"},
        {"alibabacloud.com/gpu-milli": "500", "alibabacloud.com/gpu-count": "-1"},
    ],
)
def test_no_fraction_at_all(annotations: Mapping[str, str]) -> None:
    """A fraction of zero, or below, or of no device, is no request."""
    assert [] == scrape(pod(gpus=None, annotations=annotations)).of("gpu_pod_info")


@pytest.mark.parametrize(
    ("annotations", "complaint"),
    [
        ({"gpu-fraction": "half"}, "annotation gpu-fraction: 'half' is not a quantity"),
        ({"gpu-memory": "some"}, "annotation gpu-memory: 'some' is not a quantity"),
        (
            {"gpu-fraction": "0.5", "gpu-fraction-num-devices": "1.5"},
            "annotation gpu-fraction-num-devices: '1.5' is not a whole number of devices",
        ),
    ],
)
def test_garbage_in_an_annotation_is_malformed(annotations: Any, complaint: str) -> None:
    """The complaint names the annotation and what stands in it."""
    with pytest.raises(MalformedObject, match=complaint):
        scrape(pod(gpus=None, annotations=annotations))


@pytest.mark.parametrize("index", ["abc", "0;1"])
def test_an_unreadable_placement_costs_no_pod_its_account(index: str) -> None:
    """Anybody may write an annotation: the GPUs asked for are held all the same."""
    told = scrape(node(), pod(gpus=8, annotations={"alibabacloud.com/gpu-index": index}))

    assert ['gpu_node_allocated{node="n1",resource="nvidia.com/gpu"} 8'] == told.of(
        "gpu_node_allocated"
    )


def test_more_devices_than_any_node_has() -> None:
    """A pod cannot make a node seem full by a number in an annotation."""
    notes = {"gpu-fraction": "1", "gpu-fraction-num-devices": "1000000"}

    with pytest.raises(MalformedObject, match="1e\\+06 devices are on no node"):
        scrape(node(), pod(gpus=None, annotations=notes))


def test_a_placement_of_nothing_is_not_read() -> None:
    """A pod that asks for no GPU may have any annotation: it is none of our business."""
    told = scrape(pod(gpus=None, annotations={"volcano.sh/gpu-index": "0-1"}))

    assert [] == told.of("gpu_pod_info")


def test_a_slot_of_a_shared_gpu_weighs_its_share() -> None:
    """Where eight GPUs are advertised as eighty, a pod with one of them asks for a tenth."""
    shared = node(gpus={"nvidia.com/gpu.shared": 80}, labels={"nvidia.com/gpu.count": "8"})

    assert 0.1 == requested(pod(gpus={"nvidia.com/gpu.shared": 1}), shared)
