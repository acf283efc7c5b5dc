"""What a pod asks for of any resource, as the scheduler computes it.

The rule is component-helpers' `PodRequests` with sidecars (KEP-753): the larger of what runs
together and what initialisation needs, plus the pod's overhead. What the pod asks for as a whole
(KEP-2837) replaces its containers' sum; Kubernetes knows that for CPU and main memory only.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from exporter.cluster.objects import quantity
from exporter.cluster.objects.wire import Container, PodSpec, Quantities, Requirements

Amounts = dict[str, float]
"""Amounts by resource name, in the resource's own unit."""

Key = TypeVar("Key")
"""What amounts are told apart by."""

_SIDECAR = "Always"
_CPU = "cpu"
_MEMORY = "memory"


def add(total: dict[Key, float], more: Mapping[Key, float]) -> None:
    """Add the amounts of *more* to those of *total*."""
    for key, amount in more.items():
        total[key] = total.get(key, 0.0) + amount


def raise_to(total: dict[Key, float], floor: Mapping[Key, float]) -> None:
    """Raise each amount of *total* to that of *floor* where it is less."""
    for key, amount in floor.items():
        total[key] = max(total.get(key, 0.0), amount)


def of_containers(
    spec: PodSpec,
    asked: Callable[[Container], dict[Key, float]],
    raise_to: Callable[[dict[Key, float], dict[Key, float]], None] = raise_to,
) -> dict[Key, float]:
    """Return what the pod's containers need at once, overhead and pod level not included.

    Args:
        spec: The pod's `spec`.
        asked: Container → what it asks for, in a mapping of its own.
        raise_to: Makes of the first mapping the larger one of both.
    """
    total: dict[Key, float] = {}
    for container in spec.containers or ():
        add(total, asked(container))
    sidecars: dict[Key, float] = {}
    peak: dict[Key, float] = {}
    for container in spec.init_containers or ():
        request = asked(container)
        if container.restart_policy == _SIDECAR:
            add(total, request)
            add(sidecars, request)
            raise_to(peak, sidecars)
        else:
            # Only sidecars started earlier run beside an ordinary init container.
            add(request, sidecars)
            raise_to(peak, request)
    raise_to(total, peak)
    return total


def cores_and_bytes(spec: PodSpec) -> tuple[float, float]:
    """Return the CPU cores and bytes of main memory that the pod asks for; 0 where it says none.

    Raises:
        MalformedObject: When an amount is no quantity.
    """
    total = of_containers(spec, lambda container: _host_of(container.resources))
    whole = spec.resources
    if whole is not None:
        # A limit of the whole pod is its request only where no container asks for anything.
        total = _host(whole.limits) | total | _host(whole.requests)
    add(total, _host(spec.overhead))
    return max(0.0, total.get(_CPU, 0.0)), max(0.0, total.get(_MEMORY, 0.0))


def _host_of(declared: Requirements | None) -> Amounts:
    if declared is None:
        return {}
    # A limit without a request is a request: the API server defaults it so.
    return _host(declared.limits) | _host(declared.requests)


def _host(quantities: Quantities | None) -> Amounts:
    if not quantities:
        return {}
    return {
        name: quantity.parse(quantities[name]) for name in (_CPU, _MEMORY) if name in quantities
    }
