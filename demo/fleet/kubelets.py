"""What the fleet's kubelets would say: which pod holds which devices of its node."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.fleet.drivers import gpu_uuid
from demo.fleet.objects import GPU
from demo.fleet.placement import WHOLE, Machine, Placement
from demo.fleet.traits import HALVES, instances

_SHARED = f"{GPU}.shared"
_INSTANCE = f"nvidia.com/mig-{HALVES[0]}.40gb"


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

    def __init__(self, path: Path, machines: Sequence[Machine]) -> None:
        self._path = path
        self._nodes = [machine.name for machine in machines if machine.gpus]
        self._cut = {machine.name: machine.cut for machine in machines}
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
                    "resource": self._resource(hold),
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
        number = replicas.setdefault(hold.pod, free)
        if self._is_cut(hold):
            return instances(uuid)[number]
        return f"{uuid}::{number}"

    def _resource(self, hold: Hold) -> str:
        if hold.gpu_milli == WHOLE:
            return GPU
        return _INSTANCE if self._is_cut(hold) else _SHARED

    def _is_cut(self, hold: Hold) -> bool:
        """Tell whether what a pod holds a share of is cut into instances."""
        return max(hold.placement.devices) < self._cut[hold.placement.node]

    def _forget(self, held: Iterable[Hold]) -> None:
        """Give back the shares of pods that are gone."""
        pods = {hold.pod for hold in held}
        for replicas in self._replicas.values():
            for pod in replicas.keys() - pods:
                del replicas[pod]
