"""What a node is and whether it takes work: from its JSON to exposition text."""

from collections.abc import Mapping

import pytest

from tests.support.objects import node, pod
from tests.support.scrape import scrape, text

POOL = {"cloud.google.com/gke-nodepool": "a100-pool"}
TYPE = {"node.kubernetes.io/instance-type": "a2-highgpu-8g"}
ZONE = {"topology.kubernetes.io/zone": "eu-1a"}


def info(labels: Mapping[str, str]) -> str:
    """Return the labels of the node's identity, its name left out."""
    (line,) = scrape(node(labels=labels)).of("gpu_node_info")
    return line.removeprefix('gpu_node_info{node="n1",').removesuffix("} 1")


def test_everything_about_one_node() -> None:
    """A node is published with its identity and condition."""
    labels = POOL | TYPE | ZONE | {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
    expected = text("""
        gpu_node_cordoned{node="n1"} 0
        gpu_node_info{node="n1",model="NVIDIA-A100-SXM4-80GB",pool="a100-pool",instance_type="a2-highgpu-8g",zone="eu-1a"} 1
        gpu_node_ready{node="n1"} 1
        gpu_node_schedulable{node="n1"} 1
    """)  # noqa: E501 - exposition text cannot be broken
    told = scrape(node(labels=labels))

    assert expected == told.of(
        "gpu_node_info", "gpu_node_ready", "gpu_node_cordoned", "gpu_node_schedulable"
    )


@pytest.mark.parametrize(
    ("labels", "model"),
    [
        ({"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3-SHARED"}, "NVIDIA-H100-80GB-HBM3"),
        ({"nvidia.com/gpu.product": "NVIDIA-A100-MIG-1g.5gb-SHARED"}, "NVIDIA-A100"),
        ({"amd.com/gpu.product-name": "MI300X"}, "MI300X"),
        ({}, "unknown"),
    ],
)
def test_the_model(labels: Mapping[str, str], model: str) -> None:
    """However its GPUs are shared the model stays the same; an unlabelled one is unknown."""
    assert f'model="{model}"' == info(labels)


def test_the_instance_type_stands_in_for_the_model() -> None:
    """Where no label names the GPU, the cloud's instance type does."""
    assert 'model="a2-highgpu-8g",instance_type="a2-highgpu-8g"' == info(TYPE)


def test_our_own_pool_label_comes_first() -> None:
    """An operator may name pools by a label of their own; an empty one does not count."""
    own = {"gpuscope.io/pool": "research"}

    assert 'model="unknown",pool="research"' == info(POOL | own)
    assert 'model="unknown",pool="a100-pool"' == info(POOL | {"gpuscope.io/pool": ""})


@pytest.mark.parametrize(
    ("condition", "ready", "schedulable"), [("True", 1, 1), ("False", 0, 0), ("Unknown", 0, 0)]
)
def test_readiness(condition: str, ready: int, schedulable: int) -> None:
    """Only True is ready: a node nobody hears from is not."""
    told = scrape(node(ready=condition))

    assert [f'gpu_node_ready{{node="n1"}} {ready}'] == told.of("gpu_node_ready")
    assert [f'gpu_node_schedulable{{node="n1"}} {schedulable}'] == told.of("gpu_node_schedulable")


def test_a_node_without_conditions_is_not_ready() -> None:
    """A node that has just joined has reported nothing yet."""
    new = node()
    new["status"]["conditions"] = None

    assert ['gpu_node_ready{node="n1"} 0'] == scrape(new).of("gpu_node_ready")


def test_cordoned() -> None:
    """A cordoned node says so, and stays ready."""
    told = scrape(node(cordoned=True))

    assert ['gpu_node_cordoned{node="n1"} 1'] == told.of("gpu_node_cordoned")
    assert ['gpu_node_ready{node="n1"} 1'] == told.of("gpu_node_ready")
    assert ['gpu_node_schedulable{node="n1"} 0'] == told.of("gpu_node_schedulable")


def test_a_count_that_is_no_number() -> None:
    """Where the label that counts GPUs is garbage, each unit is taken as one GPU."""
    told = scrape(node(gpus=4, labels={"nvidia.com/gpu.count": "some"}), pod())

    assert ['gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 4'] == told.of(
        "gpu_node_capacity"
    )


def test_labels_of_any_text() -> None:
    """Quotes, backslashes, line breaks and any script reach Prometheus as they were."""
    odd = 'a"b\\c\nd é 漢字'

    assert 'model="unknown",pool="a\\"b\\\\c\\nd é 漢字"' == info({"gpuscope.io/pool": odd})
