"""Makes what is kept in SQL, by the settings."""

from queryapi.storage.engine import Store
from queryapi.wiring.ground import Ground


def database_of(ground: Ground) -> Store | None:
    """Return where pools are kept; None = nowhere. Nothing is opened yet."""
    settings = ground.settings
    if settings.database_url is None:
        return None
    store = Store(
        settings.database_url, settings.database_password_file, storing=ground.metrics.storing
    )
    ground.resources.callback(store.close)
    return store
