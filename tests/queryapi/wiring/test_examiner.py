"""The whole service looks at services by its settings, and ends what that holds open."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from queryapi.services.vitals.model import Status
from queryapi.settings import Cluster, RealTimeMetrics, Service, Settings
from queryapi.settings.checks import check
from queryapi.storage.engine import Store
from queryapi.wiring.composition import Composition
from queryapi.wiring.examiner import examiner_of
from queryapi.wiring.ground import Ground, ground_of
from tests.support.examining import ScriptedPrometheus
from tests.support.fake_prometheus import series
from tests.support.postgresql import postgresql_server
from tests.support.raw_server import RawServer, http, saying

_WAIT = RealTimeMetrics(deadline=10.0, events_per_second="events")


def test_services_are_looked_at_with_connections_of_their_own(tmp_path: Path) -> None:
    """Queries for services share no connection with the API's; all are closed at the end."""
    made: list[ScriptedPrometheus] = []

    def connect(_: Cluster, __: Settings) -> ScriptedPrometheus:
        made.append(ScriptedPrometheus(numbers={"events": [series("", 12.5)]}))
        return made[-1]

    with RawServer(saying(http(b'{"status": "ok"}'))) as server:
        service = Service("s", health_url=server.url, timeout=10.0)
        database = f"sqlite:///{tmp_path / 'pools.db'}"
        settings = check(
            Settings(services=(service,), real_time_metrics=_WAIT, database_url=database)
        )
        ground = ground_of(settings, lambda: 1000.0, connect, 900.0)
        composition = Composition(ground)
        told = examiner_of(ground, composition.shared, composition.database).examine()
        ground.resources.close()

    of_api, of_services = made
    assert ["prometheus", "gpu-cluster", "gpu-node", "gpuscope-api", "store", "s"] == [
        finding.service for finding in told.findings
    ]
    assert (1000.0, 12.5, Status.HEALTHY) == (
        told.at,
        told.events_per_second,
        told.findings[-1].status,
    )
    assert 100.0 == told.findings[-3].uptime
    assert (0, 2) == (len(of_api.queries), len(of_services.queries))
    assert of_api.closed
    assert of_services.closed
    assert told == msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=type(told))


@pytest.mark.e2e
def test_the_store_is_as_well_as_it_answers() -> None:
    """Well while it does; else what its callers are told; without one there is none to tell of."""

    def told(ground: Ground, database: Store | None) -> list[tuple[Status, str]]:
        findings = examiner_of(ground, None, database).examine().findings
        return [(one.status, one.error) for one in findings if one.service == "store"]

    settings = Settings(real_time_metrics=_WAIT, database_url=None)
    ground = ground_of(settings, lambda: 1000.0, lambda *_: ScriptedPrometheus(), 900.0)
    with (
        ground.resources,
        postgresql_server() as server,
        closing(Store(server.fresh())) as database,
    ):
        none, well = told(ground, Composition(ground).database), told(ground, database)
        server.kill()
        ill = told(ground, database)

    assert [] == none
    assert [(Status.HEALTHY, "")] == well
    assert [(Status.ERROR, "the database does not answer")] == ill
