"""A snapshot's text: the page that every scrape gets until the next collection."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain

from exporter.catalogue import (
    CATALOGUE,
    COMPAT_SUCCESS,
    DEVICE_DOWN,
    DEVICE_UP,
    DEVICES,
    DRIVER_INFO,
    LAST_READING,
    PCI_DEVICES,
    Family,
)
from exporter.exposition import Block, Page, encoded, header, line
from exporter.node.page import allocation, own
from exporter.node.reading import Sample
from exporter.node.snapshot import Compat, DeviceView, Snapshot

_log = logging.getLogger(__name__)

_HEADERS = {family: header(family) for family in CATALOGUE}
_OWN = "gpu_exporter_"


class Foreign:
    """The same in another exporter's words; when they fail, that costs ours nothing.

    Args:
        compat: Who finds them.
    """

    def __init__(self, compat: Compat) -> None:
        self._compat = compat
        self._works = True

    def text(self, snapshot: Snapshot) -> str:
        """Return them, after whether they could be found."""
        pieces = _Pieces()
        try:
            self._translate(snapshot, pieces)
        except Exception:  # noqa: BLE001 - what others wrote must not cost our words
            if self._works:
                _log.exception("the page in another exporter's words cannot be written")
            pieces, works = _Pieces(), False
        else:
            works = True
            if not self._works:
                _log.info("the page in another exporter's words can be written again")
        self._works = works
        success = _Pieces()
        success.add(COMPAT_SUCCESS, line(COMPAT_SUCCESS, (), works))
        return "".join((*success.texts(), *pieces.texts()))

    def _translate(self, snapshot: Snapshot, pieces: "_Pieces") -> None:
        seen: set[tuple[Family, tuple[str, ...]]] = set()
        for sample in self._compat.samples(snapshot):
            # A series that is named twice would cost a whole scrape.
            if sample[:2] not in seen:
                seen.add(sample[:2])
                pieces.add(sample[0], line(*sample))


def render(snapshot: Snapshot, foreign: Foreign | None = None, *, ours: bool = True) -> Page:
    """Return the page of *snapshot*, family by family in the catalogue's order.

    Args:
        snapshot: What is known.
        foreign: Other words that follow ours.
        ours: Whether our families are on the page; those about the exporter always are.
    """
    pieces = _Pieces()
    for device in snapshot.devices:
        for lines in device.lines:
            for family, text in lines.items():
                pieces.add(family, text)
    for sample in _samples(snapshot):
        pieces.add(sample[0], line(*sample))
    families = (family for family in _HEADERS if ours or family.name.startswith(_OWN))
    texts = [pieces.text(family, _HEADERS[family]) for family in families]
    if foreign is not None:
        texts.append(foreign.text(snapshot))
    return Page([Block(encoded("".join(texts)))])


class _Pieces:
    """Lines on their way to a page, by family."""

    def __init__(self) -> None:
        self._lines: dict[Family, list[str]] = {}

    def add(self, family: Family, text: str) -> None:
        self._lines.setdefault(family, []).append(text)

    def text(self, family: Family, top: str) -> str:
        lines = self._lines.get(family)
        return "".join((top, *lines)) if lines else ""

    def texts(self) -> Iterator[str]:
        return (self.text(family, header(family)) for family in self._lines)


def _samples(snapshot: Snapshot) -> Iterable[Sample]:
    node = snapshot.node
    return chain(
        _driver(snapshot),
        chain.from_iterable(_device(node, device) for device in snapshot.devices),
        allocation.samples(snapshot.held, snapshot.devices, node),
        own.samples(snapshot),
        snapshot.beside,
    )


def _driver(snapshot: Snapshot) -> Iterator[Sample]:
    if snapshot.versions is not None:
        versions = snapshot.versions
        yield DRIVER_INFO, (snapshot.node, versions.driver, versions.nvml, versions.cuda), 1
    if snapshot.count is not None:
        yield DEVICES, (snapshot.node,), snapshot.count
    if snapshot.pci_count is not None:
        yield PCI_DEVICES, (snapshot.node,), snapshot.pci_count


def _device(node: str, device: DeviceView) -> Iterator[Sample]:
    labels = (device.uuid, str(device.index), node)
    if device.up is not None:
        yield DEVICE_UP, labels, device.up
    if device.reason:
        yield DEVICE_DOWN, (*labels, device.reason), 1
    for group, at in device.times.items():
        yield LAST_READING, (*labels, group), at
