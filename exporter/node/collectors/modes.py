"""How a device is set up and what state it is in."""

from collections.abc import Iterator
from enum import StrEnum

from exporter.catalogue import COMPUTE_MODE, DISPLAY_ACTIVE, PERFORMANCE_STATE, PERSISTENCE_MODE
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, single, state
from exporter.node.units import choice, flag, within


class Compute(StrEnum):
    """Who may open the device for computing: nvmlComputeMode_t, in its order, and one not known."""

    DEFAULT = "default"
    EXCLUSIVE_THREAD = "exclusive_thread"
    PROHIBITED = "prohibited"
    EXCLUSIVE_PROCESS = "exclusive_process"
    OTHER = "other"


def collect(device: Device) -> Iterator[Reading]:
    """Yield the performance state; 32 means that the device does not know it."""
    yield from single(PERFORMANCE_STATE, within(device.ask("PerformanceState"), 0, 15))


def settings(device: Device) -> Iterator[Reading]:
    """Yield what an administrator has set."""
    asked = Gathering(device)
    yield from single(PERSISTENCE_MODE, flag(asked.ask("PersistenceMode")))
    yield from single(DISPLAY_ACTIVE, flag(asked.ask("DisplayActive")))
    mode = choice(asked.ask("ComputeMode"))
    if mode is not None:
        modes = dict(enumerate(Compute))
        yield from state(COMPUTE_MODE, Compute, modes.get(mode, Compute.OTHER))
    asked.settle()


COLLECTOR = Collector(
    "modes",
    "performance state, persistence and compute mode",
    (Part(Group.FAST, collect), Part(Group.SLOW, settings)),
)
