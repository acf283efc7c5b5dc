"""What was measured of the GPUs of a job's pods, from what Prometheus tells of devices; pure."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from queryapi.promql import jobqueries as names
from queryapi.promql.values import Sample as Element
from queryapi.services.jobs.whereabouts.model import Place, Pod
from queryapi.storage.jobrecords import Sample

Readings = Mapping[str, tuple[float, ...]]
"""By metric name, one value of each device."""

PodName = tuple[str, str]
"""Namespace and name."""

HolderName = tuple[str, str, str]
"""Namespace, name and, where it is told, UID."""

_NOBODY = ("", "", "")
_MIB = 2**20
_PERCENT = 100.0
# DCGM writes enormous numbers for what a device cannot tell.
_MOST = 1e12
_SLICE = "GPU_I_ID"


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured, by whom it is of.

    Args:
        pods: By namespace and name, as dcgm-exporter tells.
        holders: The same of our own exporter's devices that one pod alone holds whole.
        nodes: Of all devices of a node, by our own exporter.
    """

    pods: Mapping[PodName, Readings]
    holders: Mapping[HolderName, Readings]
    nodes: Mapping[str, Readings]


def found(vector: Iterable[Element]) -> Found:
    """Return what `jobqueries.readings` has found; only numbers that can be are readings."""
    elements = [each for each in vector if _can_be(each)]
    holders = _sole_holders(each for each in elements if each.name == names.HOLDER)
    pods: dict[PodName, dict[str, tuple[float, ...]]] = {}
    held: dict[HolderName, dict[str, tuple[float, ...]]] = {}
    nodes: dict[str, dict[str, tuple[float, ...]]] = {}
    for element in elements:
        if element.name.startswith("DCGM_"):
            _add(pods.setdefault(_pod_of(element), {}), element)
        elif element.name != names.HOLDER:
            _add(nodes.setdefault(element.label("node"), {}), element)
            holder = holders.get(element.label("uuid"))
            if holder is not None:
                _add(held.setdefault(holder, {}), element)
    return Found(pods, held, nodes)


def _can_be(element: Element) -> bool:
    # The power of a MIG slice is that of the whole device, of which others have slices too.
    shared = element.name == names.POWER and element.label(_SLICE)
    return math.isfinite(element.value) and 0 <= element.value < _MOST and not shared


def _add(of: dict[str, tuple[float, ...]], element: Element) -> None:
    of[element.name] = (*of.get(element.name, ()), element.value)


def _sole_holders(elements: Iterable[Element]) -> dict[str, HolderName]:
    """Return the pods that hold a device by themselves: what others share in is nobody's."""
    holders: dict[str, set[HolderName]] = {}
    for element in elements:
        whole = not element.label("gpu_instance")
        holder = (*_pod_of(element), element.label("uid")) if whole else _NOBODY
        holders.setdefault(element.label("uuid"), set()).add(holder)
    sole = {uuid: _sole(them) for uuid, them in holders.items() if _NOBODY not in them}
    return {uuid: holder for uuid, holder in sole.items() if holder is not None}


def _sole(holders: Collection[HolderName]) -> HolderName | None:
    """Return the only pod among *holders*; None when there are several, or none has a name.

    Processes may be known by the UID of their pod alone: beside one pod that is named they are
    taken for its own. Whose UID that is shows once readings are asked for by pod.
    """
    pods = {(namespace, name) for namespace, name, _ in holders if name}
    uids = {uid for _, _, uid in holders if uid}
    if len(pods) != 1 or len(uids) > 1:
        return None
    return (*pods.pop(), next(iter(uids), ""))


def _pod_of(element: Element) -> PodName:
    if element.label("exported_pod"):
        return element.label("exported_namespace"), element.label("exported_pod")
    return element.label("namespace"), element.label("pod")


def of_place(place: Place, found: Found) -> Sample | None:
    """Return what was measured of a job's GPUs; None when nothing was of some of its pods.

    What one exporter says of a pod counts whole: another one's numbers are of another moment.
    """
    parts: list[Readings] = []
    for pod in place.pods:
        told = found.pods.get((pod.namespace, pod.name)) or _held(pod, found)
        if not told and pod.node in place.nodes:
            told = found.nodes.get(pod.node)
        if not told:
            return None
        parts.append(told)
    return _sample({name: _joined(parts, name) for part in parts for name in part})


def _held(pod: Pod, found: Found) -> Readings | None:
    """Return what was measured of the devices *pod* holds, unless some of them are not known."""
    of_name, of_uid = (
        found.holders.get((pod.namespace, pod.name, uid), {}) for uid in ("", pod.uid)
    )
    told = {name: _joined((of_name, of_uid), name) for name in (*of_name, *of_uid)}
    devices = max((len(values) for values in told.values()), default=0)
    return told if pod.gpus is None or devices >= pod.gpus else None


def _joined(parts: Iterable[Readings], name: str) -> tuple[float, ...]:
    return tuple(value for part in parts for value in part.get(name, ()))


def _sample(told: Readings) -> Sample | None:
    used, free = told.get(names.MEMORY_USED, ()), told.get(names.MEMORY_FREE, ())
    shares = [ratio * _PERCENT for ratio in told.get(names.OWN_UTILIZATION, ())]
    busy = [*told.get(names.UTILIZATION, ()), *shares]
    heat = [*told.get(names.TEMPERATURE, ()), *told.get(names.OWN_TEMPERATURE, ())]
    power = [*told.get(names.POWER, ()), *told.get(names.OWN_POWER, ())]
    own_used = [size / _MIB for size in told.get(names.OWN_MEMORY_USED, ())]
    own_total = [size / _MIB for size in told.get(names.OWN_MEMORY_TOTAL, ())]
    # Of fewer devices it would be less than there is.
    whole = [*used, *free] if len(used) == len(free) else []
    sample = Sample(
        utilization=min(_PERCENT, fmean(busy)) if busy else None,
        memory_used=_sum([*used, *own_used]),
        memory_total=_sum([*whole, *own_total]),
        temperature=max(heat, default=None),
        power=_sum(power),
    )
    return None if sample == Sample() else sample


def _sum(values: list[float]) -> float | None:
    return sum(values) if values else None
