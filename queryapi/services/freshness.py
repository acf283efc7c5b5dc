"""How old an answer is, as far as the parts that it is made of can tell."""

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from queryapi.cache.windows import Window
from queryapi.services.part import Part
from queryapi.services.timeline import Timeline


class Freshness(msgspec.Struct, frozen=True, gc=False):
    """How old an answer is.

    Args:
        at: The Unix time that it describes.
        age: Seconds since that at which it was asked for.
        lifetime: Seconds for which it counts as fresh.
        stale: Whether it is served only because nothing newer can be had.
        warnings: Prometheus' words about what may be missing from it.
    """

    at: float
    age: float
    lifetime: float
    stale: bool
    warnings: tuple[str, ...] = ()


class Provenance(NamedTuple):
    """What parts tell of their own age: the time they describe, and what spoils it.

    Args:
        at: The Unix time that they describe.
        lagging: Whether Prometheus had nothing newer, though it should have.
        warnings: Prometheus' words.
    """

    at: float
    lagging: bool
    warnings: tuple[str, ...]


def provenance(
    window: Window, parts: Collection[Part[Any]], timeline: Timeline, *, stale: float
) -> Provenance:
    """Return what *parts* of a window tell of their age.

    Args:
        window: Holds every one of them.
        parts: Those that an answer is made of.
        timeline: Which of them tell moments.
        stale: Age in seconds from which on what Prometheus has counts as lagging.
    """
    readings = [window.value(part.key) for part in parts]
    warnings = tuple(dict.fromkeys(w for reading in readings for w in reading.warnings))
    if timeline.lead not in parts:
        return Provenance(window.opened, lagging=False, warnings=warnings)
    stamps = window.value(timeline.stamps.key).value
    evaluation = timeline.evaluation
    described = stamps.scraped_at if evaluation is None else window.value(evaluation.key).value
    known = min(described, stamps.known_at)
    # Prometheus answers, but what it has may be old: told as such, with its own time.
    lagging = window.opened - known > stale
    return Provenance(known if lagging else described, lagging, warnings)
