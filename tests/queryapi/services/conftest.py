"""Databases for what the services keep."""

from pathlib import Path

import pytest

from tests.support.postgresql import PostgresqlServer
from tests.support.stored import prepared, stored


@pytest.fixture(name="tables", scope="session")
def _tables(postgresql: PostgresqlServer) -> str:
    """The name of a PostgreSQL database whose tables are there, and nothing in them."""
    url = postgresql.fresh()
    with stored(url) as store:
        store.prepare()
    return url.rpartition("/")[2]


@pytest.fixture(
    name="database_url", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)]
)
def _database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, one after the other: its tables are there, nothing is in them."""
    if request.param == "sqlite":
        return prepared(tmp_path)
    server = request.getfixturevalue("postgresql")
    assert isinstance(server, PostgresqlServer)
    return server.fresh(like=request.getfixturevalue("tables"))
