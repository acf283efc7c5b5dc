"""Which moment a snapshot describes, and which parts tell it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from queryapi.services.model import Stamps
from queryapi.services.part import Moment, Part

Parts = tuple[Part[Any], ...]

_ORDER = tuple(Moment)


@dataclass(frozen=True, eq=False)
class Timeline:
    """How the moments of a snapshot become known.

    Args:
        stamps: Tells which scrape is seen, and until when its exporter knew the cluster.
        evaluation: Tells which evaluation of the rules *stamps* are read at; None = no rule is
            read, and they are read at the moment when the window was opened.
    """

    stamps: Part[Stamps]
    evaluation: Part[float] | None = None

    @cached_property
    def lead(self) -> Part[Any]:
        """The part that is read first; the replica that told it tells the others."""
        return self.stamps if self.evaluation is None else self.evaluation

    @cached_property
    def chain(self) -> Parts:
        """The parts that tell moments, each read at the one before."""
        return (self.stamps,) if self.evaluation is None else (self.evaluation, self.stamps)

    def with_moments(self, wanted: Parts) -> Parts:
        """Return the parts and those which tell their moments and how old they are."""
        if self.lead not in wanted and all(part.moment is Moment.NOW for part in wanted):
            return wanted
        return tuple(dict.fromkeys((*self.chain, *wanted)))

    def in_order(self, parts: Parts) -> list[Part[Any]]:
        """Return the parts in an order in which what each one depends on is known before it."""
        return sorted(
            parts,
            key=lambda part: (
                part is not self.lead,
                _ORDER.index(part.moment),
                part is not self.stamps,
                part.about is not None,
            ),
        )
