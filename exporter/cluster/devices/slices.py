"""A ResourceSlice as the inventory needs it: some devices of one pool of one GPU driver."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.cluster.devices import drivers
from exporter.cluster.devices.wire import Attribute, Capacity, DeviceWire, SliceWire, only_node
from exporter.cluster.objects import quantity

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
# The standard attribute's name, and what drivers called it before there was one.
_PCI_NAMES = ("pciBusID", "pcieBusID", "pciAddr", "pciAddress")

PoolKey = tuple[str, str]
"""Driver and name of a pool."""


@dataclass(frozen=True, slots=True)
class Device:
    """One entry of a slice: a GPU, a part of one, or the same GPU in another form.

    Attributes:
        name: Its name in its pool.
        node: The only node that can use it; empty when there is none such.
        whole: Whether it is all of a GPU.
        weight: GPUs it is; None when only its siblings tell.
        memory: Bytes of device memory; None when unknown.
        units: Parts that it falls into when it is handed out in parts; None when not so.
        shareable: Whether several claims may have it at once.
        tainted: Whether a taint keeps new pods away.
        pci: PCI address of the GPU; empty when unknown.
        uuid: UUID of the GPU (for a part its parent's); empty when unknown.
        counters: The set of counters that it and its siblings draw from; empty when not one.
        product: The GPU's name; empty when unknown.
    """

    name: str
    node: str
    whole: bool
    weight: float | None
    memory: float | None
    units: float | None
    shareable: bool
    tainted: bool
    pci: str
    uuid: str
    counters: str
    product: str


@dataclass(frozen=True, slots=True)
class Slice:
    """What is kept of one ResourceSlice; `count` slices make up its pool's generation."""

    uid: str
    pool: PoolKey
    generation: int
    count: int
    devices: tuple[Device, ...]

    @property
    def counts(self) -> bool:
        """True when its driver serves GPUs."""
        return self.pool[0] in drivers.WHOLE_TYPES


def from_wire(told: SliceWire) -> Slice:
    """Return the record of a slice; one of a driver that serves no GPUs has no devices.

    Raises:
        MalformedObject: When a capacity cannot be understood.
    """
    spec = told.spec
    node = spec.node_name or only_node(spec.node_selector)
    gpus = spec.devices or [] if spec.driver in drivers.WHOLE_TYPES else []
    return Slice(
        uid=told.metadata.uid,
        pool=(sys.intern(spec.driver), sys.intern(spec.pool.name)),
        generation=spec.pool.generation,
        count=spec.pool.resource_slice_count,
        devices=tuple(_device(spec.driver, node, device) for device in gpus),
    )


def uuids(told: SliceWire) -> Mapping[str, str]:
    """Return the UUIDs of a slice's devices by their names: of a part its own, not its GPU's.

    A part that is made only when it is handed out has none.
    """
    found = {}
    for device in told.spec.devices or ():
        attributes = {_bare(name): value for name, value in (device.attributes or {}).items()}
        if uuid := _text(attributes, "uuid"):
            found[device.name] = uuid
    return found


def _device(driver: str, node: str, told: DeviceWire) -> Device:
    attributes = {_bare(name): value for name, value in (told.attributes or {}).items()}
    virtual = bool((attributes.get("isVF") or Attribute()).truth)
    whole = drivers.is_whole(driver, _text(attributes, "type")) and not virtual
    sets = {consumed.counter_set for consumed in told.consumes_counters or ()}
    counters = sets.pop() if len(sets) == 1 else ""
    product = _text(attributes, "productName") or _text(attributes, "model")
    units = _amount(told.capacity, "partitions")
    return Device(
        # Nodes of one kind name their devices alike, and the parts of a GPU all name the GPU.
        name=sys.intern(told.name),
        node=sys.intern(told.node_name or only_node(told.node_selector) or node),
        whole=whole,
        weight=_weight(attributes, product, whole=whole or units is not None),
        memory=_amount(told.capacity, "memory"),
        units=units,
        shareable=bool(told.allow_multiple_allocations),
        tainted=any(taint.effect in _REPELLING for taint in told.taints or ()),
        # A virtual function has an address of its own, which says nothing of its GPU.
        pci="" if virtual and counters else sys.intern(_first(attributes, _PCI_NAMES)),
        uuid=sys.intern(_text(attributes, "parentUUID") or _text(attributes, "uuid")),
        counters=sys.intern(counters),
        product=sys.intern(product.replace(" ", "-")),
    )


def _weight(attributes: Mapping[str, Attribute], product: str, *, whole: bool) -> float | None:
    if whole:
        return 1.0
    return drivers.profile_weight(_text(attributes, "profile"), product)


def _bare(name: str) -> str:
    # `gpu.nvidia.com/type` and `type` are the same attribute.
    return name.rpartition("/")[2]


def _text(attributes: Mapping[str, Attribute], name: str) -> str:
    found = attributes.get(name)
    return (found.string or "") if found else ""


def _first(attributes: Mapping[str, Attribute], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _text(attributes, name))), "")


def _amount(capacity: dict[str, Capacity] | None, name: str) -> float | None:
    for key, amount in (capacity or {}).items():
        if _bare(key) == name:
            # Drivers that cannot read a size write 0.
            return quantity.parse(amount.value) or None
    return None
