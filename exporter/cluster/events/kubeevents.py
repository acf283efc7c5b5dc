"""Kubernetes' own Warning events: counted by kind and reason, those about GPUs written down.

An event is changed in place while the same thing happens again, with a higher count; an hour after
the last time (the API server's default) it is deleted. The same objects are served by two APIs; we
read core/v1, whose watch can be narrowed to warnings.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from exporter.cluster.events.journal import Happening, Journal, tidy
from exporter.cluster.events.reasons import KINDS, OTHER, REASONS
from exporter.cluster.objects.wire import Metadata
from exporter.errors import MalformedObject

FIELD_SELECTOR = "type!=Normal"
"""Leaves the many events that report success to the API server."""

# Kubernetes writes UTC; a time of no zone would be taken for one of this machine's.
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]

# A namespace, a slash and a name, each as long as Kubernetes allows.
_LONGEST_OBJECT = 63 + 1 + 253
# An event first seen so long before its object was made is one that was deleted and told anew.
_RESUMED_SECONDS = 60.0


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    pass


class InvolvedObject(_Wire):
    """`involvedObject`: what the event is about; a node's `uid` is its name."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None


class Series(_Wire):
    """`series`: how events of the newer API say that something happened again."""

    count: int | None = None
    last_observed_time: _Moment | None = None


class EventWire(_Wire):
    """An event."""

    metadata: Metadata
    involved_object: InvolvedObject = msgspec.field(default_factory=InvolvedObject)
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    first_timestamp: _Moment | None = None
    last_timestamp: _Moment | None = None
    event_time: _Moment | None = None
    series: Series | None = None


EVENT = msgspec.json.Decoder(EventWire)


@dataclass(frozen=True, slots=True)
class KubeEvent:
    """What is kept of one event for as long as it is looked at.

    Attributes:
        uid: Its UID; the same while it is counted up.
        normal: True for one that is no warning.
        kind: Kind of the object it is about.
        namespace: That object's namespace; empty for a node.
        name: That object's name.
        object_uid: That object's UID; the name for a node, and empty where nobody tells.
        reason: The reason as written, of which anybody can make up one.
        message: The message on one short line.
        count: How often it happened, at least 1.
        when: When it last happened, in Unix seconds.
        resumed: Whether it goes on counting where a deleted event ended.
    """

    uid: str
    normal: bool
    kind: str
    namespace: str
    name: str
    object_uid: str
    reason: str
    message: str
    count: int
    when: float
    resumed: bool


def from_wire(event: EventWire) -> KubeEvent:
    """Return the record of an event.

    Raises:
        MalformedObject: When it has no time at all.
    """
    about, metadata = event.involved_object, event.metadata
    series = event.series or Series()
    created = metadata.creation_timestamp
    moments = (series.last_observed_time, event.last_timestamp, event.event_time, created)
    when = next((moment for moment in moments if moment), None)
    if when is None:
        raise MalformedObject("an event without any time")
    return KubeEvent(
        uid=metadata.uid,
        normal=event.type == "Normal",
        kind=about.kind or "",
        namespace=about.namespace or "",
        name=about.name or "",
        object_uid=about.uid or "",
        reason=event.reason or "",
        message=tidy(event.message or ""),
        count=max(1, event.count or 0, series.count or 0),
        when=when.timestamp(),
        resumed=_resumed(event.first_timestamp, created),
    )


def _resumed(first: datetime | None, created: datetime | None) -> bool:
    if first is None or created is None:
        return False
    return created.timestamp() - first.timestamp() > _RESUMED_SECONDS


class KubeWarnings:
    """Counts warnings, and writes down those about GPU pods and GPU nodes.

    Args:
        journal: Where they are written.
        clock: Now, in Unix seconds. Whoever writes events can write any time into them; one that
            is still to come would be the newest until then.
        about_gpus: Whether an event is about a pod that asks for GPUs or a node that has some.
        most: How many events, and how many unsettled ones, are remembered.

    Attributes:
        counts: Warnings since the first list, by kind and reason.
        version: Moves on whenever `counts` changes.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], float],
        about_gpus: Callable[[KubeEvent], bool],
        *,
        most: tuple[int, int] = (50_000, 1_000),
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.version = 0
        self._journal = journal
        self._clock = clock
        self._about_gpus = about_gpus
        self._most_known, self._most_unsettled = most
        # How often each event had happened when last told, the one told longest ago first.
        self._known: OrderedDict[str, int] = OrderedDict()
        self._forgetful = False
        # Events and what they are about come by different watches, in any order.
        self._unsettled: OrderedDict[str, KubeEvent] = OrderedDict()
        self._listed = False

    def put(self, event: KubeEvent) -> None:
        """Take in a new or changed event."""
        self._put(event, news=True)

    def drop(self, uid: str) -> None:
        """Forget an event; what it told has happened all the same."""
        self._known.pop(uid, None)
        self._unsettled.pop(uid, None)

    def replace(self, events: Iterable[KubeEvent]) -> None:
        """Make *events* the only ones; the first time they are what happened before."""
        current = {event.uid: event for event in events}
        for uid in (self._known.keys() | self._unsettled.keys()) - current.keys():
            self.drop(uid)
        for event in sorted(current.values(), key=lambda event: event.when):
            self._put(event, news=self._listed)
        self._listed = True

    def settle(self) -> None:
        """Write down what turned out to be about GPUs; to be called before the journal is read."""
        for event in [event for event in self._unsettled.values() if self._about_gpus(event)]:
            self._write(event)

    def _put(self, event: KubeEvent, *, news: bool) -> None:
        if event.normal:
            return
        known = self._known.get(event.uid)
        if known is None:
            # Of what was counted before, under this or an earlier UID, only this time is new.
            known = event.count - 1 if event.resumed or self._forgetful else 0
        self._count(event, max(0, event.count - known) if news else 0)
        self._remember(event.uid, max(event.count, known))
        if self._about_gpus(event):
            self._write(event)
        else:
            self._hold(event)

    def _count(self, event: KubeEvent, times: int) -> None:
        key = (
            event.kind if event.kind in KINDS else OTHER,
            event.reason if event.reason in REASONS else OTHER,
        )
        if times or key not in self.counts:
            # A reason known from before stands at 0, so that its first increase is one.
            self.counts[key] += times
            self.version += 1

    def _remember(self, uid: str, count: int) -> None:
        self._known[uid] = count
        self._known.move_to_end(uid)
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)
            self._forgetful = True

    def _hold(self, event: KubeEvent) -> None:
        held = self._unsettled.pop(event.uid, event)
        self._unsettled[event.uid] = max(held, event, key=lambda version: version.when)
        if len(self._unsettled) > self._most_unsettled:
            self._unsettled.popitem(last=False)

    def _write(self, event: KubeEvent) -> None:
        self._unsettled.pop(event.uid, None)
        named = event.reason in REASONS
        name = f"{event.namespace}/{event.name}" if event.namespace else event.name
        self._journal.add(
            Happening(
                when=min(event.when, self._clock()),
                id=f"Warning/{event.uid}",
                type=event.reason if named else "Warning",
                object=tidy(name, _LONGEST_OBJECT),
                message=event.message if named else tidy(f"{event.reason}: {event.message}"),
            )
        )
