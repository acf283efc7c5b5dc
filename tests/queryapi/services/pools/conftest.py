"""Databases for registries."""

from collections.abc import Iterator

import pytest

from queryapi.storage.engine import Store


@pytest.fixture(name="store")
def _store(database_url: str) -> Iterator[Store]:
    """An empty database of each kind, one after the other."""
    store = Store(database_url)
    yield store
    store.close()
