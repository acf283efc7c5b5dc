"""A snapshot → the page that dcgm-exporter would publish."""

import time
from collections.abc import Callable, Iterator, Sequence

from exporter import catalogue
from exporter.catalogue.dcgm import Generation
from exporter.node.compat.choice import Choice, Metric, choose, default, warn
from exporter.node.compat.counters import CountersFile
from exporter.node.compat.entities import Entity, Sharing, entities
from exporter.node.compat.finding import Labels, in_unit, text
from exporter.node.compat.history import History
from exporter.node.reading import Sample
from exporter.node.snapshot import Snapshot


class Translator:
    """Tells a snapshot in dcgm-exporter's words.

    Args:
        generation: Whose names and units.
        counters: What is published; None = what dcgm-exporter publishes by default.
        sharing: How a device that several pods share is told.
        monotonic: A clock that never jumps.
    """

    def __init__(
        self,
        generation: Generation,
        counters: CountersFile | None = None,
        sharing: Sharing | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._generation = generation
        self._counters = counters
        self._sharing = sharing or Sharing()
        self._history = History(monotonic)
        self._choice = self._chosen()
        warn(self._choice)

    def reload(self) -> None:
        """Have the counters file read for the next page, changed or not."""
        if self._counters is not None:
            self._counters.reload()

    def samples(self, snapshot: Snapshot) -> Iterator[Sample]:
        """Yield every sample, after a look at whether the counters file has changed."""
        if self._counters is not None and self._counters.changed():
            before, self._choice = self._choice, self._chosen()
            warn(self._choice, but=(*before.unknown, *before.unavailable))
        yield from self._devices(snapshot)
        if self._counters is not None:
            yield catalogue.CSV_VALID, (), self._counters.valid
            yield catalogue.CSV_UNKNOWN, (), len(self._choice.unknown)
            yield catalogue.CSV_UNAVAILABLE, (), len(self._choice.unavailable)

    def _chosen(self) -> Choice:
        if self._counters is None:
            return choose(default(self._generation), self._generation)
        return choose(self._counters.rows, self._generation)

    def _devices(self, snapshot: Snapshot) -> Iterator[Sample]:
        for device, *instances in entities(snapshot, self._sharing, self._history):
            # Serial numbers and versions are the device's, also in the series of its instances.
            told = tuple(
                text(row.source, row.unit, device.readings) for row in self._choice.label_rows
            )
            for metric in self._choice.metrics:
                yield from _of(metric, device, instances, told)


def _of(
    metric: Metric, device: Entity, instances: Sequence[Entity], told: Labels
) -> Iterator[Sample]:
    """Yield a metric of a device: of its instances where they have it, else of the whole.

    Never of both, or else a sum over all series would count what instances have twice.
    """
    found = [(device, metric.of_device)]
    if metric.of_instance is not None:
        parts = [(each, metric.of_instance) for each in instances]
        if any(True for each, find in parts for _ in find(each.readings)):
            found = parts
    for entity, find in found:
        for own, value in find(entity.readings):
            number = in_unit(metric.unit, value)
            for holder in entity.holders:
                yield metric.family, (*entity.identity, *told, *holder, *own), number
