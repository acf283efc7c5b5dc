"""Who has, who holds, what is free and why the rest is not: pure functions over one node.

All amounts are GPUs. For every node and resource

    capacity = allocated + free + sum(unavailable) - overcommitted

holds exactly, so that an operator can account for every device.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.cluster.objects.hardware import Hardware
from exporter.cluster.objects.nodes import Node
from exporter.cluster.objects.pods import Pod
from exporter.cluster.objects.requests import Ask

# Fractions such as 0.47 + 0.53 must add up to one device, not to one and a rounding error.
_PRECISION = 6
_HALF = 0.5
_ANYWHERE = Hardware()

_Held = Mapping[str, list[tuple[Pod, Ask]]]
"""By resource, who holds what of it."""


@dataclass(frozen=True, slots=True)
class Account:
    """One resource of one node, in GPUs; `free` counts whole devices."""

    resource: str
    capacity: float
    allocatable: float
    allocated: float
    free: float
    unavailable: dict[str, float]
    overcommitted: float


@dataclass(frozen=True, slots=True)
class Units:
    """One resource of one node, as its device plugin counts it: in slices, slots or partitions."""

    resource: str
    allocatable: float
    allocated: float
    free: float


def of_node(node: Node, pods: Iterable[Pod]) -> list[Account]:
    """Return one account per GPU resource that the node has or that a pod on it holds.

    Args:
        node: The node.
        pods: The pods bound to it; those that are terminal are ignored.
    """
    held = _held(pods)
    return [_account(node, name, held.get(name, [])) for name in _names(node, held)]


def units(node: Node, pods: Iterable[Pod]) -> list[Units]:
    """Return the units of each resource of the node whose unit is not a whole GPU.

    Args:
        node: The node.
        pods: The pods bound to it; those that are terminal are ignored.
    """
    held = _held(pods)
    return [
        _units(node, name, held.get(name, []))
        for name in _names(node, held)
        if weight(node, name) < 1
    ]


def weight(node: Node | None, resource: str) -> float:
    """Return how many GPUs one unit of *resource* is on *node* (None: by its name alone)."""
    if node is None:
        return _ANYWHERE.weight(resource, 0.0)
    return node.hardware.weight(resource, node.capacity.get(resource, 0.0))


def amount(pod: Pod, node: Node | None) -> float:
    """Return the GPUs a pod asks for, given the node it is bound to (None: not bound, unknown)."""
    return _exact(sum(ask.units * _gpus_per_unit(ask, node) for ask in pod.requests))


def _gpus_per_unit(ask: Ask, node: Node | None) -> float:
    if ask.share is not None:
        return ask.share
    if ask.memory is None:
        return weight(node, ask.resource)
    whole = node.hardware.memory_of(ask.resource) if node else None
    # A GPU of which nobody says how much memory it has is taken whole: better less free than more.
    return min(1.0, ask.memory / whole) if whole else 1.0


def _held(pods: Iterable[Pod]) -> _Held:
    held: dict[str, list[tuple[Pod, Ask]]] = {}
    for pod in pods:
        if pod.holds_gpus:
            for ask in pod.requests:
                held.setdefault(ask.resource, []).append((pod, ask))
    return held


def _names(node: Node, held: _Held) -> Iterable[str]:
    return dict.fromkeys((*node.capacity, *held))


def _account(node: Node, resource: str, held: list[tuple[Pod, Ask]]) -> Account:
    gpus = weight(node, resource)
    capacity = _exact(node.capacity.get(resource, 0.0) * gpus)
    allocatable = min(capacity, _exact(node.allocatable.get(resource, 0.0) * gpus))
    # A reservation's device is counted by the shares of it that others hold.
    allocated = _exact(
        sum(ask.units * _gpus_per_unit(ask, node) for pod, ask in held if not pod.reservation)
    )
    remainder = max(0.0, _exact(allocatable - allocated))
    unavailable = {"unhealthy" if allocatable else "plugin_down": _exact(capacity - allocatable)}
    if node.hardware.is_cut(resource):
        unavailable["partitioned"] = remainder
        free = 0.0
    else:
        free, idle = _untouched(node, allocatable, remainder, held)
        unavailable["reserved"] = idle
        unavailable["partly_allocated"] = _exact(remainder - free - idle)
    obstacle = node.obstacle
    if obstacle:
        unavailable[obstacle] = free
        free = 0.0
    return Account(
        resource=resource,
        capacity=capacity,
        allocatable=allocatable,
        allocated=allocated,
        free=free,
        unavailable={reason: gpus for reason, gpus in unavailable.items() if gpus},
        overcommitted=max(0.0, _exact(allocated - allocatable)),
    )


def _units(node: Node, resource: str, held: list[tuple[Pod, Ask]]) -> Units:
    allocatable = min(node.allocatable.get(resource, 0.0), node.capacity.get(resource, 0.0))
    allocated = sum(ask.units for pod, ask in held if not pod.reservation)
    return Units(
        resource=resource,
        allocatable=allocatable,
        allocated=allocated,
        free=0.0 if node.obstacle else max(0.0, allocatable - allocated),
    )


def _untouched(
    node: Node, allocatable: float, remainder: float, held: list[tuple[Pod, Ask]]
) -> tuple[float, float]:
    """Return how many whole devices nobody holds anything of, and how many are only reserved."""
    named: set[str] = set()
    reserved: set[str] = set()
    whole, packed, large, unnamed = 0.0, 0.0, 0.0, 0.0
    for pod, ask in held:
        share = _gpus_per_unit(ask, node)
        if pod.placed:
            (reserved if pod.reservation else named).update(pod.placed)
        elif pod.reservation:
            unnamed += ask.units
        elif share < 1:
            packed += ask.units * share
            large += ask.units if share > _HALF else 0.0
        else:
            whole += ask.units * share
    # Shares that nobody placed are taken as packed, and first onto devices reserved for shares; no
    # two that are larger than half a device fit onto one.
    shared = max(math.ceil(_exact(packed)), large)
    taken = len(named | reserved) + math.ceil(_exact(whole)) + max(shared, unnamed)
    idle = len(reserved - named) + max(0.0, unnamed - shared)
    # Damaged placement annotations may name one device twice: never more free than is left over.
    free = float(max(0, min(math.floor(allocatable) - taken, math.floor(remainder))))
    return free, float(min(idle, math.floor(remainder - free)))


def _exact(value: float) -> float:
    return round(value, _PRECISION)
