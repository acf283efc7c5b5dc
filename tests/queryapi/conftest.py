"""What several of these files ask, started once: a Prometheus takes seconds to its first scrape."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.processes import wait_for
from tests.support import small_fleet
from tests.support.postgresql import PostgresqlServer
from tests.support.prometheus import Prometheus, Target, prometheus


@pytest.fixture(name="fleet", scope="session")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The small fleet at a real Prometheus, whose rules are evaluated; nobody changes it."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        Target(small_fleet.EXPOSITION) as target,
        prometheus(folder, target, rules=small_fleet.RULES) as running,
    ):
        wait_for(lambda: _alerts_fire(running.url), seconds=60, what="the rules' first results")
        yield running


@pytest.fixture(
    name="database_url", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)]
)
def _database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind, one after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gpuscope.db'}"
    server = request.getfixturevalue("postgresql")
    assert isinstance(server, PostgresqlServer)
    return server.fresh()


def _alerts_fire(url: str) -> bool:
    asked = {"query": 'count(ALERTS{alertstate="firing"}) == 2'}
    answer = requests.get(f"{url}/api/v1/query", params=asked, timeout=60)
    return bool(answer.json()["data"]["result"])
