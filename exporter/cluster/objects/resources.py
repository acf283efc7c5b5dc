"""What counts as a GPU: one table of resource names, and how schedulers write down a device.

Sources: the device plugins' own README files (nvidia, amd, intel, volcano) and the schedulers'
sources (KAI, Volcano, Alibaba's gpushare) for annotations and labels. What a unit weighs on a
node is `hardware`'s business, what a pod asks for is `requests`'.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from exporter.errors import MalformedObject

WHOLE_GPU = "nvidia.com/gpu"
"""The resource that a fraction asked for by annotation is taken from."""

VGPU = "volcano.sh/vgpu-number"
VGPU_CORES = "volcano.sh/vgpu-cores"
VGPU_MEMORY = "volcano.sh/vgpu-memory"
CARD = "volcano.sh/gpu-number"
CARD_MEMORY = "volcano.sh/gpu-memory"

_RESERVATION_NAMESPACES = frozenset({"kai-resource-reservation", "runai-reservation"})


class Unit(Enum):
    """What one unit of a resource is, physically."""

    DEVICE = "device"
    """A GPU, or a share of one where the node's labels say so."""
    SLICE = "slice"
    """A MIG instance."""
    PARTITION = "partition"
    """A compute partition of an AMD GPU."""


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """One row: which names, what a unit is, and which companions say how much of each it takes.

    Args:
        name: The resource names the row is about.
        unit: What one unit is.
        percents: Companions that give the share of each device in percent, the decisive one first.
        memory: The companion that gives device memory per device, in MiB.
        scheduled: True when a scheduler hands out shares: a unit without any companion is then a
            whole GPU, whatever the node's slots weigh.
    """

    name: re.Pattern[str]
    unit: Unit
    percents: tuple[str, ...] = ()
    memory: str = ""
    scheduled: bool = False


RESOURCES: tuple[ResourceRule, ...] = (
    ResourceRule(re.compile(r"nvidia\.com/gpu(\.shared)?"), Unit.DEVICE),
    ResourceRule(re.compile(r"nvidia\.com/mig-(\d+)g\.(\d+gb)(\..+)?"), Unit.SLICE),
    ResourceRule(re.compile(r"amd\.com/gpu"), Unit.DEVICE),
    ResourceRule(re.compile(r"amd\.com/(spx|dpx|tpx|qpx|cpx)_nps\d+"), Unit.PARTITION),
    # gpu.intel.com/{monitoring,i915_monitoring,xe_monitoring} see devices and hold none.
    ResourceRule(re.compile(r"gpu\.intel\.com/(i915|xe)"), Unit.DEVICE),
    ResourceRule(
        re.compile(re.escape(VGPU)),
        Unit.DEVICE,
        (VGPU_CORES, "volcano.sh/vgpu-memory-percentage"),
        VGPU_MEMORY,
        scheduled=True,
    ),
    ResourceRule(re.compile(re.escape(CARD)), Unit.DEVICE, memory=CARD_MEMORY, scheduled=True),
)

IMPLIED = {CARD_MEMORY: CARD}
"""Companions that ask for one device by themselves."""

_COMPANIONS = frozenset(
    name for rule in RESOURCES for name in (*rule.percents, rule.memory) if name
)


@lru_cache(maxsize=1024)
def rule_for(resource: str) -> ResourceRule | None:
    """Return the row that *resource* falls under; None when it is no GPU."""
    return next((rule for rule in RESOURCES if rule.name.fullmatch(resource)), None)


@lru_cache(maxsize=1024)
def is_counted(resource: str) -> bool:
    """Tell whether *resource* is a GPU or narrows how much of one is asked for."""
    return resource in _COMPANIONS or rule_for(resource) is not None


def is_reservation(namespace: str) -> bool:
    """Tell whether a pod there only holds a device for KAI's fractions: it is nobody's task."""
    return namespace in _RESERVATION_NAMESPACES


_INDEX = "alibabacloud.com/gpu-index"
_CARD_INDEX = "volcano.sh/gpu-index"
_VGPU_IDS = "volcano.sh/vgpu-ids-new"
# Containers end with ";", devices with ":", and a device begins with its UUID: "GPU-1,NVIDIA,…:".
_VGPU_ID = re.compile(r"(?:^|[:;])([^,:;]+),")
_GROUP = "runai-gpu-group"
_GROUP_PREFIX = f"{_GROUP}/"


def placed_devices(annotations: Mapping[str, str], labels: Mapping[str, str]) -> frozenset[str]:
    """Return the devices the scheduler wrote down; empty when it wrote none.

    A device is named by its index (`3`), by its UUID, or by the group of KAI's fractions that
    share it (`group:abc`).

    Raises:
        MalformedObject: When an index annotation is there and lists no indices.
    """
    if text := annotations.get(_INDEX):
        return _indices(_INDEX, text, "-")
    if text := annotations.get(_VGPU_IDS):
        return frozenset(_VGPU_ID.findall(text))
    if text := annotations.get(_CARD_INDEX):
        return _indices(_CARD_INDEX, text, ",")
    return frozenset(
        f"group:{group}"
        for name, group in labels.items()
        if group and (name == _GROUP or name.startswith(_GROUP_PREFIX))
    )


def _indices(annotation: str, text: str, separator: str) -> frozenset[str]:
    if not re.fullmatch(rf"\d+({separator}\d+)*", text, re.ASCII):
        like = separator.join("234")
        raise MalformedObject(f"annotation {annotation}: {text!r} is not a list such as {like}")
    return frozenset(text.split(separator))
