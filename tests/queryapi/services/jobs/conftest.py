"""Databases for jobs."""

from collections.abc import Iterator

import pytest

from queryapi.storage.engine import Store
from tests.support.stored import stored


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    """An empty database of each kind, one after the other."""
    with stored(database_url) as store:
        yield store
