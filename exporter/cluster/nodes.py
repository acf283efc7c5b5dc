"""A node as the accounting needs it, and whether it can take work."""

from dataclasses import dataclass

from exporter.cluster import quantity, resources
from exporter.cluster.wire import NodeWire, Quantities, Taint, epoch
from exporter.errors import MalformedObject

# A GPU pool's own taint keeps other pods away, not GPU pods.
_GPU_TAINTS = ("nvidia.com/gpu", "amd.com/gpu")
_GPU_TAINT_PREFIX = "gpu.intel.com/"
_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_CORDON_TAINT = "node.kubernetes.io/unschedulable"

_POOL_LABELS = (
    "gpuscope.io/pool",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
)
_MODEL_LABELS = ("nvidia.com/gpu.product", "amd.com/gpu.product-name")
_INSTANCE_TYPE = "node.kubernetes.io/instance-type"
_ZONE = "topology.kubernetes.io/zone"
_PHYSICAL_GPUS = "nvidia.com/gpu.count"


@dataclass(frozen=True, slots=True)
class Node:
    """What is kept of one node; amounts are units by GPU resource name."""

    uid: str
    name: str
    model: str
    pool: str
    instance_type: str
    zone: str
    created: float | None
    ready: bool
    cordoned: bool
    tainted: bool
    capacity: dict[str, float]
    allocatable: dict[str, float]
    physical: float | None

    @property
    def has_gpus(self) -> bool:
        """True when it has a device now, healthy or not."""
        return any(self.capacity.values())

    @property
    def obstacle(self) -> str | None:
        """Why the node takes no new GPU pod, as a bounded word; None when it takes them."""
        if not self.ready:
            return "not_ready"
        if self.cordoned:
            return "cordoned"
        return "tainted" if self.tainted else None


def from_wire(node: NodeWire) -> Node:
    """Return the record of a node.

    Raises:
        MalformedObject: When a quantity cannot be understood.
    """
    labels = node.metadata.labels or {}
    return Node(
        uid=node.metadata.uid,
        name=node.metadata.name,
        model=_model(labels),
        pool=_first(labels, _POOL_LABELS),
        instance_type=labels.get(_INSTANCE_TYPE, ""),
        zone=labels.get(_ZONE, ""),
        created=epoch(node.metadata.creation_timestamp),
        ready=_ready(node),
        cordoned=bool(node.spec.unschedulable),
        tainted=any(_repels(taint) for taint in node.spec.taints or ()),
        capacity=_gpu_units(node.status.capacity),
        allocatable=_gpu_units(node.status.allocatable),
        physical=_physical(labels),
    )


def _ready(node: NodeWire) -> bool:
    return any(
        condition.type == "Ready" and condition.status == "True"
        for condition in node.status.conditions or ()
    )


def _repels(taint: Taint) -> bool:
    # The cordon's own taint repeats `spec.unschedulable`, which has its own reason.
    if taint.effect not in _REPELLING or taint.key == _CORDON_TAINT:
        return False
    return taint.key not in _GPU_TAINTS and not taint.key.startswith(_GPU_TAINT_PREFIX)


def _gpu_units(quantities: Quantities | None) -> dict[str, float]:
    return {
        name: quantity.devices(amount)
        for name, amount in (quantities or {}).items()
        if resources.rule_for(name)
    }


def _model(labels: dict[str, str]) -> str:
    product = _first(labels, _MODEL_LABELS)
    # GPU feature discovery appends how the GPU is shared; the model stays the same.
    product = product.removesuffix("-SHARED").split("-MIG-")[0]
    return product or labels.get(_INSTANCE_TYPE, "") or "unknown"


def _first(labels: dict[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _physical(labels: dict[str, str]) -> float | None:
    try:
        return quantity.devices(labels[_PHYSICAL_GPUS])
    except (KeyError, MalformedObject):
        return None
