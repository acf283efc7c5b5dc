"""Promises of a fleet of any size."""

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from demo.fleet.large import LargeFleet
from demo.fleet.objects import GPU, Object
from demo.fleet.replay import Change, Put

NOW = 1_767_225_600.0


def fleet(nodes: int = 20, pods: int = 200, gpu_pods: int = 60, seed: int = 1) -> LargeFleet:
    """Return a fleet that has not begun."""
    return LargeFleet(random.Random(seed), nodes, pods, gpu_pods)  # noqa: S311 - a demo


def puts(changes: Iterable[Change], kind: str) -> list[Object]:
    """Return the objects of one kind that appeared or changed."""
    contents = [change.content for change in changes if isinstance(change, Put)]
    return [content for content in contents if content["kind"] == kind]


def gpus(pod: Object) -> int:
    """Return what a pod asks for."""
    [main] = pod["spec"]["containers"]
    return int(main["resources"]["requests"].get(GPU, 0))


class Cluster:
    """What there is after changes, by kind and name."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.apply(changes)

    def apply(self, changes: Iterable[Change]) -> None:
        """Take in changes; a deletion of what is not there is an error."""
        for change in changes:
            if isinstance(change, Put):
                metadata = change.content["metadata"]
                key = (change.content["kind"], metadata.get("namespace", ""), metadata["name"])
                self.objects[key] = change.content
            else:
                del self.objects[change.kind, change.namespace, change.name]

    def pods(self) -> list[Object]:
        """Return the pods."""
        return [it for (kind, *_), it in self.objects.items() if kind == "Pod"]

    def held(self) -> dict[str, int]:
        """Return the GPUs asked for on each node."""
        held: dict[str, int] = {}
        for pod in self.pods():
            node = pod["spec"].get("nodeName", "")
            held[node] = held.get(node, 0) + gpus(pod)
        return held


def test_as_many_as_were_asked_for() -> None:
    """There are so many nodes and pods, so many of them with GPUs, and an owner for each pod."""
    begun = list(fleet().begin(NOW))
    pods = puts(begun, "Pod")
    owners = {it["metadata"]["uid"] for kind in ("Job", "ReplicaSet") for it in puts(begun, kind)}

    assert (20, 200) == (len(puts(begun, "Node")), len(pods))
    assert 60 == sum(gpus(pod) > 0 for pod in pods)
    assert owners == {it["metadata"]["ownerReferences"][0]["uid"] for it in pods}


@pytest.mark.parametrize("nodes", [1, 3, 20])
def test_no_node_holds_more_than_it_has(nodes: int) -> None:
    """Pods for which no GPUs are left ask for none; that stays so whatever changes."""
    large = fleet(nodes)
    cluster = Cluster(large.begin(NOW))
    cluster.apply(large.changes(2000, NOW + 60))

    assert 8 >= max(held for node, held in cluster.held().items() if node)
    assert 200 == len(cluster.pods()) or 199 == len(cluster.pods())


def test_objects_are_as_large_as_real_ones() -> None:
    """A pod has about 8 KB, a node about 10."""
    begun = list(fleet().begin(NOW))

    def size(kind: str) -> float:
        sizes = [len(msgspec.json.encode(it)) for it in puts(begun, kind)]
        return sum(sizes) / len(sizes)

    assert 7_000 < size("Pod") < 9_500
    assert 8_000 < size("Node") < 12_000


def test_everything_follows_from_the_seed() -> None:
    """The same seed tells the same story, another one another."""

    def story(seed: int) -> list[Change]:
        large = fleet(seed=seed)
        return [*large.begin(NOW), *large.changes(100, NOW)]

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_exactly_as_many_changes() -> None:
    """It changes when it is told to and as often as it is told to."""
    large = fleet()
    list(large.begin(NOW))

    assert [0, 1, 30] == [len(list(large.changes(count, NOW))) for count in (0, 1, 30)]


def test_pods_go_and_new_ones_start() -> None:
    """A pod that gives way is followed by one that waits, is bound, and runs."""
    large = fleet()
    list(large.begin(NOW))
    stages: dict[str, list[Any]] = {}
    for _ in range(2000):
        for pod in puts(large.changes(1, NOW + 60), "Pod"):
            stage = (bool(pod["spec"].get("nodeName")), pod["status"]["phase"])
            stages.setdefault(pod["metadata"]["name"], []).append(stage)

    assert [(False, "Pending"), (True, "Pending"), (True, "Running")] in [
        story[:3] for story in stages.values()
    ]


def test_a_sentinel() -> None:
    """A pod to look out for replaces the one before it."""
    large = fleet()
    cluster = Cluster(large.begin(NOW))
    cluster.apply(large.sentinel("first", NOW))
    cluster.apply(large.sentinel("second", NOW))
    found = [it for it in cluster.pods() if it["metadata"]["namespace"] == "sentinel"]

    assert [("second", 1)] == [(it["metadata"]["name"], gpus(it)) for it in found]
