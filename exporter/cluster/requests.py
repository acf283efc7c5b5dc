"""A pod's effective GPU request, as the scheduler computes it.

The rule is component-helpers' `PodRequests` with sidecars (KEP-753): the larger of what runs
together and what initialisation needs, plus the pod's overhead.
"""

from collections.abc import Mapping

from exporter.cluster import quantity, resources
from exporter.cluster.wire import Container, PodWire, Quantities

Requests = dict[str, float]
"""Units by resource name."""

_SIDECAR = "Always"


def effective(pod: PodWire) -> Requests:
    """Return the pod's effective request of every GPU resource, without zeros.

    A GPU asked for by annotation appears as a fraction of `resources.WHOLE_GPU`, unless the pod
    also asks for a GPU resource: then the resource is what it holds.

    Raises:
        MalformedObject: When an amount cannot be understood.
    """
    if pod.metadata.namespace == resources.RESERVATION_NAMESPACE:
        return {}
    found = {name: amount for name, amount in _of_containers(pod).items() if amount > 0}
    if not found and pod.metadata.annotations:
        fraction = resources.annotated_amount(pod.metadata.annotations)
        if fraction > 0:
            found[resources.WHOLE_GPU] = fraction
    return found


def _of_containers(pod: PodWire) -> Requests:
    total: Requests = {}
    for container in pod.spec.containers or ():
        _add(total, _of_container(container))
    sidecars: Requests = {}
    peak: Requests = {}
    for container in pod.spec.init_containers or ():
        request = _of_container(container)
        if container.restart_policy == _SIDECAR:
            _add(total, request)
            _add(sidecars, request)
            _raise_to(peak, sidecars)
        else:
            # Only sidecars started earlier run beside an ordinary init container.
            _add(request, sidecars)
            _raise_to(peak, request)
    _raise_to(total, peak)
    _add(total, _narrowed(_gpu_amounts(pod.spec.overhead)))
    return total


def _of_container(container: Container) -> Requests:
    declared = container.resources
    if declared is None:
        return {}
    # A limit without a request is a request: the API server defaults it so.
    return _narrowed(_gpu_amounts(declared.limits) | _gpu_amounts(declared.requests))


def _narrowed(amounts: Requests) -> Requests:
    return {
        name: amount * resources.percent_share(name, amounts)
        for name, amount in amounts.items()
        if resources.rule_for(name)
    }


def _gpu_amounts(quantities: Quantities | None) -> Requests:
    if not quantities:
        return {}
    return {
        name: quantity.devices(amount)
        for name, amount in quantities.items()
        if resources.is_counted(name)
    }


def _add(total: Requests, more: Mapping[str, float]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0.0) + amount


def _raise_to(total: Requests, floor: Mapping[str, float]) -> None:
    for name, amount in floor.items():
        total[name] = max(total.get(name, 0.0), amount)
