"""What was measured of the GPUs of a job's pods, from what Prometheus tells of devices; pure."""

import math
from collections.abc import Iterable, Mapping
from statistics import fmean

from queryapi.promql import jobqueries as names
from queryapi.promql.values import Sample as Element
from queryapi.services.jobs.whereabouts.model import Place
from queryapi.storage.jobrecords import Sample

Readings = Mapping[str, tuple[float, ...]]
"""By metric name, one value of each device."""

_MIB = 2**20
_PERCENT = 100.0
# DCGM writes enormous numbers for what a device cannot tell.
_MOST = 1e12
_SLICE = "GPU_I_ID"


def by_pod(vector: Iterable[Element]) -> dict[tuple[str, str], dict[str, tuple[float, ...]]]:
    """Return the readings of each pod, by namespace and name, and of whole nodes by `("", node)`.

    Only numbers that can be are readings.
    """
    found: dict[tuple[str, str], dict[str, tuple[float, ...]]] = {}
    for element in vector:
        value = element.value
        if not (math.isfinite(value) and 0 <= value < _MOST):
            continue
        if element.name == names.POWER and element.label(_SLICE):
            # That of the whole device, of which others have slices too.
            continue
        of = found.setdefault(_whose(element), {})
        of[element.name] = (*of.get(element.name, ()), value)
    return found


def _whose(element: Element) -> tuple[str, str]:
    if not element.name.startswith("DCGM_"):
        return "", element.label("node")
    if element.label("exported_pod"):
        return element.label("exported_namespace"), element.label("exported_pod")
    return element.label("namespace"), element.label("pod")


def of_place(place: Place, found: Mapping[tuple[str, str], Readings]) -> Sample | None:
    """Return what was measured of a job's GPUs; None when nothing was of some of its pods.

    What one exporter says of a pod counts whole: another one's numbers are of another moment.
    """
    parts: list[Readings] = []
    for pod in place.pods:
        told = found.get((pod.namespace, pod.name))
        if not told and pod.node in place.nodes:
            told = found.get(("", pod.node))
        if not told:
            return None
        parts.append(told)
    return _sample({name: _joined(parts, name) for part in parts for name in part})


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
