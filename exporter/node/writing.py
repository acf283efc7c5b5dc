"""Readings as lines of text: written once, when they were read, and not for every scrape."""

import logging
from collections.abc import Iterable, Mapping

from exporter.catalogue import DEVICE, Family
from exporter.exposition import number, pairs
from exporter.node.reading import Reading

_log = logging.getLogger(__name__)

Lines = Mapping[Family, str]
"""Whole lines, by family."""


class Pen:
    """Writes what one group of one device was read as.

    What stands before a value is nearly always the same as the last time. It is kept from one
    writing to the next and no longer, so that what is gone takes no memory.
    """

    def __init__(self) -> None:
        self._device = ""
        self._starts: dict[tuple[Family, tuple[str, ...]], str] = {}

    def write(self, device: tuple[str, str, str], readings: Iterable[Reading]) -> Lines:
        """Return the lines of *readings*, whose first labels are those of *device*.

        A series that is named twice is written once: one such pair would cost a whole scrape.
        """
        labels = pairs(DEVICE, device)
        if labels != self._device:
            self._device, self._starts = labels, {}
        starts: dict[tuple[Family, tuple[str, ...]], str] = {}
        lines: dict[Family, list[str]] = {}
        for reading in readings:
            key = (reading.family, reading.labels)
            if key in starts:
                continue
            start = self._starts.get(key)
            starts[key] = start = self._start(reading) if start is None else start
            if start:
                lines.setdefault(reading.family, []).append(f"{start}{number(reading.value)}\n")
        self._starts = starts
        return {family: "".join(found) for family, found in lines.items()}

    def _start(self, reading: Reading) -> str:
        """Return what stands before the value; nothing when the labels are not the family's."""
        family = reading.family
        try:
            own = pairs(family.labels[len(DEVICE) :], reading.labels)
        except ValueError:
            _log.exception("%s has not the labels %s", family.name, reading.labels)
            return ""
        return f"{family.name}{{{self._device}{',' if own else ''}{own}}} "
