"""What counts as a GPU: one table of resource names, one of annotations.

Amounts leave this module in GPUs, not in what the device plugin counts: a slot of a GPU shared by
ten replicas is 0.1, a MIG slice of g sevenths is g/7. Sources: the device plugins' own README
files (nvidia, amd, intel, volcano) and the schedulers' documentation for the annotations.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from exporter.cluster import quantity
from exporter.errors import MalformedObject

WHOLE_GPU = "nvidia.com/gpu"
"""The resource that a fraction asked for by annotation is taken from."""

RESERVATION_NAMESPACE = "kai-resource-reservation"
"""KAI's placeholder pods; their GPUs are counted through the fractions that they make room for."""

_MIG_SLICES = 7.0
_PERCENT = 100.0
_MILLI = 1000.0


class Unit(Enum):
    """What one unit of a resource is, physically."""

    DEVICE = "device"
    SLOT = "slot"
    SLICE = "slice"


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """One row: which names, what a unit of them is, which resource narrows the share taken."""

    name: re.Pattern[str]
    unit: Unit
    percent_of_device: str | None = None


def _rule(name: str, unit: Unit, percent_of_device: str | None = None) -> ResourceRule:
    return ResourceRule(re.compile(name), unit, percent_of_device)


RESOURCES: tuple[ResourceRule, ...] = (
    # Also a slot where time-slicing or MPS keeps the name: the node's own labels tell (`weight`).
    _rule(r"nvidia\.com/gpu", Unit.DEVICE),
    _rule(r"nvidia\.com/gpu\.shared", Unit.SLOT),
    _rule(r"nvidia\.com/mig-(?P<slices>\d+)g\..+", Unit.SLICE),
    _rule(r"amd\.com/gpu", Unit.DEVICE),
    # gpu.intel.com/{i915,xe}_monitoring sees devices and holds none.
    _rule(r"gpu\.intel\.com/(i915|xe)", Unit.DEVICE),
    _rule(r"volcano\.sh/vgpu-number", Unit.SLOT, "volcano.sh/vgpu-cores"),
    _rule(r"volcano\.sh/gpu-number", Unit.DEVICE),
)


@dataclass(frozen=True, slots=True)
class AnnotationRule:
    """A fraction of a GPU asked for by annotation: `trigger` names it, `amount` reads it."""

    trigger: str
    amount: Callable[[Mapping[str, str]], float]
    placement: str | None = None


ANNOTATIONS: tuple[AnnotationRule, ...] = (
    AnnotationRule(
        "alibabacloud.com/gpu-milli",
        lambda notes: (
            _number(notes, "alibabacloud.com/gpu-milli")
            / _MILLI
            * _number(notes, "alibabacloud.com/gpu-count", default="1")
        ),
        placement="alibabacloud.com/gpu-index",
    ),
    AnnotationRule(
        "gpu-fraction",
        lambda notes: (
            _number(notes, "gpu-fraction") * _number(notes, "gpu-fraction-num-devices", default="1")
        ),
    ),
)

_PLACEMENTS = tuple(rule.placement for rule in ANNOTATIONS if rule.placement)


_COMPANIONS = frozenset(rule.percent_of_device for rule in RESOURCES if rule.percent_of_device)


def is_counted(resource: str) -> bool:
    """Tell whether *resource* is a GPU or narrows how much of one is asked for."""
    return resource in _COMPANIONS or rule_for(resource) is not None


@lru_cache(maxsize=1024)
def rule_for(resource: str) -> ResourceRule | None:
    """Return the row that *resource* falls under; None when it is no GPU."""
    return next((rule for rule in RESOURCES if rule.name.fullmatch(resource)), None)


def weight(resource: str, *, capacity: float, physical: float | None) -> float:
    """Return how many GPUs one unit of *resource* is on a node.

    Args:
        resource: A name that `rule_for` knows.
        capacity: Units the node has.
        physical: GPUs in the node by its labels (`nvidia.com/gpu.count`); None when unlabelled.
    """
    rule = rule_for(resource)
    if rule is None:
        return 0.0
    if rule.unit is Unit.SLICE:
        match = rule.name.fullmatch(resource)
        return int(match["slices"]) / _MIG_SLICES if match else 0.0
    # Replicas are advertised as units, so more units than GPUs means each unit is a share. The
    # labels' own replica count is not used: two versions of its writer disagree on its meaning.
    if physical and capacity > physical:
        return physical / capacity
    return 1.0


def annotated_amount(annotations: Mapping[str, str]) -> float:
    """Return the GPUs asked for by annotation, in GPUs; 0 when by none.

    Raises:
        MalformedObject: When the annotation is there and is no number.
    """
    for rule in ANNOTATIONS:
        if rule.trigger in annotations:
            return max(0.0, rule.amount(annotations))
    return 0.0


def placed_devices(annotations: Mapping[str, str]) -> frozenset[int]:
    """Return the device indices the scheduler wrote down (`2-3-4`); empty when it wrote none.

    Raises:
        MalformedObject: When the annotation is there and lists no indices.
    """
    for name in _PLACEMENTS:
        text = annotations.get(name)
        if text:
            if not re.fullmatch(r"\d+(-\d+)*", text):
                raise MalformedObject(f"annotation {name}: {text!r} is not a list such as 2-3-4")
            return frozenset(int(index) for index in text.split("-"))
    return frozenset()


def percent_share(resource: str, requests: Mapping[str, float]) -> float:
    """Return the share of each device that a companion resource narrows a request to, 0 to 1."""
    rule = rule_for(resource)
    if rule is None or rule.percent_of_device is None:
        return 1.0
    percent = requests.get(rule.percent_of_device)
    return 1.0 if not percent else min(1.0, percent / _PERCENT)


def _number(annotations: Mapping[str, str], name: str, default: str = "0") -> float:
    text = annotations.get(name, default)
    try:
        return quantity.parse(text)
    except MalformedObject as error:
        raise MalformedObject(f"annotation {name}: {error}") from error
