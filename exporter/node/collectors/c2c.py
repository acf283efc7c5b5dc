"""Links from chip to chip, as between the CPU and the GPU of a superchip."""

from collections.abc import Iterator

from exporter.catalogue import C2C_ERRORS, C2C_LINKS, C2C_LOW_POWER, C2C_SPEED, C2C_UP
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import flag, speed, tally, within

_MOST = 14
"""As many as NVML has metrics for."""
_ERRORS = {
    "interrupt": Fi.C2C_LINK_ERROR_INTR,
    "replay": Fi.C2C_LINK_ERROR_REPLAY,
    "replay_back_to_back": Fi.C2C_LINK_ERROR_REPLAY_B2B,
}


def collect(device: Device) -> Iterator[Reading]:
    """Yield how many links there are, and how each is; nothing where there are none."""
    number = within(device.field(Fi.C2C_LINK_COUNT), 1, _MOST)
    if number is None:
        return
    yield Reading(C2C_LINKS, number)
    asked = Gathering(device)
    for link in range(int(number)):
        label = str(link)
        up = flag(asked.field(Fi.C2C_LINK_GET_STATUS, link))
        yield from single(C2C_UP, up, label)
        fastest = speed(asked.field(Fi.C2C_LINK_GET_MAX_BW, link))
        yield from single(C2C_SPEED, fastest, label)
        yield from each(
            C2C_ERRORS,
            {name: tally(asked.field(field, link)) for name, field in _ERRORS.items()},
            label,
        )
        saving = flag(asked.field(Fi.C2C_LINK_POWER_STATE, link))
        yield from single(C2C_LOW_POWER, saving, label)
    asked.settle()


COLLECTOR = Collector(
    "c2c",
    "links from chip to chip, as to a Grace CPU",
    (
        Part(
            Group.MEDIUM,
            collect,
            (
                *keys(Fi.C2C_LINK_COUNT),
                *keys(
                    Fi.C2C_LINK_GET_STATUS,
                    Fi.C2C_LINK_GET_MAX_BW,
                    *_ERRORS.values(),
                    Fi.C2C_LINK_POWER_STATE,
                    scopes=tuple(range(_MOST)),
                ),
            ),
        ),
    ),
)
