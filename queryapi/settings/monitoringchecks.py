"""Refuses settings of scheduler monitoring that contradict others."""

from queryapi.errors import ConfigurationError
from queryapi.settings.table import Settings


def check_monitoring(settings: Settings) -> None:
    """Refuse a snapshot that would be too old to serve while it still counts as fresh.

    Raises:
        ConfigurationError: When it would.
    """
    if settings.cache.stale < settings.monitoring.ttl:
        raise ConfigurationError("monitoring.ttl: must not be longer than cache.stale")
