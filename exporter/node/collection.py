"""One collection after the other: the driver kept open, devices read, holders asked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import DriverUnavailable
from exporter.node import pci
from exporter.node.asking import Driver
from exporter.node.collector import Collector, Pace
from exporter.node.collectors import DEFAULT
from exporter.node.hints import Hints
from exporter.node.holding import Held, Holders
from exporter.node.known import DRIVER
from exporter.node.leave import Leave
from exporter.node.link import Link
from exporter.node.page import allocation
from exporter.node.roster import STALE_INTERVALS, Roster
from exporter.node.snapshot import Compat, Counts, DeviceView, Snapshot, merged
from exporter.node.watching import Watcher

_log = logging.getLogger(__name__)

Clock = Callable[[], float]

# Who listens returns within a second, unless the driver hangs.
_LONGEST_FAREWELL = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set about the node role.

    Args:
        node: The node's name.
        collectors: Which collectors run.
        pace: Seconds between two readings of each group. A collection runs at the pace of the
            fastest; which devices there are is looked at with the slowest, and while one is down
            more often.
        release_seconds: How long the driver is let go of when nothing else is said.
        compat: Says the same in another exporter's words.
        ours: Whether our own families of the devices are published.
        pci: Where the kernel lists what is on the PCI bus.
    """

    node: str
    collectors: tuple[Collector, ...] = DEFAULT
    pace: Pace = field(default_factory=Pace)
    release_seconds: float = 60.0
    compat: Compat | None = None
    ours: bool = True
    pci: Path = pci.BUS


@dataclass(frozen=True, slots=True)
class Sources:
    """Where what is published comes from.

    Args:
        driver: Readings; used from this role's own threads only.
        holders: Who holds the devices.
        watcher: What the driver tells by itself.
    """

    driver: Driver
    holders: Holders | None = None
    watcher: Watcher | None = None


class Collection:
    """Collects when told; used by one thread, but for what says otherwise.

    Args:
        sources: Where from.
        options: Settings.
        clock: Now, in Unix seconds.
        monotonic: A clock that never jumps.
    """

    def __init__(
        self, sources: Sources, options: Options, *, clock: Clock, monotonic: Clock
    ) -> None:
        pace = options.pace
        self._sources = sources
        self._options = options
        self._clock = clock
        self._monotonic = monotonic
        # Half an interval each for driver and devices: a collection ends before the next begins.
        self._patience = pace.fast / 2
        self._link = Link(
            sources.driver, first_backoff=pace.fast, patience=self._patience, monotonic=monotonic
        )
        self._roster = Roster(
            options.collectors,
            pace=pace,
            node=options.node,
            clock=clock,
            monotonic=monotonic,
            processes=sources.holders is not None and sources.holders.asks_for_processes,
        )
        self.leave = Leave(monotonic)
        """Whether the driver is to be let go of; any thread may say so."""
        self._hints = Hints()
        self._count: int | None = None
        self._last: float | None = None
        self._collections = self._overruns = 0
        self._pci_count: int | None = None
        self._pci_due = float("-inf")

    def trouble(self) -> str | None:
        """Return why what is known is not complete; None when it is."""
        if self.leave.wanted():
            return self.leave.words()
        return self._link.trouble or self._roster.unread()

    def hopeless(self) -> str | None:
        """Return what only a new process may cure; for any thread."""
        return self._link.hopeless()

    def collect(self) -> Snapshot:
        """Run one collection; takes at most one interval."""
        began = self._monotonic()
        watcher = self._sources.watcher
        if watcher is not None and watcher.asked_to_leave() and not self.leave.wanted():
            _log.info("the driver is about to be unbound: letting go of it")
            self.leave.take(self._options.release_seconds)
        if self.leave.wanted():
            self._let_go()
        else:
            self.leave.gone = False
            self._look()
            self._read()
        if began >= self._pci_due:
            self._pci_count = pci.gpus(self._options.pci)
            self._pci_due = began + self._options.pace.slow
        self._collections += 1
        self._overruns += self._monotonic() - began > self._options.pace.fast
        return self._snapshot()

    def close(self) -> None:
        """Let go of the driver for good; a call that hangs in it is left behind."""
        if not self._in_use():
            self._link.close()

    def _look(self) -> None:
        """See to it that the driver is open, and which devices there are."""
        watcher = self._sources.watcher
        if watcher is not None and watcher.look_anew():
            self._link.look_anew()
        # A library that is listened to must not be unloaded either, when it is loaded anew.
        in_use = self._in_use() if self._link.versions is None else self._roster.in_use()
        enumeration = self._link.tend(
            self._roster.running(), in_use=in_use, every=self._enumerate_every()
        )
        if enumeration is not None:
            self._count = enumeration.count
            self._roster.adopt(enumeration.devices, refused=enumeration.refused)

    def _read(self) -> None:
        try:
            self._roster.read(self._patience)
        except DriverUnavailable as error:
            self._link.lose(str(error), restart=error.restart)
        if self._link.versions is None:
            self._count = None
            self._roster.adopt((), absent=DRIVER)
        if self._sources.watcher is not None:
            self._sources.watcher.watch(self._sources.driver, self._roster.devices())

    def _let_go(self) -> None:
        """Close the driver as soon as no call into it is under way."""
        self._count = None
        if self.leave.gone:
            return
        try:
            self._roster.settle(self._patience)
        except DriverUnavailable as error:
            self._link.lose(str(error))
        self._roster.rest()
        self.leave.gone = self._link.let_go(in_use=self._in_use())
        if self.leave.gone:
            _log.info("let go of the driver")
        else:
            # Taken back before, it is still open, and nobody is read until devices are found.
            self._link.look_anew()

    def _in_use(self) -> bool:
        """Stop listening, and tell whether some call into the driver has not returned."""
        watcher = self._sources.watcher
        listening = watcher is not None and not watcher.let_go(
            min(self._patience, _LONGEST_FAREWELL)
        )
        return listening or self._roster.in_use()

    def _enumerate_every(self) -> float:
        every = self._options.pace.slow
        if self._roster.missing():
            return min(every, STALE_INTERVALS * self._options.pace.fast)
        return every

    def _snapshot(self) -> Snapshot:
        complete = self._link.versions is not None and not self.leave.wanted()
        if complete:
            self._last = self._clock()
        devices = self._roster.views()
        self._hints.heed(devices)
        watcher = self._sources.watcher
        return Snapshot(
            node=self._options.node,
            versions=self._link.versions if complete else None,
            count=self._count,
            pci_count=self._pci_count,
            devices=devices,
            outcomes=merged(each for device in devices for each in device.outcomes),
            last_collection=self._last,
            held=self._held(devices),
            counts=self._counts(),
            released=self.leave.gone,
            beside=() if watcher is None else tuple(watcher.samples(self._options.node)),
        )

    def _held(self, devices: tuple[DeviceView, ...]) -> Held:
        if self._sources.holders is None:
            return Held()
        try:
            return self._sources.holders.held(allocation.places(devices))
        except Exception:  # noqa: BLE001 - a defect there must not cost the values
            _log.exception("who holds the devices cannot be told")
            return Held()

    def _counts(self) -> Counts:
        return Counts(
            self._collections,
            self._overruns,
            self._roster.skipped,
            self._roster.abandoned,
            self._roster.stuck() + self._link.stuck(self._options.pace.fast),
            self._roster.calls,
            self._roster.latencies(),
        )
