"""A database that pools cannot be kept in is refused before anything starts."""

from pathlib import Path

import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Settings, load
from queryapi.settings.checks import check

_POSTGRESQL = "postgresql+psycopg://user:p%40ss@db.example:5432/gpuscope"


def refused(settings: Settings) -> str:
    """Return why settings are refused; never with what may be a password."""
    with pytest.raises(ConfigurationError) as failure:
        check(settings)
    assert "secret" not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///gpuscope.db",
        f"sqlite:///{__file__}.db",
        _POSTGRESQL,
        "postgresql://user@[::1]/gpuscope",
        f"postgresql://user@db.example/gpuscope?sslmode=verify-full&sslrootcert={__file__}",
        "postgresql:///gpuscope?host=/run/postgresql",
        None,
    ],
)
def test_databases_are_understood(url: str | None) -> None:
    """A file here or anywhere, a server by TCP or socket, with TLS, or none at all."""
    assert url == check(Settings(database_url=url)).database_url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret",
        "/var/lib/secret.db",
        "mysql://user:secret@db/gpuscope",
        "postgres://user:secret@db/gpuscope",
        "postgresql+asyncpg://user:secret@db/gpuscope",
        "postgresql://user:secret@db:port/gpuscope",
        "postgresql://user:sec#ret@db/gpuscope",
        "postgresql://user:secret@db",
        "postgresql://user:secret@db/a/b",
        "postgresql:///gpuscope",
        "sqlite://user:secret@db/gpuscope",
    ],
)
def test_what_is_no_database_is_refused(url: str) -> None:
    """The sentence shows what to write; the URL may hold a password and is not repeated."""
    said = refused(Settings(database_url=url))

    assert said.startswith("database_url: not a database's URL, as in sqlite:///gpuscope.db or")


@pytest.mark.parametrize(
    "name", ["", ":memory:", "a/", "gpuscope.db?mode=ro", "a#b", "a%20b", "a\0b"]
)
def test_files_that_are_none_are_refused(name: str) -> None:
    """Neither memory, which would be forgotten, nor options."""
    said = refused(Settings(database_url=f"sqlite:///{name}"))

    assert said.startswith("database_url: write the name of a file after sqlite:///")


def test_a_file_has_a_directory(tmp_path: Path) -> None:
    """A typing error in a path is told before the first write."""
    missing = tmp_path / "missing" / "gpuscope.db"

    assert f"there is no directory {str(missing.parent)!r}" in refused(
        Settings(database_url=f"sqlite:///{missing}")
    )
    assert "is a directory; name a file in it" in refused(
        Settings(database_url=f"sqlite:///{tmp_path}")
    )


def test_options_that_would_undo_bounds_are_refused() -> None:
    """The service waits for no database longer than it says."""
    said = refused(Settings(database_url=f"{_POSTGRESQL}?connect_timeout=0&options=secret"))

    assert said.startswith("database_url: of options only channel_binding, host, port, ")


def test_files_that_are_named_are_there(tmp_path: Path) -> None:
    """Certificates as well as the file with the password."""
    url = "postgresql://user@db/gpuscope"
    missing = str(tmp_path / "none")

    assert refused(Settings(database_url=f"{url}?sslrootcert={missing}")) == (
        f"database_url: sslrootcert: there is no file {missing!r}"
    )
    assert refused(Settings(database_url=url, database_password_file=missing)) == (
        f"database_password_file: there is no file {missing!r}"
    )


def test_there_is_one_password() -> None:
    """Which of two counts would be anybody's guess; a SQLite has none."""
    assert "give one of them" in refused(
        Settings(database_url=_POSTGRESQL, database_password_file=__file__)
    )
    assert "is for postgresql:// only" in refused(Settings(database_password_file=__file__))


def test_several_processes_need_postgresql() -> None:
    """One file has one writer."""
    several = {"workers": 2, "redis_url": "redis://127.0.0.1:6379/0"}

    said = refused(Settings(**several, database_url="sqlite:///gpuscope.db"))  # type: ignore[arg-type]

    assert "name a PostgreSQL in database_url, or set it to null" in said
    for url in (_POSTGRESQL, None):
        assert 2 == check(Settings(**several, database_url=url)).workers  # type: ignore[arg-type]


def test_the_environment_may_name_it_or_say_that_there_is_none() -> None:
    """`null` is what it is in the file."""
    assert _POSTGRESQL == load(None, {"GPUSCOPE_DATABASE_URL": _POSTGRESQL}).database_url
    assert None is load(None, {"GPUSCOPE_DATABASE_URL": "null"}).database_url
