"""What a node's labels say of its GPUs, and with it what one unit of a resource weighs.

Amounts are GPUs. Labels are written by GPU feature discovery (nvidia), AMD's node labeller and
Intel's rules for node feature discovery. A label that makes no sense is as good as none: it is a
description, and must not cost a node its account.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from exporter.cluster.objects import quantity, resources
from exporter.cluster.objects.resources import Unit
from exporter.errors import MalformedObject

_NVIDIA = "nvidia.com/"
_COUNT, _REPLICAS, _STRATEGY = ".count", ".replicas", ".sharing-strategy"
_SHARED = ".shared"
_PRODUCT = "nvidia.com/gpu.product"
_MEMORY = "nvidia.com/gpu.memory"
_PRESENT = "nvidia.com/gpu.present"

# NVIDIA's MIG user guide, "Supported GPUs": into how many instances a GPU can be cut.
_MIG_SLICES = 7
_FEWER_SLICES = (
    (re.compile(r"(^|-)A30(-|$)"), 4),
    (re.compile(r"RTX-PRO-6000"), 4),
    (re.compile(r"RTX-PRO-(4500|5000)"), 2),
)
# Names that only the A30 has tell it apart where no label does, as for a pod without a node.
_A30_PROFILES = frozenset({"1g.6gb", "2g.12gb", "4g.24gb"})
_SINGLE_MIG = re.compile(r"-MIG-(\d+g\.\d+gb)")

# AMD's partitioning guide: parts by compute mode; `cpx` makes one of each compute die.
_PARTS = {"spx": 1, "dpx": 2, "tpx": 3, "qpx": 4}
_DIES = 8
_MI300A, _MI300A_DIES = "MI300A", 6
_AMD_GPU = "amd.com/gpu"
_AMD_PREFIXES = ("amd.com/gpu.", "beta.amd.com/gpu.")
# The labeller's documentation leaves out the "gpu." that its code writes.
_AMD_PARTITION = (
    "amd.com/compute-memory-partition",
    *(f"{prefix}compute-memory-partition" for prefix in _AMD_PREFIXES),
)

_INTEL_COUNT = "gpu.intel.com/device.count"
_INTEL_DEVICE = re.compile(r"gpu\.intel\.com/device-id\..+\.count")
_INTEL_RESOURCES = ("gpu.intel.com/i915", "gpu.intel.com/xe")

_GIB_IN_MIB = 1024.0
_CORES_OF_A_GPU = 100.0


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is known of a node's GPUs beside their number.

    Args:
        present: True when a label says that there are GPUs.
        counts: Units by resource before each is shared by replicas: GPUs, or MIG instances.
        replicas: Pods that may share each of those units, by resource; only where it is shared.
        unshared: Resources of which a label says that they are not shared.
        product: NVIDIA's product label, empty without one.
        mode: How AMD GPUs are partitioned.
        dies: Compute dies of an AMD GPU.
        memory: MiB of device memory of one GPU; None when no label says so.
        memories: MiB of device memory by resource, where its capacity says so.
    """

    present: bool = False
    counts: Mapping[str, float] = field(default_factory=dict)
    replicas: Mapping[str, float] = field(default_factory=dict)
    unshared: frozenset[str] = frozenset()
    product: str = ""
    mode: str = "spx"
    dies: int = _DIES
    memory: float | None = None
    memories: Mapping[str, float] = field(default_factory=dict)

    def weight(self, resource: str, capacity: float) -> float:
        """Return how many GPUs one unit of *resource* is.

        Args:
            resource: Its name; what is no GPU weighs nothing.
            capacity: Units the node has; 0 also while its device plugin restarts, when the labels
                go on telling how its units are shared.
        """
        rule = resources.rule_for(resource)
        if rule is None:
            return 0.0
        return self._unshared(resource, rule.unit) * self._sharing(resource, capacity)

    def is_cut(self, resource: str) -> bool:
        """Tell whether a unit of *resource* is a fixed part of a GPU: no GPU is ever whole again.

        A part that is the whole of its GPU is a GPU.
        """
        rule = resources.rule_for(resource)
        return rule is not None and self._unshared(resource, rule.unit) < 1

    def memory_of(self, resource: str) -> float | None:
        """Return the MiB of device memory that a GPU behind *resource* has; None when unknown."""
        return self.memories.get(resource, self.memory)

    def _unshared(self, resource: str, unit: Unit) -> float:
        if unit is Unit.SLICE:
            return _slice(resource.removeprefix("nvidia.com/mig-"), self.product)
        if unit is Unit.PARTITION:
            mode = resource.removeprefix("amd.com/").partition("_")[0]
            return 1 / _PARTS.get(mode, self.dies)
        if resource == _AMD_GPU:
            return 1 / _PARTS.get(self.mode, self.dies)
        # mig.strategy=single: the instances go by the name of whole GPUs, the product tells.
        single = _SINGLE_MIG.search(self.product)
        if single and resource.removesuffix(_SHARED) == resources.WHOLE_GPU:
            return _slice(single[1], self.product)
        return 1.0

    def _sharing(self, resource: str, capacity: float) -> float:
        """Return the share of a device or instance that one slot of it is.

        Units beyond the count are slots. The replicas label is the second choice only: what it
        counts differs between its documentation (all of the node's) and its code (one device's).
        """
        name = resource.removesuffix(_SHARED)
        if name in self.unshared:
            return 1.0
        count = self.counts.get(name)
        if capacity and count:
            return min(1.0, count / capacity)
        return 1 / self.replicas.get(name, 1.0)


def from_labels(labels: Mapping[str, str], capacity: Mapping[str, float]) -> Hardware:
    """Return what a node's labels, and the companions in its capacity, say of its GPUs.

    Args:
        labels: The node's labels.
        capacity: Units by resource, companions included.
    """
    product = labels.get(_PRODUCT, "")
    shared = {key: text for key, text in labels.items() if key.startswith(_NVIDIA)}
    counts = _numbers(shared, _COUNT)
    replicas = {name: n for name, n in _numbers(shared, _REPLICAS).items() if n > 1}
    unshared = frozenset(
        key.removesuffix(_STRATEGY)
        for key, text in shared.items()
        if text == "none" and key.endswith(_STRATEGY)
    )
    intel = _intel_gpus(labels)
    amd = _amd(labels, "product-name")
    present = (
        counts.get(resources.WHOLE_GPU, 0.0) > 0
        or labels.get(_PRESENT) == "true"
        or bool(intel or amd or _amd(labels, "device-id"))
    )
    if intel:
        counts.update(dict.fromkeys(_INTEL_RESOURCES, intel))
    cards = counts.get(resources.WHOLE_GPU) or (
        capacity.get(resources.VGPU_CORES, 0.0) / _CORES_OF_A_GPU
    )
    if cards:
        counts[resources.VGPU] = counts[resources.CARD] = cards
    mode = _mode(labels)
    return Hardware(
        present=present,
        counts=counts,
        replicas=replicas,
        unshared=unshared,
        product=product,
        mode=mode,
        dies=_MI300A_DIES if _MI300A in amd else _DIES,
        memory=_memory(labels, whole=mode == "spx" and not _SINGLE_MIG.search(product)),
        memories=_memories(capacity, cards),
    )


@lru_cache(maxsize=256)
def _slice(profile: str, product: str) -> float:
    """Return the share of a GPU that a MIG instance such as `1g.10gb.me` is, by compute slices."""
    slices, memory = profile.split(".")[:2]
    of = next((n for name, n in _FEWER_SLICES if name.search(product)), _MIG_SLICES)
    if f"{slices}.{memory}" in _A30_PROFILES:
        of = 4
    return min(1.0, int(slices.removesuffix("g")) / of)


def _mode(labels: Mapping[str, str]) -> str:
    text = next((labels[name] for name in _AMD_PARTITION if labels.get(name)), "")
    mode = text.partition("_")[0].lower()
    return mode if mode in _PARTS or mode == "cpx" else "spx"


def _memory(labels: Mapping[str, str], *, whole: bool) -> float | None:
    if not whole:
        # The labels then describe the parts.
        return None
    memory = _number(labels.get(_MEMORY))
    if memory:
        return memory
    # AMD's labeller writes gibibytes as "192G".
    memory = _number(_amd(labels, "vram").removesuffix("G"))
    return memory * _GIB_IN_MIB if memory else None


def _memories(capacity: Mapping[str, float], cards: float) -> dict[str, float]:
    """Return device memory as Volcano's plugins tell it: the node's, over its GPUs."""
    told = {
        resources.CARD: (resources.CARD_MEMORY, capacity.get(resources.CARD, 0.0)),
        resources.VGPU: (resources.VGPU_MEMORY, cards),
    }
    return {
        resource: capacity[total] / gpus
        for resource, (total, gpus) in told.items()
        if gpus and capacity.get(total)
    }


def _intel_gpus(labels: Mapping[str, str]) -> float:
    count = _number(labels.get(_INTEL_COUNT))
    if count:
        return count
    return sum(_number(text) or 0.0 for key, text in labels.items() if _INTEL_DEVICE.fullmatch(key))


def _amd(labels: Mapping[str, str], name: str) -> str:
    return next((text for p in _AMD_PREFIXES if (text := labels.get(f"{p}{name}"))), "")


def _numbers(labels: Mapping[str, str], suffix: str) -> dict[str, float]:
    found = {
        key.removesuffix(suffix): _number(text)
        for key, text in labels.items()
        if key.endswith(suffix)
    }
    return {name: number for name, number in found.items() if number is not None}


def _number(text: str | None) -> float | None:
    try:
        return quantity.devices(text or "")
    except MalformedObject:
        return None
