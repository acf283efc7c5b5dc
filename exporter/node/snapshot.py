"""Everything the node role knows at one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from exporter.node.asking import Tally, Versions
from exporter.node.collector import Group
from exporter.node.fields import Fi
from exporter.node.holding import Held, Part
from exporter.node.reading import Reading, Sample
from exporter.node.running import Outcome
from exporter.node.writing import Lines


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device.

    Args:
        uuid: Its UUID.
        index: Where it was last enumerated.
        up: Whether it can be read; None until it was asked, and while the driver is let go of.
        readings: What it says.
        lines: The same as text.
        reason: Why it is down, in a bounded word; empty while it is not.
        times: When each group was read, in Unix time.
        outcomes: How the collectors fared with it.
        parts: Its MIG instances; while it is down, those it had.
        pids: Processes that use it or a part of it; None when nobody knows.
        since: Since when *up* is what it is, in Unix time.
    """

    uuid: str
    index: int
    up: bool | None
    readings: tuple[Reading, ...]
    lines: tuple[Lines, ...] = ()
    reason: str = ""
    times: Mapping[Group, float] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    parts: tuple[Part, ...] = ()
    pids: frozenset[int] | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been counted since the start, and what hangs now.

    Args:
        collections: Collections that ended.
        overruns: Those that took longer than their interval.
        skipped: Readings of a device left out, since an earlier one has not returned.
        abandoned: Calls that were given up on.
        stuck: Calls that have not returned yet.
        calls: What was called in the driver.
        latencies: How long the driver took for each field, in seconds: the slowest device.
    """

    collections: int = 0
    overruns: int = 0
    skipped: int = 0
    abandoned: int = 0
    stuck: int = 0
    calls: Mapping[str, Tally] = field(default_factory=dict)
    latencies: Mapping[Fi, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known.

    Args:
        node: The node's name.
        versions: The driver's; None while it does not answer.
        count: Devices the driver enumerates; None while it does not answer.
        devices: Every device ever seen.
        pci_count: GPUs on the PCI bus; None while none can be seen there.
        outcomes: One per collector.
        last_collection: When the last complete collection ended, in Unix time.
        held: Who holds the devices.
        counts: About the exporter itself.
        released: Whether the driver is let go of.
        beside: What else is to be published.
    """

    node: str
    versions: Versions | None = None
    count: int | None = None
    devices: tuple[DeviceView, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    last_collection: float | None = None
    held: Held = field(default_factory=Held)
    counts: Counts = field(default_factory=Counts)
    released: bool = False
    beside: tuple[Sample, ...] = ()
    pci_count: int | None = None

    def without_values(self) -> "Snapshot":
        """Return what remains when all this is too old to be shown."""
        return Snapshot(
            self.node,
            last_collection=self.last_collection,
            counts=replace(self.counts, latencies={}),
            released=self.released,
        )


class Compat(Protocol):
    """Says the same in another exporter's words."""

    def samples(self, snapshot: Snapshot) -> Iterable[Sample]:
        """Return what *snapshot* knows; the families are not the catalogue's."""

    def reload(self) -> None:
        """Read the files that say how again; any thread may say so."""


def merged(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Return one outcome per collector: the sum of the seconds, and the first error."""
    total: dict[str, Outcome] = {}
    for outcome in outcomes:
        before = total.get(outcome.collector, Outcome(outcome.collector, 0))
        total[outcome.collector] = Outcome(
            outcome.collector,
            before.seconds + outcome.seconds,
            before.error or outcome.error,
            tuple(dict.fromkeys((*before.unsupported, *outcome.unsupported))),
        )
    return tuple(total.values())
