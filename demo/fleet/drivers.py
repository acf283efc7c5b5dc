"""One scenario file per node for the stand-in driver, rewritten when the node's load changes."""

import uuid
from dataclasses import replace
from pathlib import Path

from demo.fleet.faults import FAULTS
from demo.fleet.placement import Machine
from demo.fleet.traits import shown
from demo.nvml.happenings import Event
from demo.nvml.scenario import Device, Scenario, write

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
        self._faults: dict[tuple[str, int], str] = {}
        self._happening: dict[str, dict[int, Event]] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def show(self, loads: dict[str, list[float]]) -> None:
        """Write the files of the nodes whose devices are not as busy as last time."""
        ailing = {node for node, _ in self._faults}
        for node, busy in loads.items():
            # What happens to a device happens once: its file stays as it is while that lasts.
            if node in ailing and node in self._written:
                continue
            if busy and self._written.get(node) != busy:
                self._written[node] = busy
                write(self._directory / f"{node}.ini", self._scenario(node, busy))

    def befall(self, node: str, gpu: int, fault: str | None) -> None:
        """Let something happen to a device from the next `show` on.

        Args:
            node: The device's node.
            gpu: Its index.
            fault: A key of FAULTS; None = the device is well again.

        Raises:
            LookupError: When there is no such device or fault.
        """
        if node not in self._machines or not 0 <= gpu < self._machines[node].gpus:
            raise LookupError(f"no GPU {gpu} on a node {node}")
        if fault is None:
            self._faults.pop((node, gpu), None)
        elif fault in FAULTS:
            self._faults[node, gpu] = fault
        else:
            raise LookupError(f"no fault {fault}: there are {', '.join(FAULTS)}")
        self._written.pop(node, None)

    def happen(self, node: str, gpu: int, event: Event) -> None:
        """Let a device tell of something once; on a node where one ails nothing else happens."""
        if node not in {ailing for ailing, _ in self._faults}:
            self._happening.setdefault(node, {})[gpu] = event
            self._written.pop(node, None)

    def _scenario(self, node: str, busy: list[float]) -> Scenario:
        machine = self._machines[node]
        devices = [
            self._ailing(node, index, shown(machine, index, gpu_uuid(node, index), load))
            for index, load in enumerate(busy)
        ]
        for index, event in self._happening.pop(node, {}).items():
            devices[index] = replace(devices[index], events=(*devices[index].events, event))
        return Scenario(devices=tuple(devices))

    def _ailing(self, node: str, index: int, well: Device) -> Device:
        fault = self._faults.get((node, index))
        return well if fault is None else FAULTS[fault](well)


def gpu_uuid(node: str, index: int) -> str:
    """Return the UUID of a node's device."""
    return f"GPU-{uuid.uuid5(_UUID_SPACE, f'{node}/{index}')}"
