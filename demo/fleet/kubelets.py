"""What the fleet's kubelets would say: which pod holds which devices of its node."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from demo.fleet.drivers import gpu_uuid
from demo.fleet.objects import GPU
from demo.fleet.placement import WHOLE, Machine, Placement

_SHARED = f"{GPU}.shared"


@dataclass(frozen=True, slots=True)
class Hold:
    """A pod that holds devices: of each so many thousandths."""

    namespace: str
    pod: str
    placement: Placement
    gpu_milli: int


class Kubelets:
    """Keeps a file, for `python -m demo.kubelet`, in step with who holds what.

    Args:
        path: The file.
        machines: The nodes.
    """

    def __init__(self, path: Path, machines: Iterable[Machine]) -> None:
        self._path = path
        self._nodes = [machine.name for machine in machines if machine.gpus]
        self._replicas: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(dict)
        self._written: list[Hold] | None = None

    def show(self, held: Iterable[Hold]) -> None:
        """Write the file when it is not as last time."""
        now = list(held)
        if now == self._written:
            return
        self._written = now
        self._forget(now)
        draft = self._path.with_suffix(".draft")
        # Whoever reads it finds it complete.
        draft.write_text(json.dumps(self._by_node(now)))
        draft.replace(self._path)

    def _by_node(self, held: Iterable[Hold]) -> dict[str, list[dict[str, object]]]:
        nodes: dict[str, list[dict[str, object]]] = {node: [] for node in self._nodes}
        for hold in held:
            nodes[hold.placement.node].append(
                {
                    "namespace": hold.namespace,
                    "name": hold.pod,
                    "resource": GPU if hold.gpu_milli == WHOLE else _SHARED,
                    "ids": [self._id(hold, device) for device in hold.placement.devices],
                }
            )
        return nodes

    def _id(self, hold: Hold, device: int) -> str:
        """Return the id by which a device plugin would give the device out."""
        uuid = gpu_uuid(hold.placement.node, device)
        if hold.gpu_milli == WHOLE:
            return uuid
        replicas = self._replicas[hold.placement.node, device]
        free = min(set(range(len(replicas) + 1)) - set(replicas.values()))
        return f"{uuid}::{replicas.setdefault(hold.pod, free)}"

    def _forget(self, held: Iterable[Hold]) -> None:
        """Give back the shares of pods that are gone."""
        pods = {hold.pod for hold in held}
        for replicas in self._replicas.values():
            for pod in replicas.keys() - pods:
                del replicas[pod]
