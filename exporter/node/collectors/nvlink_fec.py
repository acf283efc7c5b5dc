"""How much forward error correction has to do on every NVLink; NVLink 5 and later.

Sixteen series a link, hundreds a device: so only when asked for.
"""

from collections.abc import Iterator

from exporter.catalogue import NVLINK_FEC_BLOCKS
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import MAX_NVLINKS, Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each
from exporter.node.units import count

_HISTORY = tuple(
    Fi(number)
    for number in range(Fi.NVLINK_COUNT_FEC_HISTORY_0, Fi.NVLINK_COUNT_FEC_HISTORY_15 + 1)
)


def collect(device: Device) -> Iterator[Reading]:
    """Yield blocks by how many errors in them were corrected."""
    asked = Gathering(device)
    for link in range(MAX_NVLINKS):
        yield from each(
            NVLINK_FEC_BLOCKS,
            {str(errors): count(asked.field(field, link)) for errors, field in enumerate(_HISTORY)},
            str(link),
        )
    asked.settle()


COLLECTOR = Collector(
    "nvlink_fec",
    "forward error correction of every NVLink",
    (Part(Group.SLOW, collect, keys(*_HISTORY, scopes=tuple(range(MAX_NVLINKS)))),),
    default=False,
)
