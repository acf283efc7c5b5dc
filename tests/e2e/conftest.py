"""What several end-to-end tests run against."""

from collections.abc import Iterator

import pytest

from tests.support.postgresql import PostgresqlServer, postgresql_server


@pytest.fixture(name="postgresql", scope="session")
def _postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL that nobody kills or freezes."""
    with postgresql_server() as server:
        yield server
