"""Limits that one process counts for itself."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from queryapi.limits.allowance import Allowance
from queryapi.limits.bucket import REQUEST, Rule

_BUCKETS = 10_000
# How many of the longest untouched buckets are looked at to make room for a new one.
_LOOKED_AT = 8
_NAME_LENGTH = 256
_EVERYBODY_ELSE = ("", "")


class LocalLimiter:
    """Token buckets in memory; see Limiter.

    There is room for a fixed number of buckets, and only a full one is ever forgotten: forgetting
    it changes nothing. When none of those that are looked at is full, a newcomer shares one bucket
    with all other newcomers. So whoever comes under ever new names gets `buckets + 1` times what
    one client may, and never more.

    Args:
        rule: What each client may ask of each endpoint.
        buckets: How many are kept.
        clock: Monotonic nanoseconds.
    """

    def __init__(
        self,
        rule: Rule,
        *,
        buckets: int = _BUCKETS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._rule = rule
        self._most = rule.capacity - REQUEST
        self._size = buckets
        self._clock = clock
        self._lock = threading.Lock()
        # Debt and the microsecond it was written at; touched longest ago first.
        self._debts: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def take(self, client: str, endpoint: str) -> Allowance:
        """Take one request out of the client's bucket for *endpoint*; never raises."""
        # The endpoint is one of ours; the client's name may be as long as a header.
        name = (client[:_NAME_LENGTH], endpoint)
        with self._lock:
            now = self._clock() // 1000
            known = self._debts.get(name)
            if known is None:
                name = self._room_for(name, now)
                known = self._debts.get(name, (0, now))
            debt = self._rule.left(known[0], now - known[1])
            allowed = debt <= self._most
            if allowed:
                debt += REQUEST
                self._debts[name] = debt, now
                self._debts.move_to_end(name)
        return self._rule.allowance(allowed, debt)

    def _room_for(self, name: tuple[str, str], now: int) -> tuple[str, str]:
        """Return the name under which a newcomer is counted."""
        if len(self._debts) - (_EVERYBODY_ELSE in self._debts) < self._size:
            return name
        for oldest in [key for key, _ in zip(self._debts, range(_LOOKED_AT), strict=False)]:
            debt, at = self._debts[oldest]
            if not self._rule.left(debt, now - at):
                del self._debts[oldest]
                # The common bucket stands beside the others: without it there is no more room.
                if oldest != _EVERYBODY_ELSE:
                    return name
                continue
            # It has its say again when all the others were looked at.
            self._debts.move_to_end(oldest)
        return _EVERYBODY_ELSE

    def __len__(self) -> int:
        return len(self._debts)
