"""Few nodes with an exporter show what all of them do."""

import random

from demo.fleet import living, sites
from demo.fleet.living import LivingFleet
from demo.fleet.residents import FAULTY, FORGOTTEN
from demo.fleet.traits import LINKED, telling

EIGHT = 8


def test_eight_nodes_show_every_pool_and_every_kind() -> None:
    """Each pool and model, instances, links, and the pods that dashboards are to show."""
    fleet = LivingFleet(random.Random(1))  # noqa: S311 - a demo
    list(fleet.begin(0.0))
    gpus = [machine for machine in living.machines() if machine.gpus]
    names = telling([machine.name for machine in gpus], EIGHT)
    chosen = [machine for machine in gpus if machine.name in names]

    assert "gpu-h100-00" == names[0]
    assert {machine.model for machine in gpus} == {machine.model for machine in chosen}
    assert {sites.of_living(it)[0].pool for it in gpus} == {
        sites.of_living(it)[0].pool for it in chosen
    }
    assert any(machine.cut for machine in chosen)
    assert LINKED.intersection(names)
    assert {node for pod in (FAULTY, FORGOTTEN) for node, _ in [fleet.device_of(pod.key) or ("", 0)]
            } <= set(names)  # fmt: skip


def test_more_are_added_to_them() -> None:
    """With one more exporter none goes elsewhere; all have one unless a number is given."""
    names = [machine.name for machine in living.machines() if machine.gpus]

    assert telling(names, EIGHT) == telling(names, EIGHT + 1)[:EIGHT]
    assert sorted(names) == sorted(telling(names, None))
