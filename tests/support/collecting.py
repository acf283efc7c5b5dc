"""A node role that collects when told, by a clock that moves when told."""

from dataclasses import replace
from pathlib import Path

from exporter.node.asking import Device
from exporter.node.collector import Pace
from exporter.node.holding import Holders
from exporter.node.publisher import NodePublisher, Options
from exporter.node.watching import Watcher
from tests.support.fake_driver import FakeDriver, ManualClock

# A power of two, so that sums of intervals are exact; short, since a hanging call is waited for.
INTERVAL = 1 / 2  # half of it is what a thread has to begin, on a busy machine too
START = 1.7e9
OPTIONS = Options("n", pace=Pace(INTERVAL, 2 * INTERVAL, 100 * INTERVAL), pci=Path("/nonexistent"))


class Stand:
    """A publisher and all that it stands on.

    Args:
        devices: What its driver shows at first.
        options: Its settings.
        holders: Who knows who holds the devices.
        watcher: Who hears of events.
    """

    def __init__(
        self,
        *devices: Device,
        options: Options = OPTIONS,
        holders: Holders | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self.driver = FakeDriver(list(devices))
        self.clock = ManualClock()
        self.publisher = NodePublisher(
            self.driver,
            replace(options),
            holders=holders,
            watcher=watcher,
            clock=lambda: START + self.passed(),
            monotonic=self.clock,
        )
        self._began = self.clock.now

    def passed(self) -> float:
        """Return the seconds since the start."""
        return self.clock.now - self._began

    def page(self) -> str:
        """Return what a scrape gets."""
        return self.publisher.page().body.decode()

    def collect(self, intervals: float = 1) -> str:
        """Let some intervals pass, collect once, and return what a scrape gets."""
        self.clock.now += intervals * INTERVAL
        self.publisher.collect()
        return self.page()
