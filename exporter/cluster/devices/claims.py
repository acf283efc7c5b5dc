"""A ResourceClaim as the inventory needs it: what was allocated, for whom, or what is asked for."""

import sys
from dataclasses import dataclass

from exporter.cluster.devices import drivers
from exporter.cluster.devices.wire import (
    ClaimWire,
    DeviceRequest,
    RequestWire,
    ResultWire,
    only_node,
)
from exporter.cluster.objects import quantity
from exporter.cluster.objects.wire import epoch

_EXACT = ("", "ExactCount")

DeviceKey = tuple[str, str, str]
"""Driver, pool and name of a device: its identity in the cluster."""


@dataclass(frozen=True, slots=True)
class Result:
    """One device that a claim has; `memory` in bytes and `units` are what it takes of it, if told.

    `share` tells that other claims may have the same device.
    """

    device: DeviceKey
    share: bool = False
    memory: float | None = None
    units: float | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What one request of a claim asks for; `gpus` is None when it cannot be told."""

    driver: str
    gpus: float | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What is kept of one ResourceClaim.

    Attributes:
        uid: Its UID.
        namespace: Its namespace.
        name: Its name.
        created: When, in Unix seconds.
        allocated: Whether devices were allocated, of whichever driver.
        results: The GPU devices it has; those taken for monitoring are left out.
        node: The only node its devices can be used on; empty when not told.
        pods: UIDs of the pods it is reserved for.
        others: How many consumers that are no pods it is reserved for.
        wants: What of GPUs its requests ask for.
    """

    uid: str
    namespace: str
    name: str
    created: float | None
    allocated: bool
    results: tuple[Result, ...]
    node: str
    pods: tuple[str, ...]
    others: int
    wants: tuple[Want, ...]

    @property
    def devices(self) -> frozenset[DeviceKey]:
        """The devices it has, each once."""
        return frozenset(result.device for result in self.results)

    @property
    def concerns_gpus(self) -> bool:
        """True when it has a GPU device, or asks for one while nothing was allocated."""
        return bool(self.results if self.allocated else self.wants)


def from_wire(told: ClaimWire) -> Claim:
    """Return the record of a claim.

    Raises:
        MalformedObject: When an amount cannot be understood.
    """
    metadata, allocation = told.metadata, told.status.allocation
    results = (allocation.devices.results or ()) if allocation and allocation.devices else ()
    consumers = told.status.reserved_for or ()
    pods = [consumer.uid for consumer in consumers if consumer.resource == "pods"]
    requests = (told.spec.devices.requests or ()) if told.spec.devices else ()
    return Claim(
        uid=metadata.uid,
        namespace=metadata.namespace,
        name=metadata.name,
        created=epoch(metadata.creation_timestamp),
        allocated=allocation is not None,
        results=tuple(_result(result) for result in results if _counts(result)),
        node=sys.intern(only_node(allocation.node_selector)) if allocation else "",
        pods=tuple(dict.fromkeys(pods)),
        others=len(consumers) - len(pods),
        wants=tuple(want for request in requests if (want := _want(request))),
    )


def _counts(result: ResultWire) -> bool:
    # Access for monitoring takes nothing from those who compute.
    return result.driver in drivers.WHOLE_TYPES and not result.admin_access


def _result(told: ResultWire) -> Result:
    consumed = {
        name.rpartition("/")[2]: amount for name, amount in (told.consumed_capacity or {}).items()
    }
    return Result(
        device=(sys.intern(told.driver), sys.intern(told.pool), sys.intern(told.device)),
        share=bool(told.share_id or consumed),
        memory=quantity.parse(consumed.get("memory", 0)) or None,
        units=quantity.parse(consumed.get("partitions", 0)) or None,
    )


def _want(request: RequestWire) -> Want | None:
    # Of alternatives the first is what the pod would rather have.
    asked = request.exactly or next(iter(request.first_available or ()), None)
    known = drivers.CLASSES.get(asked.device_class_name) if asked else None
    if asked is None or known is None or asked.admin_access:
        return None
    return Want(known.driver, _gpus(asked, known))


def _gpus(asked: DeviceRequest, known: drivers.DeviceClass) -> float | None:
    if (asked.allocation_mode or "") not in _EXACT:
        return None
    if asked.capacity and asked.capacity.requests:
        # A share of a device nobody has chosen yet.
        return None
    expressions = [selector.cel.expression for selector in asked.selectors or () if selector.cel]
    weight = drivers.asked_weight(known, expressions)
    return None if weight is None else weight * (1 if asked.count is None else asked.count)
