"""What holds a device's clocks down, now and since the driver was loaded."""

from collections.abc import Iterator

from exporter.catalogue import CLOCK_EVENT, CLOCK_EVENT_BITS, CLOCK_EVENT_SECONDS
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each
from exporter.node.units import mask, seconds

_KNOWN = sum(CLOCK_EVENT_BITS.values())
_OTHER = "other"
"""What a newer driver tells of, and this exporter does not know."""

_SPENT = {
    "power_cap": Fi.PERF_POLICY_POWER,
    "thermal": Fi.PERF_POLICY_THERMAL,
    "sync_boost": Fi.PERF_POLICY_SYNC_BOOST,
    "board_limit": Fi.PERF_POLICY_BOARD_LIMIT,
    "low_utilization": Fi.PERF_POLICY_LOW_UTILIZATION,
    "reliability": Fi.PERF_POLICY_RELIABILITY,
    "sw_thermal": Fi.CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN,
    "hw_thermal": Fi.CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN,
    "hw_power_brake": Fi.CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN,
}


def collect(device: Device) -> Iterator[Reading]:
    """Yield every reason the device can tell, and the time spent for each it counts.

    Which it can tell is a question of its own: without an answer only what holds now is sure.
    """
    asked = Gathering(device)
    active = _mask(asked, "Current")
    supported = _mask(asked, "Supported")
    known = active if supported is None else supported
    if active is not None and known is not None:
        reasons = {**CLOCK_EVENT_BITS, _OTHER: known & ~_KNOWN}
        yield from each(
            CLOCK_EVENT,
            {word: bool(active & bits) for word, bits in reasons.items() if known & bits},
        )
    yield from each(
        CLOCK_EVENT_SECONDS,
        {word: seconds(asked.field(field)) for word, field in _SPENT.items()},
    )
    asked.settle()


def _mask(asked: Gathering, which: str) -> int | None:
    # The second is its name before driver 535.
    return mask(asked.first((f"{which}ClocksEventReasons",), (f"{which}ClocksThrottleReasons",)))


COLLECTOR = Collector(
    "clock_events",
    "what holds clocks down, and for how long it did",
    (Part(Group.FAST, collect, keys(*_SPENT.values())),),
)
