"""The node role put together: collects in the background; a scrape never asks the driver."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.errors import DriverUnavailable
from exporter.exposition import Page
from exporter.node.collectors import COLLECTORS, Collector
from exporter.node.driver import Driver
from exporter.node.link import Link
from exporter.node.roster import STALE_INTERVALS, Roster
from exporter.node.snapshot import Snapshot, merged, render

_log = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set about the node role.

    Args:
        node: The node's name.
        collectors: Which collectors run.
        interval: Seconds between two collections.
        enumerate_every: Seconds between two looks at which devices there are; while one is down
            it is looked for more often.
    """

    node: str
    collectors: tuple[Collector, ...] = COLLECTORS
    interval: float = 5.0
    enumerate_every: float = 60.0


@dataclass(frozen=True, slots=True)
class _Published:
    """One collection's result: *at* by the monotonic clock, *trouble* = why it is not complete."""

    snapshot: Snapshot
    page: Page
    at: float
    trouble: str | None


class NodePublisher:
    """Publishes the devices of one node.

    Args:
        driver: Where readings come from; used from threads of this object only.
        options: Settings.
        clock: Now, in Unix seconds, for published times.
        monotonic: A clock that never jumps, for ages.
    """

    def __init__(
        self,
        driver: Driver,
        options: Options,
        *,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self._options = options
        self._clock = clock
        self._monotonic = monotonic
        # Half an interval each for driver and devices: a collection ends before the next begins.
        self._patience = options.interval / 2
        self._link = Link(
            driver,
            first_backoff=options.interval,
            patience=self._patience,
            monotonic=monotonic,
        )
        self._roster = Roster(options.collectors, interval=options.interval, monotonic=monotonic)
        self._count: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collection", daemon=True)
        self._published = self._publication(Snapshot(options.node))

    def start(self) -> None:
        """Begin to collect."""
        self._thread.start()

    def stop(self) -> None:
        """Stop collecting and let go of the driver; a call that hangs in it is left behind."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self._roster.in_use():
            self._link.close()

    def page(self) -> Page:
        """Return the last collection's page, or one without values when that is too long ago."""
        published = self._published
        if self._is_overdue(published):
            return render(published.snapshot.without_values())
        return published.page

    def not_ready(self) -> str | None:
        """Return why there is nothing to publish; None when there is."""
        published = self._published
        if self._is_overdue(published):
            return f"no collection for {self._monotonic() - published.at:.0f} s"
        return published.trouble

    def collect(self) -> None:
        """Run one collection and publish it; takes at most one interval."""
        enumeration = self._link.tend(
            self._roster.running(), in_use=self._roster.in_use(), every=self._enumerate_every()
        )
        if enumeration is not None:
            self._count = enumeration.count
            self._roster.adopt(enumeration.devices)
        try:
            self._roster.read(self._patience)
        except DriverUnavailable as error:
            self._link.lose(str(error))
        if self._link.versions is None:
            self._count = None
            self._roster.adopt(())
        self._published = self._publication(self._snapshot())

    def _run(self) -> None:
        while not self._stop.is_set():
            began = self._monotonic()
            try:
                self.collect()
            except Exception:  # noqa: BLE001 - old values are withdrawn, the next may succeed
                _log.exception("a collection failed")
            self._stop.wait(max(0.0, began + self._options.interval - self._monotonic()))

    def _enumerate_every(self) -> float:
        every = self._options.enumerate_every
        if self._roster.missing():
            return min(every, STALE_INTERVALS * self._options.interval)
        return every

    def _snapshot(self) -> Snapshot:
        complete = self._link.versions is not None
        return Snapshot(
            node=self._options.node,
            versions=self._link.versions,
            count=self._count,
            devices=self._roster.views(),
            outcomes=merged(self._roster.outcomes()) if complete else (),
            last_collection=(
                self._clock() if complete else self._published.snapshot.last_collection
            ),
        )

    def _publication(self, snapshot: Snapshot) -> _Published:
        return _Published(snapshot, render(snapshot), self._monotonic(), self._link.trouble)

    def _is_overdue(self, published: _Published) -> bool:
        return self._monotonic() - published.at > STALE_INTERVALS * self._options.interval
