"""Limits that all processes count together, in Redis."""

import hashlib

from queryapi.errors import SharedUnavailable
from queryapi.limits.allowance import Allowance, Limiter
from queryapi.limits.bucket import REQUEST, Rule
from queryapi.shared.store import Store

# The same as Rule and LocalLimiter do, in one step, by the one clock that all processes see. All
# numbers stay below 2^53, so that Lua's doubles are exact; `%.0f`, because Lua would round them
# to 14 digits. The key ends when its bucket is full: then there is nothing to remember.
_TAKE = f"""
local per_minute, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local debt, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if debt then
  local paid = math.min(math.max(0, now - tonumber(at)), math.ceil(capacity / per_minute))
  debt = math.max(0, tonumber(debt) - paid * per_minute)
else
  debt = 0
end
local allowed = debt + {REQUEST} <= capacity
if allowed then
  debt = debt + {REQUEST}
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', debt, now),
    'PX', math.ceil(debt / per_minute / 1000))
end
return {{allowed and 1 or 0, debt, now}}
"""


class CommonLimiter:
    """Token buckets that all processes share; see Limiter.

    Args:
        rule: What each client may ask of each endpoint.
        store: Where the buckets are.
        alone: Counts while the store cannot be reached: then each process has its own budget.
    """

    def __init__(self, rule: Rule, store: Store, alone: Limiter) -> None:
        self._rule = rule
        self._store = store
        self._alone = alone
        self._arguments = (str(rule.per_minute), str(rule.capacity))

    def take(self, client: str, endpoint: str) -> Allowance:
        """Take one request out of the client's bucket for *endpoint*; never raises."""
        try:
            allowed, debt, _ = self._store.run(_TAKE, [_key(client, endpoint)], self._arguments)
        except (SharedUnavailable, ValueError):
            return self._alone.take(client, endpoint)
        return self._rule.allowance(allowed == 1, debt)


def _key(client: str, endpoint: str) -> str:
    """Return a key of fixed length; what clients call themselves is nobody's to read there."""
    # The length keeps two pairs apart whose texts are the same when joined.
    text = f"{len(client)} {client}{endpoint}".encode("utf-8", "surrogatepass")
    return f"limit:{hashlib.blake2b(text, digest_size=16).hexdigest()}"
