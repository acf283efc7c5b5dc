"""What a node is and whether it takes work: from its JSON to exposition text."""

from collections.abc import Mapping

import pytest

from exporter.cluster.objects.nodes import DEFAULT, Reading
from exporter.errors import MalformedObject
from tests.support.objects import EPOCH, GPU, MIDNIGHT, Object, node, node_condition, pod, taint
from tests.support.scrape import Relay, scrape, text

POOL = {"cloud.google.com/gke-nodepool": "a100-pool"}
TYPE = {"node.kubernetes.io/instance-type": "a2-highgpu-8g"}
ZONE = {"topology.kubernetes.io/zone": "eu-1a"}


def info(labels: Mapping[str, str], reading: Reading = DEFAULT) -> str:
    """Return the labels of the node's identity, its name left out."""
    (line,) = Relay(reading).put(node(labels=labels)).scrape().of("gpu_node_info")
    return line.removeprefix('gpu_node_info{node="n1",').removesuffix("} 1")


def test_everything_about_one_node() -> None:
    """A node is published with its identity, its condition and what it offers beside GPUs."""
    labels = {
        "nvidia.com/gpu.product": "NVIDIA-GB200",
        "nvidia.com/gpu.clique": "c1.0",
        "nvidia.com/gpu.memory": "81920",
        "topology.kubernetes.io/region": "eu-1",
    }
    status = {
        "allocatable": {"cpu": "95500m", "memory": "1Ti", "nvidia.com/gpu": "8"},
        "conditions": [node_condition("Ready", since="2026-01-01T00:01:00Z")],
        "nodeInfo": {"architecture": "arm64", "operatingSystem": "linux"},
    }
    expected = text(f"""
        gpu_node_allocatable_cpu_cores{{node="n1"}} 95.5
        gpu_node_allocatable_memory_bytes{{node="n1"}} {2**40}
        gpu_node_cordoned{{node="n1"}} 0
        gpu_node_created_timestamp_seconds{{node="n1"}} {EPOCH}
        gpu_node_device_memory_bytes{{node="n1"}} {80 * 2**30}
        gpu_node_info{{node="n1",model="NVIDIA-GB200",pool="a100-pool",instance_type="a2-highgpu-8g",zone="eu-1a",region="eu-1",clique="c1.0",architecture="arm64",os="linux"}} 1
        gpu_node_ready{{node="n1"}} 1
        gpu_node_ready_since_timestamp_seconds{{node="n1"}} {EPOCH + 60}
        gpu_node_schedulable{{node="n1"}} 1
    """)  # noqa: E501 - exposition text cannot be broken
    told = scrape(node(labels=POOL | TYPE | ZONE | labels, status=status))

    assert expected == [line for line in told.of_nodes() if GPU not in line]


@pytest.mark.parametrize(
    ("labels", "model"),
    [
        ({"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3-SHARED"}, "NVIDIA-H100-80GB-HBM3"),
        ({"nvidia.com/gpu.product": "NVIDIA-A100-MIG-1g.5gb-SHARED"}, "NVIDIA-A100"),
        ({"amd.com/gpu.product-name": "MI300X"}, "MI300X"),
        ({"beta.amd.com/gpu.product-name": "MI210"}, "MI210"),
        ({"gpu.intel.com/product": "Max_1550"}, "Max_1550"),
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


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"agentpool": "gpus"}, 'model="unknown",pool="gpus"'),
        (
            {
                "failure-domain.beta.kubernetes.io/zone": "z",
                "beta.kubernetes.io/instance-type": "t",
            },
            'model="t",instance_type="t",zone="z"',
        ),
        ({"failure-domain.beta.kubernetes.io/region": "r"}, 'model="unknown",region="r"'),
    ],
)
def test_older_labels(labels: Mapping[str, str], expected: str) -> None:
    """The names that older clusters use are understood too."""
    assert expected == info(labels)


def test_a_cluster_with_labels_of_its_own() -> None:
    """Which labels tell what can be set, and the first that is there decides."""
    own = Reading(model=("m2", "m1"), pool=("p",), zone=("z",), region=("r",), clique=("c",))
    labels = {"m1": "A", "p": "B", "z": "C", "r": "D", "c": "E"} | POOL | ZONE

    assert 'model="A",pool="B",zone="C",region="D",clique="E"' == info(labels, own)


def test_taints_that_are_allowed_can_be_set() -> None:
    """A pattern lets a pool's taints pass; it takes the place of the default ones."""
    own = Reading(allowed_taints=("pool-*",))
    for key, schedulable in [("pool-a", 1), ("a-pool", 0), (GPU, 0)]:
        told = Relay(own).put(node(taints=[taint(key)])).scrape()

        assert [f'gpu_node_schedulable{{node="n1"}} {schedulable}'] == told.of(
            "gpu_node_schedulable"
        )


def problems(sick: Object) -> list[str]:
    """Return what is wrong with the only node."""
    return [line.split('"')[3] for line in scrape(sick).of("gpu_node_problem")]


@pytest.mark.parametrize(
    ("sick", "expected"),
    [
        (node(), []),
        (node(ready="False"), ["not_ready"]),
        (node(ready="Unknown"), ["unreachable"]),
        (
            node(ready="Unknown", taints=[taint("node.kubernetes.io/unreachable", "NoExecute")]),
            ["unreachable"],
        ),
        (node(cordoned=True, taints=[taint("node.kubernetes.io/unschedulable")]), ["cordoned"]),
        (node(taints=[taint("dedicated")]), ["tainted"]),
        (node(taints=[taint("dedicated", "PreferNoSchedule")]), []),
        (node(taints=[taint("maintenance", "NoExecute")]), ["draining", "tainted"]),
        (node(taints=[taint(GPU, "NoExecute")]), []),
        (node(deletionTimestamp=MIDNIGHT, cordoned=True), ["cordoned", "terminating"]),
        (node(conditions=[node_condition("MemoryPressure")]), ["memory_pressure"]),
        (node(conditions=[node_condition("DiskPressure")]), ["disk_pressure"]),
        (node(conditions=[node_condition("PIDPressure")]), ["pid_pressure"]),
        (node(conditions=[node_condition("NetworkUnavailable")]), ["network_unavailable"]),
        (node(conditions=[node_condition("NetworkUnavailable", "Unknown")]), []),
        (node(allocatable=0), ["plugin_down"]),
        (node(gpus=0), []),
        (node(gpus={GPU: 0, "nvidia.com/mig-1g.10gb": 7}), []),
    ],
)
def test_problems(sick: Object, expected: list[str]) -> None:
    """Each thing that is not as it should be has its word, and what is in order has none."""
    assert expected == problems(sick)


@pytest.mark.parametrize(
    "labels",
    [
        {"nvidia.com/gpu.count": "8"},
        {"nvidia.com/gpu.present": "true"},
        {"amd.com/gpu.product-name": "MI300X"},
        {"beta.amd.com/gpu.device-id": "74a1"},
        {"gpu.intel.com/device.count": "2"},
    ],
    ids=lambda it: next(iter(it)),
)
def test_gpus_that_no_plugin_offers(labels: Mapping[str, str]) -> None:
    """A node whose labels promise GPUs is published without them, and says what is wrong."""
    told = scrape(node(gpus=None, labels=labels))

    assert ['gpu_node_problem{node="n1",problem="plugin_down"} 1'] == told.of("gpu_node_problem")
    assert 1 == len(told.of("gpu_node_info"))
    assert [] == told.of("gpu_node_capacity")


def test_labels_that_promise_nothing() -> None:
    """A node labelled as having no GPU is none of ours."""
    labels = {"nvidia.com/gpu.count": "0", "nvidia.com/gpu.present": "false"}

    assert [] == scrape(node(gpus=None, labels=labels)).of("gpu_node_info", "gpu_node_ready")


@pytest.mark.parametrize(
    ("identity", "provider"),
    [
        ("aws:///us-east-1a/i-0123", "AWS"),
        ("gce://project/zone/name", "GCP"),
        ("azure:///subscriptions/s/vm", "Azure"),
        ("oci://ocid1.instance.oc1", "OCI"),
        ("ocid1.instance.oc1", "OCI"),
        ("kind://docker/kind/worker", "kind"),
        ("somebody's machine", ""),
        ("", ""),
    ],
)
def test_whose_machine_a_node_is(identity: str, provider: str) -> None:
    """The four large clouds by name, others as their controller writes them."""
    (line,) = scrape(node(provider_id=identity)).of("gpu_node_info")
    told = f',provider="{provider}"' if provider else ""

    assert f'gpu_node_info{{node="n1",model="unknown"{told}}} 1' == line


def test_a_pools_node_without_gpus() -> None:
    """It is told who it is and how it is, under names that count no GPU node; and nothing more."""
    aws = "aws:///us-east-1a/i-0123"
    relay = Relay().put(node(gpus=None, labels=POOL | TYPE | ZONE, provider_id=aws))
    well = [line for line in relay.scrape().lines if "node=" in line]
    relay.put(node(gpus=None, labels=POOL, ready="Unknown", cordoned=True))

    expected = text("""
        gpu_pool_node_cordoned{node="n1"} 0
        gpu_pool_node_info{node="n1",pool="a100-pool",instance_type="a2-highgpu-8g",zone="eu-1a",provider="AWS"} 1
        gpu_pool_node_ready{node="n1"} 1
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == well
    assert text("""
        gpu_pool_node_cordoned{node="n1"} 1
        gpu_pool_node_info{node="n1",pool="a100-pool"} 1
        gpu_pool_node_ready{node="n1"} 0
    """) == [line for line in relay.scrape().lines if "node=" in line]


def test_a_node_is_told_of_once() -> None:
    """One that gets GPUs, or leaves its pool, is under no name that it had before."""
    relay = Relay().put(node(gpus=None, labels=POOL))
    told = []
    for later in (node(labels=POOL), node(gpus=None, labels=POOL), node(gpus=None)):
        scraped = relay.put(later).scrape()
        told.append([len(scraped.of(name)) for name in ("gpu_node_info", "gpu_pool_node_info")])

    assert [[1, 0], [0, 1], [0, 0]] == told


def test_which_label_makes_a_pool() -> None:
    """A cluster's own, where it is named; the clouds' then make none."""
    own = Relay(DEFAULT.but((), {"pool": ("team",)}))
    own.put(node("a", None, labels=POOL), node("b", None, labels={"team": "vision"}))

    assert ['gpu_pool_node_info{node="b",pool="vision"} 1'] == own.scrape().of("gpu_pool_node_info")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"nvidia.com/gpu.memory": "40960"}, [40 * 2**30]),
        ({"amd.com/gpu.vram": "192G"}, [192 * 2**30]),
        ({"beta.amd.com/gpu.vram": "64G"}, [64 * 2**30]),
        ({"nvidia.com/gpu.memory": "0"}, []),
        ({"nvidia.com/gpu.memory": "much"}, []),
        ({"nvidia.com/gpu.memory": "9984", "nvidia.com/gpu.product": "A100-MIG-1g.10gb"}, []),
        ({"amd.com/gpu.vram": "24G", "amd.com/compute-memory-partition": "cpx_nps4"}, []),
        ({}, []),
    ],
)
def test_device_memory(labels: Mapping[str, str], expected: list[int]) -> None:
    """In bytes, of one whole GPU; labels that describe its parts, or nothing, tell none."""
    told = scrape(node(labels=labels)).of("gpu_node_device_memory_bytes")

    assert [f'gpu_node_device_memory_bytes{{node="n1"}} {it}' for it in expected] == told


def test_what_is_not_known_is_not_told() -> None:
    """A node that is not ready has no time since which it is; one that offers no CPU, no cores."""
    bare = node(ready="False", status={"allocatable": {GPU: "8"}})

    assert [] == scrape(bare).of(
        "gpu_node_ready_since_timestamp_seconds",
        "gpu_node_allocatable_cpu_cores",
        "gpu_node_allocatable_memory_bytes",
    )


def test_cores_that_are_no_quantity_are_malformed() -> None:
    """A node is understood as a whole or not at all."""
    with pytest.raises(MalformedObject, match="'lots' is not a quantity"):
        scrape(node(status={"allocatable": {"cpu": "lots"}}))
