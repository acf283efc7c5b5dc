"""CPU cores and main memory of a pod, as the scheduler counts them."""

import pytest

from exporter.errors import MalformedObject
from tests.support.objects import GPU, Object, container, pod
from tests.support.podlines import record


def test_cores_and_memory() -> None:
    """They follow the scheduler's rule: sidecars, init containers, overhead and all."""
    small, large = {"cpu": "500m", "memory": "1Gi"}, {"cpu": "4", "memory": "2Gi"}
    spec = {
        "containers": [container({GPU: 1, "cpu": "1"}), container(limits=small)],
        "initContainers": [container(small, sidecar=True), container(large)],
        "overhead": {"cpu": "250m", "memory": "128Mi"},
    }
    it = record(pod(spec=spec))

    assert (4.75, (3 * 1024 + 128) * 2**20) == (it.cores, it.memory)


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        ({"requests": {"cpu": "8"}}, (8.0, 2**30)),
        ({"requests": {"cpu": "8", "memory": "4Gi"}, "limits": {"cpu": "16"}}, (8.0, 2**32)),
        ({"limits": {"cpu": "16", "memory": "4Gi"}}, (16.0, 2**30)),
        ({}, (0.0, 2**30)),
    ],
    ids=["one request", "both", "limits only", "nothing"],
)
def test_what_a_pod_asks_for_as_a_whole(whole: Object, expected: tuple[float, float]) -> None:
    """A request of the pod replaces its containers' sum; a limit only where they say nothing."""
    spec = {"containers": [container({GPU: 1, "memory": "1Gi"}), {"name": "bare"}]}
    it = record(pod(spec=spec | {"resources": whole}))

    assert expected == (it.cores, it.memory)


def test_an_amount_that_is_none() -> None:
    """A pod whose cores cannot be understood is malformed, and only that one is lost."""
    with pytest.raises(MalformedObject, match="not a quantity"):
        record(pod(gpus={GPU: 1, "cpu": "lots"}))
