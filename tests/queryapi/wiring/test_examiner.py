"""The whole service looks at services by its settings, and ends what that holds open."""

import msgspec

from queryapi.services.vitals.model import Status
from queryapi.settings import Cluster, RealTimeMetrics, Service, Settings
from queryapi.settings.checks import check
from queryapi.wiring.composition import Composition
from queryapi.wiring.examiner import examiner_of
from queryapi.wiring.ground import ground_of
from tests.support.examining import ScriptedPrometheus
from tests.support.fake_prometheus import series
from tests.support.raw_server import RawServer, http, saying

_WAIT = RealTimeMetrics(deadline=10.0, events_per_second="events")


def test_services_are_looked_at_with_connections_of_their_own() -> None:
    """Queries for services share no connection with the API's; all are closed at the end."""
    made: list[ScriptedPrometheus] = []

    def connect(_: Cluster, __: Settings) -> ScriptedPrometheus:
        made.append(ScriptedPrometheus(numbers={"events": [series("", 12.5)]}))
        return made[-1]

    with RawServer(saying(http(b'{"status": "ok"}'))) as server:
        service = Service("s", health_url=server.url, timeout=10.0)
        settings = check(Settings(services=(service,), real_time_metrics=_WAIT))
        ground = ground_of(settings, lambda: 1000.0, connect, 900.0)
        composition = Composition(ground)
        told = examiner_of(ground, composition.store).examine()
        ground.resources.close()

    of_api, of_services = made
    assert ["prometheus", "gpu-cluster", "gpu-node", "gpuscope-api", "s"] == [
        finding.service for finding in told.findings
    ]
    assert (1000.0, 12.5, Status.HEALTHY) == (
        told.at,
        told.events_per_second,
        told.findings[-1].status,
    )
    assert 100.0 == told.findings[-2].uptime
    assert (0, 2) == (len(of_api.queries), len(of_services.queries))
    assert of_api.closed
    assert of_services.closed
    assert told == msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=type(told))
