"""What is held of each GPU of a node → the node's account of that driver."""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.cluster.accounting import Account
from exporter.cluster.devices.chips import Chip, exact
from exporter.cluster.objects.nodes import Node


@dataclass(frozen=True, slots=True)
class Held:
    """A GPU and what is held of it, in GPUs.

    Attributes:
        chip: The GPU; None for devices that no slice lists now.
        used: By pods that hold it.
        reserved: By claims that nobody uses.
    """

    chip: Chip | None
    used: float
    reserved: float


def of_driver(driver: str, node: Node, gpus: Iterable[Held]) -> Account:
    """Return the account of one driver on one node; its identity is that of `Account`."""
    capacity = allocatable = allocated = free = over = 0.0
    reserved = partly = tainted = 0.0
    for held in gpus:
        total, usable = (held.chip.capacity, held.chip.usable) if held.chip else (0.0, 0.0)
        used = exact(held.used)
        idle = max(0.0, usable - used)
        kept = min(idle, exact(held.reserved))
        rest = exact(idle - kept)
        capacity += total
        allocatable += usable
        allocated += used
        over += max(0.0, used - usable)
        reserved += kept
        tainted += total - usable
        if rest < 1:
            partly += rest
        elif held.chip and held.chip.whole:
            free += 1
        else:
            # Its parts are to be had, the GPU as such is not.
            tainted += rest
    unavailable = {"device_tainted": tainted, "reserved": reserved, "partly_allocated": partly}
    if node.obstacle:
        unavailable[node.obstacle] = free
    return Account(
        resource=driver,
        capacity=exact(capacity),
        allocatable=exact(allocatable),
        allocated=exact(allocated),
        free=0.0 if node.obstacle else free,
        unavailable={reason: exact(gpus) for reason, gpus in unavailable.items() if exact(gpus)},
        overcommitted=exact(over),
    )
