"""Devices of a pool → the physical GPUs behind them.

A partitionable GPU is listed as a whole, once per part that could be cut out of it, and perhaps
in a form for virtual machines: many devices, one GPU. What tells them together is the PCI
address, else the GPU's UUID, else the set of counters they all draw from.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from exporter.cluster.devices.slices import Device

_PRECISION = 6


@dataclass(frozen=True, slots=True)
class Chip:
    """One physical GPU, or what is listed of it.

    Attributes:
        node: The only node that can use it; empty when there is none such.
        capacity: GPUs listed: 1, or less where only some parts of it are.
        usable: GPUs of these that no taint keeps new pods from.
        whole: Whether a new pod could get all of it, were nothing of it taken.
        devices: The names of its devices.
        product: Its name; empty when unknown.
    """

    node: str
    capacity: float
    usable: float
    whole: bool
    devices: tuple[str, ...]
    product: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The devices of one pool by name, and the GPUs by node.

    `weights` has the GPUs that a device is where the device itself does not know.
    """

    devices: dict[str, Device]
    weights: dict[str, float]
    chips: dict[str, list[Chip]]

    def weight(self, device: Device) -> float:
        """Return the GPUs that a device is."""
        return self.weights[device.name] if device.weight is None else device.weight


def lay_out(devices: Iterable[Device]) -> Layout:
    """Return the layout of a pool's devices; of two of one name the later counts."""
    layout = Layout({device.name: device for device in devices}, {}, {})
    for siblings in _groups(layout.devices.values()):
        layout.weights.update(_weights(siblings))
        chip = _chip(siblings, layout)
        layout.chips.setdefault(chip.node, []).append(chip)
    return layout


def exact(value: float) -> float:
    """Return an amount without the noise of adding fractions: seven sevenths are one."""
    return round(value, _PRECISION)


def _groups(devices: Collection[Device]) -> Iterable[list[Device]]:
    # What is only known by UUID or counters finds its GPU through a sibling that tells more.
    aliases: dict[str, str] = {}
    for device in devices:
        if device.pci:
            aliases.setdefault(device.uuid, device.pci)
            aliases.setdefault(device.counters, device.pci)
    for device in devices:
        if device.uuid:
            aliases.setdefault(device.counters, aliases.get(device.uuid, device.uuid))
    groups: dict[str, list[Device]] = {}
    for device in devices:
        groups.setdefault(_key(device, aliases), []).append(device)
    return groups.values()


def _key(device: Device, aliases: dict[str, str]) -> str:
    if device.pci:
        return device.pci
    name = device.uuid or device.counters
    return aliases.get(name, name) if name else device.name


def _weights(siblings: list[Device]) -> dict[str, float]:
    memory = max((device.memory or 0.0 for device in siblings if device.whole), default=0.0)
    unknown = [device for device in siblings if device.weight is None]
    return {
        # Partitions of one mode are equal parts.
        device.name: min(1.0, device.memory / memory)
        if device.memory and memory
        else 1 / len(unknown)
        for device in unknown
    }


def _chip(siblings: list[Device], layout: Layout) -> Chip:
    wholes = [device for device in siblings if device.whole]
    parts = [device for device in siblings if not device.whole]
    # Overlapping parts are alternatives: together they are never more than the GPU.
    capacity = 1.0 if wholes else min(1.0, sum(map(layout.weight, parts)))
    sound = min(1.0, sum(layout.weight(part) for part in parts if not part.tainted))
    intact = any(not device.tainted for device in wholes)
    usable = capacity if intact else min(capacity, sound)
    return Chip(
        node=next((device.node for device in siblings if device.node), ""),
        capacity=exact(capacity),
        usable=exact(usable),
        whole=intact if wholes else exact(usable) == 1,
        devices=tuple(device.name for device in siblings),
        product=next((device.product for device in siblings if device.product), ""),
    )
