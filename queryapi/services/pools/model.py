"""What Prometheus shows of pools' nodes, as plain values; amounts in nodes and whole GPUs.

Other processes get these values as MessagePack: whoever changes a field changes FORMAT in
`services/reading.py` too.
"""

from typing import NamedTuple

import msgspec


class NodeClass(NamedTuple):
    """What nodes of one kind have in common; empty = nobody tells. A pool's selector asks for it.

    `pool` is the value of the nodes' pool label.
    """

    pool: str
    model: str
    instance_type: str
    zone: str
    region: str
    provider: str


class Measured(msgspec.Struct, frozen=True, gc=False):
    """A mean that can be added up: the sum of ratios, and of how many things it is."""

    total: float = 0.0
    of: float = 0.0

    def __add__(self, other: "Measured") -> "Measured":
        """Return both together."""
        return Measured(self.total + other.total, self.of + other.of)

    @property
    def ratio(self) -> float | None:
        """The mean from 0 to 1; None where nobody measures it."""
        return min(1.0, max(0.0, self.total / self.of)) if self.of else None


class ClassNumbers(msgspec.Struct, frozen=True):
    """The nodes of one class, all together.

    Args:
        kind: Which nodes.
        nodes: How many there are.
        ready: Those that are Ready.
        cordoned: Those that are cordoned.
        gpus: The allocatable GPUs of those that are Ready, as totals count.
        allocated: Those of them that pods hold.
        free: Those that new work could get.
        cpu: How busy their CPUs are; nodes are counted.
        memory: How full their main memory is; nodes are counted.
        network: How busy their network is, both ways; nodes are counted.
        gpu: How busy their GPUs are; devices are counted.
    """

    kind: NodeClass
    nodes: float = 0
    ready: float = 0
    cordoned: float = 0
    gpus: float = 0
    allocated: float = 0
    free: float = 0
    cpu: Measured = Measured()
    memory: Measured = Measured()
    network: Measured = Measured()
    gpu: Measured = Measured()


Stock = tuple[ClassNumbers, ...]


class ClassBlocks(msgspec.Struct, frozen=True):
    """How many nodes of a class have so many free GPUs of one resource, by number of GPUs."""

    kind: NodeClass
    nodes: dict[int, int]


Blocks = tuple[ClassBlocks, ...]


class ModelDemand(msgspec.Struct, frozen=True):
    """What waits for GPUs, by the model that it asks for: `|` between several; empty = any."""

    model: str
    pods: int
    gpus: float


Demand = tuple[ModelDemand, ...]


class PoolNode(msgspec.Struct, frozen=True, gc=False):
    """One node, as the observer of pools needs it."""

    name: str
    kind: NodeClass
    ready: bool
    cordoned: bool


PoolNodes = tuple[PoolNode, ...]
