"""What a database's URL must be, and what several processes need of it."""

from pathlib import Path
from urllib.parse import SplitResult, parse_qs

from queryapi.errors import ConfigurationError
from queryapi.settings.table import Settings
from queryapi.settings.values import check_file, url_options, url_parts

_SQLITE = "sqlite:///"
# The driver's name may be left out; there is one.
_POSTGRESQL = ("postgresql", "postgresql+psycopg")
_FILES = ("sslrootcert", "sslcert", "sslkey")
# Others of the client's options would undo the bounds of our own on waiting.
_OPTIONS = frozenset(
    {"host", "port", "sslmode", "sslcrl", "channel_binding", "target_session_attrs", *_FILES}
)


def sqlite_file(url: str) -> Path | None:
    """Return the file that a URL names; None when it names no SQLite database."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def check_database(settings: Settings) -> None:
    """Refuse a database that pools cannot be kept in.

    Raises:
        ConfigurationError: Naming the setting; never the URL, which may hold a password.
    """
    url, password = settings.database_url, settings.database_password_file
    check_file("database_password_file", password)
    if url is None:
        return
    file = sqlite_file(url)
    if file is None:
        _check_postgresql(url, given=password is not None)
        return
    _check_sqlite(url, file)
    if password is not None:
        raise ConfigurationError("database_password_file: is for postgresql:// only")
    if settings.workers > 1:
        raise ConfigurationError(
            "workers: several processes cannot write to one SQLite file: name a PostgreSQL in"
            " database_url, or set it to null to do without registered pools"
        )


def _check_sqlite(url: str, file: Path) -> None:
    name = url.removeprefix(_SQLITE)
    if not name or name.endswith("/") or name.startswith(":") or set(name) & set("?#%\0"):
        raise ConfigurationError(
            "database_url: write the name of a file after sqlite:///, as in sqlite:///gpuscope.db"
            " or sqlite:////var/lib/gpuscope/gpuscope.db, without ?, # and %"
        )
    if file.is_dir():
        raise ConfigurationError(f"database_url: {str(file)!r} is a directory; name a file in it")
    if not file.parent.is_dir():
        raise ConfigurationError(
            f"database_url: there is no directory {str(file.parent)!r}; make it first"
        )


def _check_postgresql(url: str, *, given: bool) -> None:
    parts = url_parts(url)
    if parts is None or not _names_a_database(parts):
        raise ConfigurationError(
            "database_url: not a database's URL, as in sqlite:///gpuscope.db or"
            " postgresql+psycopg://user:password@host:5432/name; write special characters of a"
            " password in percent encoding"
        )
    options = url_options(parts, _OPTIONS, "database_url")
    if parts.password is not None and given:
        raise ConfigurationError(
            "database_password_file: database_url has a password already; give one of them"
        )
    for option in _FILES:
        for path in options.get(option, ()):
            check_file(f"database_url: {option}", path)


def _names_a_database(parts: SplitResult) -> bool:
    database = parts.path.removeprefix("/")
    where = parts.hostname or "host" in parse_qs(parts.query)
    return bool(
        parts.scheme in _POSTGRESQL
        and where
        and database
        and "/" not in database
        and not parts.fragment
    )
