"""Which limiter the settings ask for."""

from queryapi.limits.allowance import Limiter
from queryapi.limits.bucket import Rule
from queryapi.limits.common import CommonLimiter
from queryapi.limits.local import LocalLimiter
from queryapi.settings import Settings
from queryapi.shared.store import Store

# A fleet that starts reports all of its jobs at once.
_MINUTES_AT_ONCE = 10


def limiter_of(settings: Settings, store: Store | None) -> Limiter | None:
    """Return what counts requests, for all processes when there is a store; None = nobody does."""
    limits = settings.limits
    if limits.per_minute == 0:
        return None
    rule = Rule(limits.per_minute, limits.burst)
    local = LocalLimiter(rule)
    return local if store is None else CommonLimiter(rule, store, local)


def newcomers_of(settings: Settings) -> Limiter | None:
    """Return what counts the jobs that reports begin; None = nobody does.

    In each process: it is asked while others wait for a transaction, which waits for no Redis.
    """
    pace = settings.jobs.new_per_minute
    return LocalLimiter(Rule(pace, pace * _MINUTES_AT_ONCE)) if pace else None


def reports_of(settings: Settings) -> Limiter | None:
    """Return what counts the reports of callers, of all their jobs; None = nobody does.

    In each process: it holds off floods, and need not be exact.
    """
    limits = settings.limits
    if limits.per_minute == 0 or limits.reports_per_minute == 0:
        return None
    return LocalLimiter(Rule(limits.reports_per_minute, limits.reports_per_minute))
