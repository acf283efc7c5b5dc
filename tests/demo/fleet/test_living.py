"""Promises of the generated fleet."""

import random
from collections import Counter

from demo.fleet.living import LivingFleet
from demo.fleet.objects import Object
from demo.fleet.replay import Change, Put
from demo.fleet.residents import FORGOTTEN

START = 1_800_000_000.0
HOUR = 3600


class Recorder:
    """Keeps the objects that changes leave, by kind, namespace and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.phases: Counter[str] = Counter()
        self.cordons = 0

    def take(self, change: Change) -> None:
        """Apply one change."""
        if not isinstance(change, Put):
            del self.objects[change.kind, change.namespace, change.name]
            return
        content = change.content
        metadata = content["metadata"]
        self.objects[content["kind"], metadata.get("namespace", ""), metadata["name"]] = content
        if content["kind"] == "Pod":
            self.phases[content["status"]["phase"]] += 1
        elif content["kind"] == "Node":
            self.cordons += content["spec"].get("unschedulable", False)

    def of(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [content for (found, *_), content in self.objects.items() if found == kind]


def _live(seconds: int) -> tuple[LivingFleet, Recorder]:
    fleet, recorder = LivingFleet(random.Random(7)), Recorder()  # noqa: S311 - a demo
    for change in fleet.begin(START):
        recorder.take(change)
    for second in range(1, seconds, 5):
        for change in fleet.tick(START + second):
            recorder.take(change)
    return fleet, recorder


def test_it_begins_with_forty_gpu_nodes_and_work_under_way() -> None:
    """From the first moment there are 40 nodes with 300 GPUs, 4 without, and running pods."""
    _, recorder = _live(0)
    gpus = [node["status"]["capacity"].get("nvidia.com/gpu") for node in recorder.of("Node")]

    assert 40 == len([each for each in gpus if each is not None])
    assert 4 == gpus.count(None)
    assert 300 == sum(int(each) for each in gpus if each is not None)
    assert recorder.phases["Running"] > 50


def test_pods_come_and_go() -> None:
    """Within an hour pods start, end and are removed, others wait, and nodes are cordoned."""
    _, recorder = _live(HOUR)

    assert recorder.phases["Running"] > 200
    assert recorder.phases["Succeeded"] > 100
    assert recorder.cordons > 0
    assert len(recorder.of("Pod")) < 200


def test_owners_are_there_as_long_as_their_pods() -> None:
    """Every pod of a Job or ReplicaSet names an object that exists, and none outlives its pods."""
    _, recorder = _live(HOUR)
    owners = {
        content["metadata"]["uid"]
        for kind in ("Job", "ReplicaSet", "StatefulSet")
        for content in recorder.of(kind)
    }
    named = {
        reference["uid"]
        for pod in recorder.of("Pod")
        for reference in pod["metadata"]["ownerReferences"]
        if reference["kind"] != "PyTorchJob"
    }

    assert owners == named


def test_devices_are_busy_where_pods_run() -> None:
    """Exactly the devices that running pods hold are busy."""
    fleet, recorder = _live(600)
    held: Counter[str] = Counter()
    for pod in recorder.of("Pod"):
        if pod["status"]["phase"] == "Running":
            annotations = pod["metadata"].get("annotations", {})
            index = annotations.get("alibabacloud.com/gpu-index", "")
            held.update(
                f"{pod['spec']['nodeName']}/{device}" for device in index.split("-") if device
            )
    busy = {
        f"{node}/{device}"
        for node, loads in fleet.busy_devices().items()
        for device, load in enumerate(loads)
        if load
    }

    node, index = fleet.device_of(FORGOTTEN.key) or ("", 0)

    assert set(held) - {f"{node}/{index}"} == busy


def test_a_node_that_is_cordoned_by_hand_gets_no_pods_until_that_is_undone() -> None:
    """The fleet neither opens it by itself nor places anything on it."""
    fleet, recorder = _live(0)
    for machine in fleet.machines:
        fleet.cordon(machine.name, cordoned=True)
    before = {pod["metadata"]["uid"] for pod in recorder.of("Pod") if pod["spec"].get("nodeName")}

    def placed() -> set[str]:
        pods = recorder.of("Pod")
        return {pod["metadata"]["uid"] for pod in pods if pod["spec"].get("nodeName")} - before

    for second in range(1, HOUR, 5):
        for change in fleet.tick(START + second):
            recorder.take(change)
    assert set() == placed()

    fleet.cordon("gpu-h100-00", cordoned=False)
    for change in fleet.tick(START + HOUR):
        recorder.take(change)
    assert placed()
