"""The arithmetic of a token bucket, in whole numbers.

A bucket is kept as the debt that its client has not paid back: the same as a count of tokens, seen
from the full bucket, so that a client who is not known owes nothing. One request is `REQUEST` of
debt and a microsecond pays back `per_minute`: no fraction is ever rounded, neither here nor in the
doubles of the Lua script that does the same in Redis. What is refused costs nothing.
"""

from dataclasses import dataclass

from queryapi.limits.allowance import Allowance

REQUEST = 60_000_000
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What every client may do.

    Args:
        per_minute: Requests in the long run.
        burst: Requests at once after a pause.
    """

    per_minute: int
    burst: int

    @property
    def capacity(self) -> int:
        """The debt beyond which nobody goes."""
        return self.burst * REQUEST

    def left(self, debt: int, microseconds: int) -> int:
        """Return what is left of *debt* after a time; a clock set back pays nothing."""
        return max(0, debt - max(0, microseconds) * self.per_minute)

    def allowance(self, allowed: bool, debt: int) -> Allowance:  # noqa: FBT001 - one of its fields
        """Return what a client with *debt* is told."""
        room = self.capacity - debt
        missing = 0 if allowed else REQUEST - room
        pace = self.per_minute * _MICROSECONDS
        return Allowance(allowed, room // REQUEST, debt / pace, missing / pace)
