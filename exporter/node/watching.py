"""What the node role needs of whoever hears of events between two collections."""

from collections.abc import Sequence
from typing import Protocol

from exporter.node.asking import Device, Driver
from exporter.node.reading import Sample


class Watcher(Protocol):
    """Listens in the background, and remembers what it heard."""

    def watch(self, driver: Driver, devices: Sequence[Device]) -> None:
        """Listen to these devices from now on; called in every collection, and never waits."""

    def look_anew(self) -> bool:
        """Tell, once, whether the driver asked for its devices to be looked at anew."""

    def asked_to_leave(self) -> bool:
        """Tell, once, whether the driver asked to be let go of."""

    def samples(self, node: str) -> Sequence[Sample]:
        """Return what is to be published of what was heard."""

    def let_go(self, seconds: float) -> bool:
        """Listen no more until `watch` is called; tell whether that came about in so long."""
