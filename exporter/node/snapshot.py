"""Everything a scrape of the node role says at one moment, and its text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from exporter import catalogue
from exporter.exposition import Page, Samples
from exporter.node.collectors import Outcome
from exporter.node.driver import Versions
from exporter.node.reading import Reading
from exporter.version import __version__


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device; *up* is None until it was asked for the first time."""

    uuid: str
    index: int
    up: bool | None
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known.

    Args:
        node: The node's name.
        versions: The driver's; None while it does not answer.
        count: Devices the driver enumerates; None while it does not answer.
        devices: Every device ever seen.
        outcomes: One per collector.
        last_collection: When the last complete collection ended, in Unix time.
    """

    node: str
    versions: Versions | None = None
    count: int | None = None
    devices: tuple[DeviceView, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    last_collection: float | None = None

    def without_values(self) -> "Snapshot":
        """Return what remains when all this is too old to be shown."""
        return replace(self, versions=None, count=None, devices=(), outcomes=())


def merged(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Return one outcome per collector: the sum of the seconds, and the first error."""
    total: dict[str, Outcome] = {}
    for outcome in outcomes:
        before = total.get(outcome.collector, Outcome(outcome.collector, 0))
        total[outcome.collector] = Outcome(
            outcome.collector, before.seconds + outcome.seconds, before.error or outcome.error
        )
    return tuple(total.values())


def render(snapshot: Snapshot) -> Page:
    """Return the page a scrape gets."""
    samples = Samples()
    _add_driver(samples, snapshot)
    for device in snapshot.devices:
        _add_device(samples, snapshot.node, device)
    _add_exporter(samples, snapshot)
    return samples.page()


def _add_driver(samples: Samples, snapshot: Snapshot) -> None:
    if snapshot.versions is not None:
        versions = snapshot.versions
        samples.add(
            catalogue.DRIVER_INFO,
            (snapshot.node, versions.driver, versions.nvml, versions.cuda),
            1,
        )
    if snapshot.count is not None:
        samples.add(catalogue.DEVICES, (snapshot.node,), snapshot.count)


def _add_device(samples: Samples, node: str, device: DeviceView) -> None:
    labels = (device.uuid, str(device.index), node)
    if device.up is not None:
        samples.add(catalogue.DEVICE_UP, labels, device.up)
    for reading in device.readings:
        samples.add(reading.family, (*labels, *reading.labels), reading.value)


def _add_exporter(samples: Samples, snapshot: Snapshot) -> None:
    for family, labels, value in _own(snapshot):
        samples.add(family, labels, value)


def _own(snapshot: Snapshot) -> Iterator[tuple[catalogue.Family, tuple[str, ...], float]]:
    yield catalogue.BUILD_INFO, (__version__, catalogue.Role.NODE), 1
    yield catalogue.DRIVER_UP, (snapshot.node,), snapshot.versions is not None
    for outcome in snapshot.outcomes:
        yield catalogue.COLLECTOR_SUCCESS, (outcome.collector,), outcome.error is None
        yield catalogue.COLLECTOR_DURATION, (outcome.collector,), outcome.seconds
    if snapshot.last_collection is not None:
        yield catalogue.LAST_COLLECTION, (snapshot.node,), snapshot.last_collection
