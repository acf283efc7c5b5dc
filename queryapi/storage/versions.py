"""At which version a database is, without what could change that."""

from sqlalchemy import Connection, inspect, text

from queryapi.errors import ConfigurationError
from queryapi.storage.tables import REVISIONS

NEWEST = REVISIONS[-1]
_TABLE = "alembic_version"


def found(connection: Connection) -> str | None:
    """Return the version of the tables; None where there are none."""
    if not inspect(connection).has_table(_TABLE):
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {_TABLE}"))  # noqa: S608 - a constant
    return version


def is_newest(version: str | None) -> bool:
    """Tell whether tables of that version are those that are wanted.

    Raises:
        ConfigurationError: When nobody here knows them.
    """
    if version is None or version in REVISIONS:
        return version == NEWEST
    raise ConfigurationError(
        f"database_url: the tables are of version {version}, which a newer gpuscope has made; this"
        f" one knows them up to {NEWEST}: run that one, or restore a copy from before"
    )
