"""What all attacks on the query service have in common: one service, started once."""

from collections.abc import Iterator

import pytest

from tests.support.attacked import Attacked, attacked
from tests.support.network import network


@pytest.fixture(name="service", scope="session")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Run it for all files: none leaves anything behind, which is what they are about."""
    with (
        network() as cable,
        attacked(tmp_path_factory.mktemp("attacked"), cable) as running,
    ):
        yield running
