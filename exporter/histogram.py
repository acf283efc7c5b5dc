"""A histogram of fixed buckets, and its lines in Prometheus' text format 0.0.4."""

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from exporter.catalogue import Family
from exporter.exposition import line

# Python and Go (so Prometheus) spell floats alike only up to here, and `le` is compared as text.
_HIGHEST = 1e6


class Histogram:
    """Counts values by the first bound that is not below them.

    Args:
        bounds: Upper bounds of the buckets, rising; the last bucket, without a bound, is implied.

    Raises:
        ValueError: When a bound is not above the one before it, or not between 0 and a million.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        rising = all(low < high for low, high in itertools.pairwise((0.0, *bounds, _HIGHEST)))
        if not rising:
            raise ValueError(f"write rising bounds between 0 and {_HIGHEST:g} instead of {bounds}")
        self._bounds = tuple(map(float, bounds))
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    @property
    def count(self) -> int:
        """How many values were observed."""
        return sum(self._counts)

    def observe(self, value: float) -> None:
        """Count one value.

        Raises:
            ValueError: When it is no finite number: it would spoil the sum for ever.
        """
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be observed")
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, family: Family, label_values: Sequence[str] = ()) -> str:
        """Return all lines of the histogram under *family*, which names its labels but `le`."""
        bucket = replace(family, name=f"{family.name}_bucket", labels=(*family.labels, "le"))
        bounds = (*map(repr, self._bounds), "+Inf")
        counted = itertools.accumulate(self._counts)
        return "".join(
            [
                *(
                    line(bucket, (*label_values, bound), count)
                    for bound, count in zip(bounds, counted, strict=True)
                ),
                line(replace(family, name=f"{family.name}_count"), label_values, self.count),
                line(replace(family, name=f"{family.name}_sum"), label_values, self._sum),
            ]
        )
