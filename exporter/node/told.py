"""How often one device told of what."""

from collections import Counter
from collections.abc import Iterable, Iterator

from exporter.catalogue import (
    DEVICE_EVENTS,
    DEVICE_EVENTS_HEARD,
    INSTANCE_XID_ERRORS,
    XID_ERRORS,
    XID_LAST,
)
from exporter.node.asking import Event, EventKind
from exporter.node.reading import Reading

CRITICAL_XIDS = (48, 62, 64, 74, 79, 94, 95, 119, 120, 140, 143, 154)
"""Those to be alerted on: their series begin at 0, as rate() does not see a first sample."""
_MOST = 64
"""Different numbers kept apart; what comes after is `other`."""
_OTHER = "other"


class Told:
    """Counts of one device."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter()
        self._xids: Counter[str] = Counter()
        self._last: dict[str, float] = {}
        self._of_instances: Counter[tuple[str, str]] = Counter()

    def expect(self, kinds: Iterable[EventKind]) -> None:
        """Begin at 0 what is listened to from now on."""
        for kind in kinds:
            self._events[kind] += 0
            if kind is EventKind.XID:
                for xid in CRITICAL_XIDS:
                    self._xids[str(xid)] += 0

    def add(self, event: Event, now: float) -> None:
        """Count an event that was heard of at this time."""
        self._events[event.kind] += 1
        if event.kind is not EventKind.XID:
            return
        xid = str(event.data)
        if xid not in self._xids and len(self._xids) >= _MOST:
            xid = _OTHER
        self._xids[xid] += 1
        self._last[xid] = now
        if event.gpu_instance is not None:
            pair = (str(event.gpu_instance), xid)
            full = pair not in self._of_instances and len(self._of_instances) >= _MOST
            self._of_instances[(_OTHER, _OTHER) if full else pair] += 1

    def readings(self, *, heard: bool) -> tuple[Reading, ...]:
        """Return all counts, and whether they go on."""
        return tuple(self._readings(heard=heard))

    def _readings(self, *, heard: bool) -> Iterator[Reading]:
        # A device that never could be listened to has no events: that is not the same as deaf.
        if self._events:
            yield Reading(DEVICE_EVENTS_HEARD, heard)
        for kind, number in self._events.items():
            yield Reading(DEVICE_EVENTS, number, (kind,))
        for xid, number in self._xids.items():
            yield Reading(XID_ERRORS, number, (xid,))
        for xid, moment in self._last.items():
            yield Reading(XID_LAST, moment, (xid,))
        for pair, number in self._of_instances.items():
            yield Reading(INSTANCE_XID_ERRORS, number, pair)
