"""What the driver asks for to make a device well: the one thing to alert on."""

from collections.abc import Iterator
from enum import StrEnum

from exporter.catalogue import RECOVERY_ACTION
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.reading import Reading, state
from exporter.node.units import choice


class Action(StrEnum):
    """nvmlDeviceGpuRecoveryAction_t, in the order of its numbers; OTHER is one not known yet."""

    NONE = "none"
    RESET = "reset"
    REBOOT = "reboot"
    DRAIN_P2P = "drain_p2p"
    DRAIN_AND_RESET = "drain_and_reset"
    RECOVER_IMEX = "recover_imex"
    BUS_RESET = "bus_reset"
    SYSTEM_REBOOT = "system_reboot"
    OTHER = "other"


def collect(device: Device) -> Iterator[Reading]:
    """Yield the action the driver asks for."""
    number = choice(device.field(Fi.GET_GPU_RECOVERY_ACTION))
    if number is not None:
        actions = dict(enumerate(Action))
        yield from state(RECOVERY_ACTION, Action, actions.get(number, Action.OTHER))


COLLECTOR = Collector(
    "recovery",
    "what is needed to make a device well",
    (Part(Group.MEDIUM, collect, keys(Fi.GET_GPU_RECOVERY_ACTION)),),
)
