"""How a device fares in its NVLink fabric; Hopper and later, with NVSwitch."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any
from uuid import UUID

from exporter.catalogue import (
    FABRIC_ERROR,
    FABRIC_HEALTHY,
    FABRIC_INFO,
    FABRIC_PROBLEM,
    FABRIC_STATE,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, each, single, state


class State(StrEnum):
    """nvmlGpuFabricState_t; a device without a fabric has none of them."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    OTHER = "other"


_FUNCTIONS = ("GpuFabricInfo_v3", "GpuFabricInfo_v2", "GpuFabricInfo_v1")
"""Newest first; the last one, of drivers before 535, knows nothing of health."""
_NO_FABRIC = 0
_STATES = {1: State.NOT_STARTED, 2: State.IN_PROGRESS, 3: State.COMPLETED}
_HEALTHY, _LIMITED = 1, 3
_SUMMARIES = (1, 2, 3)
"""Healthy, unhealthy, limited capacity; nvmlGpuFabricInfo_v3 on."""

_CHECKS = {
    "degraded_bandwidth": (0, 0x3, 1),
    "route_recovery": (2, 0x3, 1),
    "route_unhealthy": (4, 0x3, 1),
    "access_timeout": (6, 0x3, 1),
    "no_partition": (12, 0x3, 2),
    "manager_disconnected": (14, 0x3, 2),
}
"""Where each stands in the mask: shift, width, and which of 1 and 2 means trouble; 0 = unknown."""
_CONFIGURATION_SHIFT, _CONFIGURATION_WIDTH, _CONFIGURATION_GOOD = 8, 0xF, 1


def collect(device: Device) -> Iterator[Reading]:
    """Yield the state of joining the fabric and, once that is done, how it went."""
    info = next(filter(None, map(device.ask, _FUNCTIONS)), None)
    # One byte in the driver, whatever stands behind it in the binding; all bits set is no state.
    if info is None or info.state & 0xFF in (_NO_FABRIC, 0xFF):
        return
    present = _STATES.get(info.state & 0xFF, State.OTHER)
    yield from state(FABRIC_STATE, State, present)
    if present is not State.COMPLETED:
        return
    yield Reading(FABRIC_INFO, 1, (str(UUID(bytes=bytes(info.clusterUuid))), str(info.cliqueId)))
    yield Reading(FABRIC_ERROR, info.status)
    problems = dict(_problems(info))
    yield from each(FABRIC_PROBLEM, problems)
    yield from single(FABRIC_HEALTHY, _healthy(info, problems))


def _problems(info: Any) -> Iterator[tuple[str, float]]:
    """Yield every check that the device does."""
    mask = int(getattr(info, "healthMask", 0))
    for check, (shift, width, trouble) in _CHECKS.items():
        answer = mask >> shift & width
        if answer in (1, 2):
            yield check, answer == trouble
    configuration = mask >> _CONFIGURATION_SHIFT & _CONFIGURATION_WIDTH
    if configuration:
        yield "incorrect_configuration", configuration != _CONFIGURATION_GOOD
    if _summary(info) in _SUMMARIES:
        yield "limited_capacity", _summary(info) == _LIMITED


def _healthy(info: Any, problems: dict[str, float]) -> float | None:
    """Return the device's own verdict, else what follows from its checks."""
    if info.status:
        return False
    if _summary(info) in _SUMMARIES:
        return _summary(info) == _HEALTHY
    return not any(problems.values()) if problems else None


def _summary(info: Any) -> int:
    return int(getattr(info, "healthSummary", 0))


COLLECTOR = Collector(
    "fabric", "state and health in the NVLink fabric", (Part(Group.MEDIUM, collect),)
)
