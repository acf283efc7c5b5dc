"""What follows from readings and those before: how fast counters grow, and how much of late."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.catalogue import NVLINK_BYTES, XID_ERRORS
from exporter.node.collectors import nvlink
from exporter.node.compat.finding import WINDOW_SECONDS, Labels, Readings, by_the_second, lately
from exporter.node.snapshot import DeviceView

_GROUP = next(part.group for part in nvlink.COLLECTOR.parts if part.collect is nvlink.collect)
"""With what the bytes of links are read."""


@dataclass(slots=True)
class _Read:
    """Counters at a time, and how fast they grew until then."""

    at: float
    totals: Mapping[Labels, float]
    rate: float | None = None


@dataclass(slots=True)
class _Recent:
    """Counters, and when they grew by how much in the last minutes."""

    totals: Mapping[Labels, float] = field(default_factory=dict)
    grown: deque[tuple[float, Labels, float]] = field(default_factory=deque)


class History:
    """Remembers what devices said before.

    Args:
        monotonic: A clock that never jumps.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._read: dict[str, _Read] = {}
        self._recent: dict[str, _Recent] = {}

    def of(
        self, device: DeviceView, readings: Readings
    ) -> Mapping[str, list[tuple[Labels, float]]]:
        """Return what follows from a device's readings; to be asked in every collection."""
        found: dict[str, list[tuple[Labels, float]]] = {}
        rate = self._rate(device, readings.get(NVLINK_BYTES.name, ()))
        if rate is not None:
            found[by_the_second(NVLINK_BYTES.name)] = [((), rate)]
        xids = readings.get(XID_ERRORS.name, ())
        if xids:
            found[lately(XID_ERRORS.name)] = list(self._lately(device.uuid, xids))
        return found

    def _rate(self, device: DeviceView, counters: Sequence[tuple[Labels, float]]) -> float | None:
        at = device.times.get(_GROUP)
        if not counters or at is None:
            self._read.pop(device.uuid, None)
            return None
        last = self._read.get(device.uuid)
        if last is not None and last.at == at:
            return last.rate
        now = self._read[device.uuid] = _Read(at, dict(counters))
        # Others than before, or less: a link is new or gone, or the driver began anew.
        if last is not None and last.at < at and last.totals.keys() == now.totals.keys():
            grown = [total - last.totals[labels] for labels, total in now.totals.items()]
            now.rate = sum(grown) / (at - last.at) if min(grown) >= 0 else None
        return now.rate

    def _lately(
        self, uuid: str, counters: Sequence[tuple[Labels, float]]
    ) -> Iterable[tuple[Labels, float]]:
        recent, now = self._recent.setdefault(uuid, _Recent()), self._monotonic()
        for labels, total in counters:
            more = total - recent.totals.get(labels, 0)
            if more > 0:
                recent.grown.append((now, labels, more))
        recent.totals = dict(counters)
        while recent.grown and recent.grown[0][0] <= now - WINDOW_SECONDS:
            recent.grown.popleft()
        counts: Counter[Labels] = Counter()
        for _, labels, more in recent.grown:
            counts[labels] += int(more)
        return [(labels, counts[labels]) for labels, _ in counters]
