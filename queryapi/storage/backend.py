"""Which database a URL names, and what differs between them."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from queryapi.settings import sqlite_file
from queryapi.storage import sqlite


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A file."""

    file: Path

    alone = True

    def make(self) -> Engine:
        """Return an engine."""
        return sqlite.make(self.file)

    def create(self) -> None:
        """Make the file, unless it is there.

        Raises:
            OperationalError: When it cannot be made.
        """
        sqlite.create(self.file)

    def exists(self) -> bool:
        """Tell whether there is anything to look at."""
        return self.file.exists()


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A server; its database is made by whoever runs it."""

    url: str
    password_file: str | None

    alone = False

    def make(self) -> Engine:
        """Return an engine."""
        # 8 MB: only for those who use it.
        from queryapi.storage import postgresql  # noqa: PLC0415

        return postgresql.make(self.url, self.password_file)

    def create(self) -> None:
        """Do nothing."""

    def exists(self) -> bool:
        """Tell that looking is worth it."""
        return True


def backend(url: str, password_file: str | None) -> Sqlite | Postgresql:
    """Return the database that a URL names, which the settings' checks have let pass."""
    file = sqlite_file(url)
    return Postgresql(url, password_file) if file is None else Sqlite(file.absolute())
