"""The GPU model that a pod insists on."""

import pytest

from exporter.errors import MalformedObject
from tests.support.objects import Object, pod
from tests.support.podlines import record


def affinity(*terms: list[Object]) -> Object:
    """Return the spec of a pod that insists on one of these terms."""
    required = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    }


def product(*values: str, operator: str = "In", key: str = "nvidia.com/gpu.product") -> Object:
    """Return a term's expression on a node's GPU model."""
    return {"key": key, "operator": operator, "values": list(values)}


OTHER = {"key": "zone", "operator": "In", "values": ["a"]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ""),
        ({"nodeSelector": {"disk": "ssd"}}, ""),
        ({"nodeSelector": {"nvidia.com/gpu.product": "A100-SHARED"}}, "A100"),
        ({"nodeSelector": {"nvidia.com/gpu.product": "A100-MIG-1g.5gb"}}, "A100"),
        ({"nodeSelector": {"amd.com/gpu.product-name": "MI300X"}}, "MI300X"),
        (affinity([product("H100")]), "H100"),
        (affinity([product("H200", "H100"), OTHER], [product("A100")]), "A100|H100|H200"),
        (affinity([product("H100")], [OTHER]), ""),
        (affinity([product("H100", operator="NotIn")]), ""),
        (affinity([product("MI300X", key="beta.amd.com/gpu.product-name")]), "MI300X"),
        ({"nodeSelector": {"nvidia.com/gpu.product": "A100"}} | affinity([product("H100")]),
         "A100"),
        (affinity([product(*map(str, range(9)))]), "several"),
        ({"affinity": {}}, ""),
        ({"affinity": {"nodeAffinity": {}}}, ""),
        (affinity(), ""),
    ],
)  # fmt: skip
def test_the_model_a_pod_insists_on(spec: Object, expected: str) -> None:
    """Only what a node must be counts; where any of several will do, all are named."""
    assert expected == record(pod(spec=spec)).gpu_model


def test_an_affinity_that_is_none() -> None:
    """A spec of another shape is malformed."""
    with pytest.raises(MalformedObject):
        record(pod(spec={"affinity": {"nodeAffinity": "here"}}))
