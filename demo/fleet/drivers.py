"""One scenario file per node for the stand-in driver, rewritten when the node's load changes."""

import uuid
from pathlib import Path

from demo.fleet.placement import Machine
from demo.nvml.models import MODELS, device
from demo.nvml.scenario import Scenario, write

_UUID_SPACE = uuid.UUID("0d8a7c43-2f0c-4a53-8e55-8d5d3f7b9c11")


class Drivers:
    """Keeps `DIRECTORY/<node>.ini` in step with what the devices of a node that has some do.

    Args:
        directory: Where the files go; made when it is not there.
        machines: The nodes.
    """

    def __init__(self, directory: Path, machines: list[Machine]) -> None:
        self._directory = directory
        self._machines = {machine.name: machine for machine in machines}
        self._written: dict[str, list[float]] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def show(self, loads: dict[str, list[float]]) -> None:
        """Write the files of the nodes whose devices are not as busy as last time."""
        for node, busy in loads.items():
            if busy and self._written.get(node) != busy:
                self._written[node] = busy
                write(self._directory / f"{node}.ini", self._scenario(node, busy))

    def _scenario(self, node: str, busy: list[float]) -> Scenario:
        model = MODELS[self._machines[node].model]
        return Scenario(
            devices=tuple(
                device(model, gpu_uuid(node, index), index, busy=load)
                for index, load in enumerate(busy)
            )
        )


def gpu_uuid(node: str, index: int) -> str:
    """Return the UUID of a node's device."""
    return f"GPU-{uuid.uuid5(_UUID_SPACE, f'{node}/{index}')}"
