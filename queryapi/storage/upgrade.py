"""Brings the tables of a database to the version that this one of gpuscope wants."""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that are missing, in the transaction of *connection*.

    Whoever calls has locked out others who would do the same.
    """
    scripts = migrations()
    with EnvironmentContext(
        Config(),
        scripts,
        fn=lambda found, _: scripts._upgrade_revs(revision, found),  # noqa: SLF001 - as Alembic's own command does
        destination_rev=revision,
    ) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def migrations() -> ScriptDirectory:
    """Return all migrations."""
    return ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_MIGRATIONS)])
