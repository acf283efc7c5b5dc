"""Which limiter the settings ask for."""

from queryapi.limits.allowance import Limiter
from queryapi.limits.bucket import Rule
from queryapi.limits.common import CommonLimiter
from queryapi.limits.local import LocalLimiter
from queryapi.settings import Settings
from queryapi.shared.store import Store


def limiter_of(settings: Settings, store: Store | None) -> Limiter | None:
    """Return what counts requests, for all processes when there is a store; None = nobody does."""
    limits = settings.limits
    if limits.per_minute == 0:
        return None
    rule = Rule(limits.per_minute, limits.burst)
    local = LocalLimiter(rule)
    return local if store is None else CommonLimiter(rule, store, local)
