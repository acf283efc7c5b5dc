"""Memory pages taken out of use; devices before Ampere."""

from collections.abc import Iterator, Sequence

from exporter.catalogue import RETIRED_PAGES, RETIRED_PAGES_PENDING
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import flag, tally

_CORRECTED, _UNCORRECTED = 0, 1
"""nvmlPageRetirementCause_t."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the pages by cause, and whether there are more to come."""
    asked = Gathering(device)
    found = {
        "corrected": asked.first((Fi.RETIRED_SBE, 0), ("RetiredPages", _CORRECTED)),
        "uncorrected": asked.first((Fi.RETIRED_DBE, 0), ("RetiredPages", _UNCORRECTED)),
    }
    yield from each(RETIRED_PAGES, {cause: tally(_number(pages)) for cause, pages in found.items()})
    pending = asked.first((Fi.RETIRED_PENDING, 0), ("RetiredPagesPendingStatus",))
    yield from single(RETIRED_PAGES_PENDING, flag(pending))
    asked.settle()


def _number(pages: float | Sequence[int] | None) -> float | None:
    """Return how many pages these are: a field counts them, the function lists them."""
    return len(pages) if isinstance(pages, Sequence) else pages


COLLECTOR = Collector(
    "retired_pages",
    "memory pages retired",
    (Part(Group.SLOW, collect, keys(Fi.RETIRED_SBE, Fi.RETIRED_DBE, Fi.RETIRED_PENDING)),),
)
