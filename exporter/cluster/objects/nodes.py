"""A node as the accounting needs it, and whether it can take work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from exporter.cluster.objects import hardware, pricing, quantity, resources
from exporter.cluster.objects.hardware import Hardware
from exporter.cluster.objects.wire import Condition, NodeWire, Taint, epoch

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_EVICTING = "NoExecute"
_CORDON_TAINT = "node.kubernetes.io/unschedulable"
# The node lifecycle controller repeats the Ready condition as a taint.
_READY_TAINTS = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
_PROBLEM_CONDITIONS = {
    "MemoryPressure": "memory_pressure",
    "DiskPressure": "disk_pressure",
    "PIDPressure": "pid_pressure",
    "NetworkUnavailable": "network_unavailable",
}
_MIB = 2**20
# Schemes of `spec.providerID` whose clouds have a name that people know better.
_PROVIDERS = {"aws": "AWS", "gce": "GCP", "azure": "Azure", "oci": "OCI"}

UNKNOWN = "unknown"
"""The model of a node that nothing tells."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How nodes are read: what depends on how a cluster is run.

    Args:
        allowed_taints: Glob patterns of taint keys that keep no GPU pod away: a GPU pool's own.
        model: Labels that may name the GPU's model, the first that is there decides; so below.
        pool: Labels that may name the pool.
        instance_type: Labels that may name the cloud's machine type.
        zone: Labels that may name the zone.
        region: Labels that may name the region.
        clique: Labels that may name the NVLink clique.
        price: Labels or annotations that may tell the price of an hour of the whole node.
    """

    allowed_taints: tuple[str, ...] = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/*")
    model: tuple[str, ...] = (
        "nvidia.com/gpu.product",
        "amd.com/gpu.product-name",
        "beta.amd.com/gpu.product-name",
        "gpu.intel.com/product",
    )
    pool: tuple[str, ...] = (
        "gpuscope.io/pool",
        "cloud.google.com/gke-nodepool",
        "eks.amazonaws.com/nodegroup",
        "karpenter.sh/nodepool",
        "kubernetes.azure.com/agentpool",
        "agentpool",
    )
    instance_type: tuple[str, ...] = (
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
    )
    zone: tuple[str, ...] = (
        "topology.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/zone",
    )
    region: tuple[str, ...] = (
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/region",
    )
    clique: tuple[str, ...] = ("nvidia.com/gpu.clique",)
    price: tuple[str, ...] = ("gpuscope.io/price-per-hour",)

    def but(
        self, allowed_taints: Sequence[str], labels: Mapping[str, tuple[str, ...]]
    ) -> "Reading":
        """Return this reading with more taints allowed and other labels for some facts.

        Args:
            allowed_taints: Glob patterns beside those allowed already.
            labels: Fact, named as a member of this class → the labels it is read from instead.
        """
        taints = (*self.allowed_taints, *allowed_taints)
        return replace(self, allowed_taints=taints, **labels)


DEFAULT = Reading()


@dataclass(frozen=True, slots=True)
class Node:
    """What is kept of one node; `capacity` and `allocatable` are units by GPU resource name.

    `provider` is whose machine it is, empty where nobody says. `problems` are the words of
    `gpu_node_problem`; `cpu` is in cores, `memory` and `device_memory` in bytes, times in Unix
    seconds; `price` is of an hour of the whole node, None where nobody has written one.
    """

    uid: str
    name: str
    model: str
    pool: str
    instance_type: str
    zone: str
    region: str
    clique: str
    provider: str
    architecture: str
    os: str
    created: float | None
    ready: bool
    ready_since: float | None
    cordoned: bool
    problems: frozenset[str]
    capacity: dict[str, float]
    allocatable: dict[str, float]
    hardware: Hardware
    cpu: float | None
    memory: float | None
    price: float | None

    @property
    def device_memory(self) -> float | None:
        """Memory of one GPU in bytes; None when no label says so."""
        memory = self.hardware.memory
        return None if memory is None else memory * _MIB

    @property
    def obstacle(self) -> str | None:
        """Why the node takes no new GPU pod, as a bounded word; None when it takes them."""
        return next((reason for reason in _OBSTACLES if reason in self.problems), None)


_OBSTACLES = ("terminating", "unreachable", "not_ready", "cordoned", "tainted")
"""The problems that keep work away, the one named first where several hold."""


def from_wire(node: NodeWire, reading: Reading = DEFAULT) -> Node:
    """Return the record of a node.

    Raises:
        MalformedObject: When a quantity cannot be understood.
    """
    labels = node.metadata.labels or {}
    conditions = {condition.type: condition for condition in node.status.conditions or ()}
    ready = _is_true(conditions.get("Ready"))
    counted = _counted(node.status.capacity)
    capacity, allocatable = _gpus(counted), _gpus(_counted(node.status.allocatable))
    known = hardware.from_labels(labels, counted)
    offered = node.status.allocatable or {}
    system = node.status.node_info
    instance_type = _first(labels, reading.instance_type)
    return Node(
        uid=node.metadata.uid,
        name=node.metadata.name,
        model=_model(_first(labels, reading.model)) or instance_type or UNKNOWN,
        pool=_first(labels, reading.pool),
        instance_type=instance_type,
        zone=_first(labels, reading.zone),
        region=_first(labels, reading.region),
        clique=_first(labels, reading.clique),
        provider=_provider(node.spec.provider_id),
        architecture=system.architecture if system else "",
        os=system.operating_system if system else "",
        created=epoch(node.metadata.creation_timestamp),
        ready=ready,
        ready_since=epoch(conditions["Ready"].last_transition_time) if ready else None,
        cordoned=bool(node.spec.unschedulable),
        problems=frozenset(
            [
                *_states(node, conditions),
                *_taints(node.spec.taints or (), reading.allowed_taints, ready=ready),
                *_plugin(capacity, allocatable, known),
            ]
        ),
        capacity=capacity,
        allocatable=allocatable,
        hardware=known,
        cpu=quantity.parse(offered["cpu"]) if "cpu" in offered else None,
        memory=quantity.parse(offered["memory"]) if "memory" in offered else None,
        price=pricing.hourly(labels, node.metadata.annotations or {}, reading.price),
    )


def _is_true(condition: Condition | None) -> bool:
    return condition is not None and condition.status == "True"


def _states(node: NodeWire, conditions: Mapping[str, Condition]) -> Iterable[str]:
    if node.metadata.deletion_timestamp is not None:
        yield "terminating"
    ready = conditions.get("Ready")
    # A node that has just joined has no condition yet: nobody has lost it.
    if ready is not None and ready.status == "Unknown":
        yield "unreachable"
    elif not _is_true(ready):
        yield "not_ready"
    if node.spec.unschedulable:
        yield "cordoned"
    for kind, problem in _PROBLEM_CONDITIONS.items():
        if _is_true(conditions.get(kind)):
            yield problem


def _taints(taints: Iterable[Taint], allowed: tuple[str, ...], *, ready: bool) -> Iterable[str]:
    for taint in taints:
        # The cordon's own taint repeats `spec.unschedulable`, which has its own word.
        if taint.effect not in _REPELLING or taint.key == _CORDON_TAINT:
            continue
        if any(fnmatchcase(taint.key, pattern) for pattern in allowed):
            continue
        if taint.key in _READY_TAINTS:
            # It may outlive the condition it repeats, and goes on keeping pods away.
            if ready:
                yield "tainted"
            continue
        yield "tainted"
        if taint.effect == _EVICTING:
            yield "draining"


def _plugin(
    capacity: Mapping[str, float], allocatable: Mapping[str, float], known: Hardware
) -> Iterable[str]:
    if (known.present or any(capacity.values())) and not any(allocatable.values()):
        yield "plugin_down"


def _counted(quantities: Mapping[str, str | float] | None) -> dict[str, float]:
    return {
        name: quantity.devices(amount)
        for name, amount in (quantities or {}).items()
        if resources.is_counted(name)
    }


def _gpus(counted: Mapping[str, float]) -> dict[str, float]:
    return {name: units for name, units in counted.items() if resources.rule_for(name)}


def _model(product: str) -> str:
    # GPU feature discovery appends how the GPU is shared; the model stays the same.
    return product.removesuffix("-SHARED").split("-MIG-")[0]


def _provider(identity: str) -> str:
    """Return whose machine it is, from what the cloud's controller calls it."""
    scheme, told, _ = identity.partition("://")
    if not told:
        # Oracle's controller writes the machine's own id, without a scheme.
        return "OCI" if identity.startswith("ocid1.") else ""
    return _PROVIDERS.get(scheme, scheme)


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
