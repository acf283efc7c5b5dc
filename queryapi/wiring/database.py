"""Makes what is kept in SQL, by the settings."""

from typing import TYPE_CHECKING

from queryapi.wiring.ground import Ground

if TYPE_CHECKING:
    from queryapi.storage.engine import Store


def database_of(ground: Ground) -> "Store | None":
    """Return where pools are kept; None = nowhere. Nothing is opened yet."""
    settings = ground.settings
    if settings.database_url is None:
        return None
    # A third of a second and 20 MB: only where something is kept.
    from queryapi.storage.engine import Store  # noqa: PLC0415

    store = Store(
        settings.database_url, settings.database_password_file, storing=ground.metrics.storing
    )
    ground.resources.callback(store.close)
    return store
