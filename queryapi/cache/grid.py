"""The grid of times on which windows open, the same in every process that has the same clock."""

import hashlib
import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of equal length; times in whole milliseconds, so that no two processes round apart.

    Args:
        period: Length of a cell in milliseconds.
        phase: Where the first cell after the epoch begins, in milliseconds.
    """

    period: int
    phase: int

    @classmethod
    def of(cls, name: str, seconds: float) -> Self:
        """Return the grid of the cluster *name*: clusters do not begin their cells together."""
        period = max(1, round(seconds * 1000))
        digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
        return cls(period, int.from_bytes(digest) % period)

    def start(self, now: float) -> float:
        """Return when the cell of *now* began, in Unix seconds."""
        since = (math.floor(now * 1000) - self.phase) // self.period
        return (since * self.period + self.phase) / 1000

    def earlier(self, start: float, count: int) -> float:
        """Return when the cell began that lies *count* cells before the one from *start* on."""
        return (round(start * 1000) - count * self.period) / 1000
