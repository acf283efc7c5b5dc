"""Which store the settings ask for."""

from queryapi.settings import Settings
from queryapi.shared.store import Store
from queryapi.telemetry.metrics import Metrics


def store_of(settings: Settings, metrics: Metrics) -> Store | None:
    """Return the store that `redis_url` names, or None; nothing is asked of it yet."""
    if settings.redis_url is None:
        return None
    # A tenth of a second and 10 MB: only for those who share.
    from queryapi.shared.redis import RedisStore  # noqa: PLC0415

    return RedisStore(settings.redis_url, metrics.sharing)
