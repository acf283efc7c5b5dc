"""What a client has left."""

from typing import Protocol

import msgspec


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """The answer to one request for one more.

    Args:
        allowed: Whether it may go on.
        remaining: Whole requests left at once.
        reset: Seconds until the bucket is full again.
        retry_after: Seconds until the next one is allowed; 0 when this one is.
    """

    allowed: bool
    remaining: int
    reset: float
    retry_after: float


class Limiter(Protocol):
    """Counts requests per client and endpoint."""

    def take(self, client: str, endpoint: str) -> Allowance:
        """Take one request out of the client's bucket for *endpoint*; never raises."""
        ...
