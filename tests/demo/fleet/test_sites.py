"""Promises of where the demo's machines stand, read as the exporter and the query API read them."""

import random
from collections import Counter
from typing import Any

import msgspec

from demo.fleet import replay
from demo.fleet.living import LivingFleet
from demo.fleet.objects import Object
from demo.fleet.placement import Machine
from demo.fleet.replay import Put
from exporter.cluster.objects import nodes
from exporter.cluster.objects.wire import NodeWire


def _living() -> list[Object]:
    fleet = LivingFleet(random.Random(1))  # noqa: S311 - a demo
    contents = [change.content for change in fleet.begin(0.0) if isinstance(change, Put)]
    return [content for content in contents if content["kind"] == "Node"]


def _record(content: Object) -> nodes.Node:
    return nodes.from_wire(msgspec.convert(content, NodeWire))


def test_the_living_fleet_has_six_pools() -> None:
    """Each is found by the label of its cloud; three nodes belong to none."""
    pools = Counter(_record(content).pool for content in _living())

    assert {
        "training": 16,
        "research": 5,
        "inference": 8,
        "dev": 3,
        "batch": 5,
        "data": 4,
        "": 3,
    } == pools


def test_a_pool_stands_in_one_region_of_one_cloud() -> None:
    """So that its region and its provider can be told."""
    places: dict[str, set[tuple[str, str]]] = {}
    for content in _living():
        record, identity = _record(content), content["spec"].get("providerID", "")
        places.setdefault(record.pool, set()).add((identity.split(":")[0], record.region))
    assert places.pop("") == {("aws", "us-west-2"), ("", "")}

    assert {1} == {len(found) for found in places.values()}
    assert {"aws", "gce", "azure"} == {cloud for found in places.values() for cloud, _ in found}


def test_every_machine_has_an_identity_of_its_own() -> None:
    """`spec.providerID` has its cloud's form and is nobody else's; the bare machine has none."""
    told = [content["spec"].get("providerID", "") for content in _living()]
    [without] = [each for each in _living() if "providerID" not in each["spec"]]
    forms = {each.rpartition("/")[0].rpartition("-")[0] for each in told if each[:3] == "aws"}

    assert "gpu-h100-19" == without["metadata"]["name"]
    assert "" == _record(without).instance_type
    assert len(told) == len(set(told))
    assert {"aws:///us-east", "aws:///us-west", "aws:///eu-west"} == forms


def test_zones_belong_to_their_region() -> None:
    """A zone's name begins with its region's."""
    records = [_record(content) for content in _living()]

    assert [] == [each for each in records if not each.zone.startswith(each.region)]


def test_the_traces_machines_are_in_pools_by_model() -> None:
    """The trace tells no pool: its models are taken for them; machines without GPUs are one too."""
    machines = [Machine("a", 1, 1, 8, "V100M16"), Machine("b", 1, 1, 0, "")]
    told: list[Any] = [change for change in replay.nodes(machines) if isinstance(change, Put)]

    assert ["v100m16", "cpu"] == [_record(change.content).pool for change in told]
