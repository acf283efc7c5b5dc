"""What became of a number since the period before."""

import math
from collections.abc import Callable, Sequence

import msgspec

from queryapi.services.vitals.answers import Trend

# Less than so much of what was expected is too little to compare.
_ENOUGH = 0.8
_BAND = 0.05
# Beside noughts every change would be one.
_TINY = 1e-9


class Side(msgspec.Struct, frozen=True, gc=False):
    """A number over a short window.

    Args:
        mean: Its mean; NaN = there was none.
        samples: How many there were of it.
    """

    mean: float = math.nan
    samples: float = 0.0


class Pair(msgspec.Struct, frozen=True, gc=False):
    """A number over the newest window and over the same one a period before."""

    now: Side = Side()
    before: Side = Side()

    def comparable(self, expected: float) -> bool:
        """Tell whether both windows hold enough of the *expected* samples."""
        return all(
            side.samples >= _ENOUGH * expected and math.isfinite(side.mean)
            for side in (self.now, self.before)
        )

    def mapped(self, change: Callable[[float], float]) -> "Pair":
        """Return the pair of another number, which follows from this one."""
        return Pair(*(Side(change(one.mean), one.samples) for one in (self.now, self.before)))

    @property
    def trend(self) -> Trend:
        """Where it went; of two that can be compared."""
        change = self.now.mean - self.before.mean
        if abs(change) <= max(_BAND * abs(self.before.mean), _TINY):
            return Trend.LEVEL
        return Trend.UP if change > 0 else Trend.DOWN


class Comparison(msgspec.Struct, frozen=True):
    """The numbers that can be compared with those of one period before.

    Args:
        at: When they were read, in Unix time.
        pairs: By service and field; the service None is the whole.
        active: The share of the time in which services were well, by name; of those of which it
            is known.
    """

    at: float
    pairs: dict[tuple[str | None, str], Pair] = {}
    active: dict[str, Pair] = {}

    def of(self, service: str | None) -> dict[str, Pair]:
        """Return the pairs of a service by field."""
        return {field: pair for (name, field), pair in self.pairs.items() if name == service}

    def together(self, services: Sequence[str]) -> dict[str, Pair]:
        """Return the pairs of what is counted over *services*; none unless all are known."""
        pairs = [self.active[service] for service in services if service in self.active]
        if not pairs or len(pairs) < len(services):
            return {}
        now, before = (math.fsum(side) for side in zip(*map(_means, pairs), strict=True))
        active = Pair(Side(now), Side(before))
        return {
            "api_calls_active": active,
            "health_percentage": active.mapped(lambda mean: mean / len(pairs) * 100),
        }


def _means(pair: Pair) -> tuple[float, float]:
    return pair.now.mean, pair.before.mean
