"""A pod's effective GPU request, as the scheduler computes it.

The rule is component-helpers' `PodRequests` with sidecars (KEP-753): the larger of what runs
together and what initialisation needs, plus the pod's overhead. Beside whole units it knows shares:
by annotation (Alibaba's gpushare, KAI and run:ai) and by Volcano's companion resources.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.cluster.objects import needs, quantity, resources
from exporter.cluster.objects.resources import ResourceRule
from exporter.cluster.objects.wire import Container, PodWire, Quantities
from exporter.errors import MalformedObject


@dataclass(frozen=True, slots=True)
class Ask:
    """One resource that a pod asks for.

    Args:
        resource: Its name.
        units: How many of its devices, slots or slices.
        share: GPUs per unit where the pod says so, above 0 and at most 1; None: what one unit
            weighs on the node.
        memory: MiB of device memory per unit; the share is that of the node's device memory.
    """

    resource: str
    units: float
    share: float | None = None
    memory: float | None = None


Requests = tuple[Ask, ...]
"""Everything a pod asks for; empty when it asks for no GPU."""

_Kind = tuple[str, float | None, float | None]
"""Resource, share and memory: units of one kind add up."""
_Amounts = dict[_Kind, float]
"""Units by kind."""

_PERCENT = 100.0
# More than any node has: an annotation is anybody's word.
_MOST_DEVICES = 128


def effective(pod: PodWire) -> Requests:
    """Return the pod's effective request of every GPU resource, without zeros.

    A GPU asked for by annotation is asked of `resources.WHOLE_GPU`, unless the pod also asks for a
    GPU resource: then the resource is what it holds.

    Raises:
        MalformedObject: When an amount cannot be understood.
    """
    total = needs.of_containers(pod.spec, _of_container, _raise_to)
    needs.add(total, _asked(_gpu_amounts(pod.spec.overhead)))
    found = tuple(
        Ask(resource, units, share, memory) for (resource, share, memory), units in total.items()
    )
    return found or _annotated(pod.metadata.annotations or {})


def _of_container(container: Container) -> _Amounts:
    declared = container.resources
    if declared is None:
        return {}
    # A limit without a request is a request: the API server defaults it so.
    return _asked(_gpu_amounts(declared.limits) | _gpu_amounts(declared.requests))


def _gpu_amounts(quantities: Quantities | None) -> dict[str, float]:
    if not quantities:
        return {}
    return {
        name: quantity.devices(amount)
        for name, amount in quantities.items()
        if resources.is_counted(name)
    }


def _asked(amounts: dict[str, float]) -> _Amounts:
    for companion, resource in resources.IMPLIED.items():
        if amounts.get(companion):
            amounts.setdefault(resource, 1.0)
    found: _Amounts = {}
    for name, units in amounts.items():
        rule = resources.rule_for(name)
        if rule is not None and units:
            found[name, *_portion(rule, amounts)] = units
    return found


def _portion(rule: ResourceRule, amounts: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return share and memory of each unit; a limit of 0 is Volcano's way to set none."""
    for companion in rule.percents:
        percent = amounts.get(companion)
        if percent:
            return min(1.0, percent / _PERCENT), None
    memory = amounts.get(rule.memory)
    if memory:
        return None, memory
    return (1.0 if rule.scheduled else None), None


def _raise_to(total: _Amounts, floor: _Amounts) -> None:
    """Replace, resource by resource, what *floor* asks for more of."""
    for resource in {kind[0] for kind in floor}:
        mine = {kind: units for kind, units in total.items() if kind[0] == resource}
        theirs = {kind: units for kind, units in floor.items() if kind[0] == resource}
        if _outweighs(theirs, mine):
            for kind in mine:
                del total[kind]
            total.update(theirs)


def _outweighs(one: _Amounts, other: _Amounts) -> bool:
    """Compare two requests of one resource by the GPUs they come to.

    Nothing is known of the node here. Units without a share weigh the same on both sides, so they
    count as one; memory is compared with memory, and taken as a whole GPU against anything else.
    """
    by_memory = all(memory is not None for _, _, memory in (*one, *other))

    def size(amounts: _Amounts) -> float:
        return sum(
            units * ((memory or 0.0) if by_memory else 1.0 if share is None else share)
            for (_, share, memory), units in amounts.items()
        )

    return size(one) > size(other)


@dataclass(frozen=True, slots=True)
class _Fraction:
    """A share of GPUs asked for by annotation.

    Args:
        trigger: The annotation that gives the amount for each device.
        count: The annotation that says for how many devices; one when it is not there.
        whole: The amount that is a whole GPU; None when the amount is device memory in MiB.
    """

    trigger: str
    count: str
    whole: float | None


_FRACTIONS = (
    _Fraction("alibabacloud.com/gpu-milli", "alibabacloud.com/gpu-count", 1000.0),
    _Fraction("gpu-fraction", "gpu-fraction-num-devices", 1.0),
    _Fraction("gpu-memory", "gpu-fraction-num-devices", None),
)


def _annotated(annotations: Mapping[str, str]) -> Requests:
    for fraction in _FRACTIONS:
        if fraction.trigger in annotations:
            ask = _fraction(fraction, annotations)
            return () if ask is None else (ask,)
    return ()


def _fraction(fraction: _Fraction, annotations: Mapping[str, str]) -> Ask | None:
    name = fraction.trigger
    try:
        amount = quantity.parse(annotations[name])
        name = fraction.count
        units = quantity.devices(annotations.get(name, 1))
    except MalformedObject as error:
        raise MalformedObject(f"annotation {name}: {error}") from error
    if amount <= 0 or not units:
        return None
    if units > _MOST_DEVICES:
        raise MalformedObject(f"annotation {name}: {units:g} devices are on no node")
    if fraction.whole is None:
        return Ask(resources.WHOLE_GPU, units, memory=amount)
    return Ask(resources.WHOLE_GPU, units, share=min(1.0, amount / fraction.whole))
