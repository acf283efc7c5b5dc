"""What several end-to-end tests run against."""

from collections.abc import Iterator

import pytest

from tests.support.postgresql import PostgresqlServer, postgresql_server


@pytest.fixture(name="postgresql", scope="module")
def _postgresql() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server
