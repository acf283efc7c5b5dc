"""What the fleet's kubelets say agrees with its pods and with what its devices do."""

import json
import random
from collections import Counter
from pathlib import Path

from demo.fleet.drivers import gpu_uuid
from demo.fleet.kubelets import Kubelets
from demo.fleet.living import LivingFleet
from demo.fleet.traits import instances


def test_who_holds_what(tmp_path: Path) -> None:
    """Every busy device is held; a whole one by one pod, a shared one by each under its own id."""
    fleet = LivingFleet(random.Random(7))  # noqa: S311 - a demo
    kubelets = Kubelets(tmp_path / "pods.json", fleet.machines)
    list(fleet.begin(0.0))
    for second in range(0, 1800, 60):
        list(fleet.tick(float(second)))
        kubelets.show(fleet.held())
    told = json.loads((tmp_path / "pods.json").read_text())
    ids = Counter(text for pods in told.values() for pod in pods for text in pod["ids"])
    whole = {
        instance: gpu_uuid(machine.name, index)
        for machine in fleet.machines
        for index in range(machine.cut)
        for instance in instances(gpu_uuid(machine.name, index))
    }
    held = {whole.get(text, text.partition("::")[0]) for text in ids}
    busy = {
        gpu_uuid(node, index)
        for node, loads in fleet.busy_devices().items()
        for index, load in enumerate(loads)
        if load
    }

    assert 40 == len(told)
    assert {1} == set(ids.values())
    assert busy
    assert busy <= held
    assert whole.keys() & ids.keys()
    assert not set(whole.values()) & ids.keys()
    assert {"0", "1"} >= {text.partition("::")[2] for text in ids} - {""} != set()
