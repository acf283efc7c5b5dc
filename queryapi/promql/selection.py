"""Which series a question may see. No query is written without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from queryapi.promql.text import Matcher, one_of, selector

# Contradictory on purpose: a list of no names must not become `=~""`, which series without the
# label would match.
_NOBODY = (Matcher("namespace", "=", ""), Matcher("namespace", "!=", ""))


@dataclass(frozen=True, slots=True)
class Selection:
    """One cluster's series, and of its work only that of some namespaces.

    Args:
        cluster: What selects the cluster; part of every selector.
        namespaces: The only namespaces whose work may be seen; None = all, empty = none.
    """

    cluster: tuple[Matcher, ...]
    namespaces: frozenset[str] | None = None

    @classmethod
    def of(cls, labels: Mapping[str, str], namespaces: frozenset[str] | None = None) -> Self:
        """Return the selection of the cluster whose series carry *labels*."""
        return cls(tuple(Matcher(label, "=", value) for label, value in labels.items()), namespaces)

    def hardware(self, first: str | Matcher, *matchers: Matcher) -> str:
        """Return a selector of series that tell of machines, and of nobody's work."""
        return selector(first, *matchers, *self.cluster)

    def work(self, first: str | Matcher, *matchers: Matcher) -> str:
        """Return a selector of series that carry the label `namespace`."""
        return selector(first, *matchers, *self._visible(), *self.cluster)

    def _visible(self) -> tuple[Matcher, ...]:
        if self.namespaces is None:
            return ()
        # No namespace has an empty name: as a pattern it would match the label's absence.
        names = sorted(self.namespaces - {""})
        return (one_of("namespace", *names),) if names else _NOBODY
