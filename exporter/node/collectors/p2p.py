"""Which devices of a node reach each other directly.

Grows with the square of the devices, and asks about the others: so only when asked for.
"""

from collections.abc import Iterator

from exporter.catalogue import P2P_AVAILABLE
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading

_CAPABILITIES = {"read": 0, "write": 1, "nvlink": 2, "atomics": 3, "pci": 4}
"""nvmlGpuP2PCapsIndex_t."""
_GOOD, _UNKNOWN = 0, 6
"""nvmlGpuP2PStatus_t; what lies between says why not."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield what works with every other device."""
    for capability, number in _CAPABILITIES.items():
        for peer, status in (device.ask("P2PStatuses", number) or {}).items():
            if status != _UNKNOWN:
                yield Reading(P2P_AVAILABLE, status == _GOOD, (peer, capability))


COLLECTOR = Collector(
    "p2p",
    "which devices reach each other directly",
    (Part(Group.SLOW, collect),),
    default=False,
)
