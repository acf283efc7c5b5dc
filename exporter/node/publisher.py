"""The node role put together: collects in the background; a scrape never asks the driver."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.exposition import Page
from exporter.node.asking import Driver
from exporter.node.collection import Clock, Collection, Options, Sources
from exporter.node.collectors import COLLECTORS, xid
from exporter.node.holding import Holders
from exporter.node.incidents import Incidents
from exporter.node.link import HOPELESS_SECONDS
from exporter.node.page import landing
from exporter.node.page.scrape import Foreign, render
from exporter.node.roster import STALE_INTERVALS
from exporter.node.snapshot import Snapshot
from exporter.node.watching import Watcher
from exporter.tables import Table

__all__ = ["NodePublisher", "Options"]

_log = logging.getLogger(__name__)

# A collection may wait for a driver that hangs for as long as its interval is.
_STOP_SECONDS = 2.0


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
        holders: Who knows who holds the devices.
        watcher: Who hears what the driver tells by itself; None = whoever the collector xid needs.
        clock: Now, in Unix seconds, for published times.
        monotonic: A clock that never jumps, for ages.
    """

    def __init__(
        self,
        driver: Driver,
        options: Options,
        *,
        holders: Holders | None = None,
        watcher: Watcher | None = None,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self._options = options
        self._holders = holders
        self._clock = clock
        self._monotonic = monotonic
        if watcher is None and xid.COLLECTOR in options.collectors:
            watcher = Incidents(clock=clock, monotonic=monotonic)
        self._collection = Collection(
            Sources(driver, holders, watcher), options, clock=clock, monotonic=monotonic
        )
        self._foreign = None if options.compat is None else Foreign(options.compat)
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collection", daemon=True)
        self._published = self._publication(Snapshot(options.node))

    def start(self) -> None:
        """Begin to collect."""
        if self._holders is not None:
            self._holders.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop collecting and let go of the driver; a call that hangs in it is left behind."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        if self._holders is not None:
            self._holders.stop()
        if not self._thread.is_alive():
            # The last call of all can hang as well.
            closing = threading.Thread(target=self._collection.close, name="close", daemon=True)
            closing.start()
            closing.join(_STOP_SECONDS)

    def page(self) -> Page:
        """Return the last collection's page, or one without values when that is too long ago."""
        published = self._published
        if self._is_overdue(published):
            return render(published.snapshot.without_values())
        return published.page

    def not_alive(self) -> str | None:
        """Return what only a restart of the process cures; None when nothing is."""
        if self._thread.ident is not None and not (self._stopping or self._thread.is_alive()):
            return "the collection thread has ended"
        silence = self._monotonic() - self._published.at
        if self._thread.is_alive() and silence > HOPELESS_SECONDS:
            return f"no collection for {silence:.0f} s"
        return self._collection.hopeless()

    def tables(self) -> Sequence[Table]:
        """Return what the landing page shows of this role."""
        published = self._published
        snapshot = published.snapshot
        if self._is_overdue(published):
            snapshot = snapshot.without_values()
        return landing.tables(snapshot, COLLECTORS, self._options.collectors, self._clock())

    def not_ready(self) -> str | None:
        """Return why there is nothing to publish; None when there is."""
        published = self._published
        if self._is_overdue(published):
            return f"no collection for {self._monotonic() - published.at:.0f} s"
        return published.trouble

    def release(self, seconds: float | None = None) -> None:
        """Let go of the driver for a while, so that it can be unloaded and devices be reset."""
        seconds = self._options.release_seconds if seconds is None else seconds
        _log.info("letting go of the driver for %g s", seconds)
        self._collection.leave.take(seconds)
        self._wake.set()

    def resume(self) -> None:
        """Take the driver back."""
        self._collection.leave.end()
        self._wake.set()

    def reload(self) -> None:
        """Read files that flags name again."""
        if self._options.compat is not None:
            self._options.compat.reload()
            self._wake.set()

    def collect(self) -> None:
        """Run one collection and publish it; takes at most one interval."""
        self._published = self._publication(self._collection.collect())

    def _run(self) -> None:
        while not self._stopping:
            began = self._monotonic()
            self._wake.clear()
            try:
                self.collect()
            except Exception:  # noqa: BLE001 - old values are withdrawn, the next may succeed
                _log.exception("a collection failed")
            if not self._stopping:
                self._wake.wait(max(0.0, began + self._options.pace.fast - self._monotonic()))

    def _publication(self, snapshot: Snapshot) -> _Published:
        page = render(snapshot, self._foreign, ours=self._options.ours)
        return _Published(snapshot, page, self._monotonic(), self._collection.trouble())

    def _is_overdue(self, published: _Published) -> bool:
        return self._monotonic() - published.at > STALE_INTERVALS * self._options.pace.fast
