"""Whether a server's clock and ours agree: what it has of our now may be long past for it.

Prometheus stamps samples by its own clock, and is asked for those of our moment. When it is ahead,
what it has of that moment is old, and nothing in an answer's body can tell.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz

from queryapi.errors import UpstreamUnavailable

_REMEDY = "have both set by NTP"


@dataclass(frozen=True, slots=True)
class Clocks:
    """How far a server's clock may be from ours, in seconds.

    Args:
        ahead: What it has is that much older than it says.
        behind: What it has is that much newer than it says; it is told for older than it is.
        clock: Ours, in Unix seconds.
    """

    ahead: float
    behind: float
    clock: Callable[[], float] = time.time

    def check(self, date: str | None) -> None:
        """Hold the Date that an answer came with to our clock; one without it may be right.

        Raises:
            UpstreamUnavailable: When they are too far apart.
        """
        theirs = None if date is None else _seconds(date)
        if theirs is None:
            return
        off = theirs - self.clock()
        if off > self.ahead:
            raise _wrong(f"{off:.0f} s ahead of")
        if -off > self.behind:
            raise _wrong(f"{-off:.0f} s behind")


def _wrong(how: str) -> UpstreamUnavailable:
    return UpstreamUnavailable(f"Prometheus' clock is {how} ours: {_REMEDY}", reason="faulty")


def _seconds(date: str) -> float | None:
    try:
        parsed = parsedate_tz(date)
        return None if parsed is None else mktime_tz(parsed)
    except (ValueError, OverflowError):
        return None
