"""How much power a device draws, and how much it may."""

from collections.abc import Iterator

from exporter.catalogue import (
    MODULE_POWER_LIMIT,
    POWER,
    POWER_AVERAGE,
    POWER_INSTANT,
    POWER_LIMIT,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import watts

_GPU, _MODULE = 0, 1
_SCOPES = {"gpu": _GPU, "module": _MODULE, "memory": 2}
"""NVML_POWER_SCOPE_…: a module is GPUs and a CPU of NVIDIA's on one board."""

_LIMITS = {
    "enforced": Fi.POWER_CURRENT_LIMIT,
    "requested": Fi.POWER_REQUESTED_LIMIT,
    "default": Fi.POWER_DEFAULT_LIMIT,
    "min": Fi.POWER_MIN_LIMIT,
    "max": Fi.POWER_MAX_LIMIT,
}
_CALLS = {
    "enforced": "EnforcedPowerLimit",
    "requested": "PowerManagementLimit",
    "default": "PowerManagementDefaultLimit",
}
_CONSTRAINTS = ("min", "max")
"""What drivers without those fields are asked."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the power as the device as a whole is known for, and by scope."""
    asked = Gathering(device)
    yield from single(POWER, watts(asked.ask("PowerUsage")))
    for family, field in ((POWER_AVERAGE, Fi.POWER_AVERAGE), (POWER_INSTANT, Fi.POWER_INSTANT)):
        yield from each(
            family, {name: watts(asked.field(field, scope)) for name, scope in _SCOPES.items()}
        )
    asked.settle()


def limits(device: Device) -> Iterator[Reading]:
    """Yield the limits by meaning."""
    asked = Gathering(device)
    own = {name: asked.first((_LIMITS[name], _GPU), (call,)) for name, call in _CALLS.items()}
    own |= {name: asked.field(_LIMITS[name], _GPU) for name in _CONSTRAINTS}
    if None in (own["min"], own["max"]):
        own["min"], own["max"] = asked.ask("PowerManagementLimitConstraints") or (None, None)
    yield from each(POWER_LIMIT, {name: watts(limit) for name, limit in own.items()})
    yield from each(
        MODULE_POWER_LIMIT,
        {name: watts(asked.field(field, _MODULE)) for name, field in _LIMITS.items()},
    )
    asked.settle()


COLLECTOR = Collector(
    "power",
    "power drawn, and its limits",
    (
        Part(
            Group.FAST,
            collect,
            keys(Fi.POWER_AVERAGE, Fi.POWER_INSTANT, scopes=tuple(_SCOPES.values())),
        ),
        Part(Group.MEDIUM, limits, keys(*_LIMITS.values(), scopes=(_GPU, _MODULE))),
    ),
)
