"""Who has, who holds, what is free and why the rest is not: pure functions over one node.

All amounts are GPUs. For every node and resource

    capacity = allocated + free + sum(unavailable) - overcommitted

holds exactly, so that an operator can account for every device.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.cluster import resources
from exporter.cluster.nodes import Node
from exporter.cluster.pods import Pod

# Fractions such as 0.47 + 0.53 must add up to one device, not to one and a rounding error.
_PRECISION = 6


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


def of_node(node: Node, pods: Iterable[Pod]) -> list[Account]:
    """Return one account per GPU resource that the node has or that a pod on it holds.

    Args:
        node: The node.
        pods: The pods bound to it; those that are terminal are ignored.
    """
    holders = [pod for pod in pods if pod.holds_gpus]
    names = dict.fromkeys(node.capacity)
    for pod in holders:
        names.update(dict.fromkeys(pod.requests))
    return [_account(node, name, holders) for name in names]


def weight(node: Node | None, resource: str) -> float:
    """Return how many GPUs one unit of *resource* is on *node* (None: unknown, taken as one)."""
    capacity = node.capacity.get(resource, 0.0) if node else 0.0
    return resources.weight(resource, capacity=capacity, physical=node.physical if node else None)


def amount(pod: Pod, node: Node | None) -> float:
    """Return the GPUs a pod asks for, given the node it is bound to (None: not bound, unknown)."""
    return _exact(sum(units * weight(node, name) for name, units in pod.requests.items()))


def _account(node: Node, resource: str, holders: list[Pod]) -> Account:
    gpus = weight(node, resource)
    capacity = _exact(node.capacity.get(resource, 0.0) * gpus)
    allocatable = min(capacity, _exact(node.allocatable.get(resource, 0.0) * gpus))
    allocated = _exact(sum(pod.requests.get(resource, 0.0) for pod in holders) * gpus)
    remainder = max(0.0, _exact(allocatable - allocated))
    taken = _devices_taken(resource, gpus, holders)
    # Damaged placement annotations may name one device twice: never more free than is left over.
    whole = float(max(0, min(math.floor(allocatable) - taken, math.floor(remainder))))
    unavailable = {
        "unhealthy" if allocatable else "plugin_down": _exact(capacity - allocatable),
        "partly_allocated": _exact(remainder - whole),
    }
    obstacle = node.obstacle
    if obstacle:
        unavailable[obstacle] = whole
    return Account(
        resource=resource,
        capacity=capacity,
        allocatable=allocatable,
        allocated=allocated,
        free=0.0 if obstacle else whole,
        unavailable={reason: gpus for reason, gpus in unavailable.items() if gpus},
        overcommitted=max(0.0, _exact(allocated - allocatable)),
    )


def _devices_taken(resource: str, gpus: float, holders: list[Pod]) -> int:
    placed: set[int] = set()
    unplaced = 0.0
    for pod in holders:
        units = pod.requests.get(resource, 0.0)
        if units and pod.placed:
            placed |= pod.placed
        else:
            unplaced += units * gpus
    return len(placed) + math.ceil(_exact(unplaced))


def _exact(value: float) -> float:
    return round(value, _PRECISION)
