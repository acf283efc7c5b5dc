"""The stack's own parts are looked at without being configured."""

from queryapi.errors import SharedUnavailable
from queryapi.services.vitals.examining.ownparts import OwnRequests
from queryapi.services.vitals.examining.slot import Moment
from queryapi.services.vitals.model import Round, Status
from queryapi.telemetry.serving import Served
from tests.support.examining import ScriptedPrometheus, looking
from tests.support.fake_prometheus import series

_UP = [
    series("", 1, told=told, job=job)
    for told in ("up", "targets")
    for job in ("gpu-cluster", "gpu-node")
]


class _Store:
    """What processes share; None of it is there when it is broken."""

    broken = False

    def get(self, key: str) -> bytes | None:
        """Return nothing."""
        if self.broken:
            raise SharedUnavailable("Redis failed: secret")
        return None


def _names(told: Round) -> list[str]:
    return [finding.service for finding in told.findings]


def test_the_stack_is_told_of_first() -> None:
    """Prometheus, the exporters and this service; each says what it is a source of."""
    with looking(
        {"name": "mine", "numbers": {"a": "b"}},
        asked=lambda _: ScriptedPrometheus(*_UP),
        built_in=True,
    ) as look:
        told = look.round()

    assert ["prometheus", "gpu-cluster", "gpu-node", "gpuscope-api", "mine"] == _names(told)
    assert [Status.HEALTHY] * 4 == [finding.status for finding in told.findings[:4]]
    assert ["prometheus", "kubernetes", "nvml", None] == [f.data_source for f in told.findings[:4]]
    assert ["c", "c", "c", None] == [f.cluster for f in told.findings[:4]]
    assert told.findings[0].response_time is not None


def test_several_clusters_have_a_part_each() -> None:
    """Names then say whose a part is; NativeLink's clusters have no exporters."""
    clusters = [
        {"name": "east", "prometheus_url": "http://p"},
        {"name": "build", "prometheus_url": "http://p", "source": "nativelink"},
    ]
    with looking(clusters=clusters, built_in=True) as look:
        told = look.round()

    assert ["prometheus@east", "gpu-cluster@east", "gpu-node@east"] == _names(told)[:3]
    assert ["prometheus@build", "gpuscope-api"] == _names(told)[3:]


def test_what_is_configured_takes_the_place_of_an_own_part() -> None:
    """The administrator knows better."""
    with looking({"name": "gpu-node", "job": "other"}, built_in=True) as look:
        told = look.round()

    assert ["prometheus", "gpu-cluster", "gpuscope-api", "gpu-node"] == _names(told)


def test_nodes_that_are_serviced_are_no_outage() -> None:
    """Nine of ten node exporters are enough."""
    found = [
        series("", 10, told="targets", job="gpu-node"),
        series("", 9, told="up", job="gpu-node"),
    ]
    with looking(asked=lambda _: ScriptedPrometheus(*found), built_in=True) as look:
        assert Status.HEALTHY is look.findings()["gpu-node"].status


def test_redis_is_told_of_where_there_is_one() -> None:
    """It answers or not; its own words are not repeated."""
    store = _Store()
    with looking(store=store, built_in=True) as look:  # type: ignore[arg-type]  # what is used of it
        well = look.findings()["redis"]
        store.broken = True
        ill = look.findings()["redis"]

    assert (Status.HEALTHY, "redis") == (well.status, well.data_source)
    assert well.response_time is not None
    assert (Status.ERROR, "does not answer") == (ill.status, ill.error)


def test_this_service_tells_of_itself() -> None:
    """It answers: how much of late and how fast is what its own metrics say."""
    with looking(built_in=True) as look:
        serving = look.metrics.serving
        serving.request("/a", "GET", 200, 5.0)
        first = look.findings()["gpuscope-api"]
        look.clock.now += 30
        serving.request("/a", "GET", 200, 0.25)
        serving.request("/b", "GET", 500, 0.75)
        busy = look.findings()["gpuscope-api"]
        look.clock.now += 60
        idle = look.findings()["gpuscope-api"]
        look.clock.now += 1000
        later = look.findings()["gpuscope-api"]

    assert (Status.HEALTHY, {}, None) == (first.status, first.numbers, first.response_time)
    assert ({"queries_per_minute": 4.0}, 0.5) == (busy.numbers, busy.response_time)
    assert ({"queries_per_minute": 0.0}, None) == (idle.numbers, idle.response_time)
    assert ({}, 1090.0) == (later.numbers, later.uptime)


def test_counts_that_began_anew_are_no_rate() -> None:
    """A folder of counts that somebody emptied makes nothing negative."""
    counts = iter([Served(10, 1.0), Served(2, 0.5)])
    ask = OwnRequests(lambda: next(counts), started=0.0)

    assert [{}, {}] == [dict(ask(Moment(at, 0.0)).numbers) for at in (10.0, 20.0)]


def test_threads_follow_from_the_settings() -> None:
    """One for each question: targets of each cluster, each URL, each number, events, own parts."""
    services = [
        {"name": "a", "job": "j", "health_url": "http://127.0.0.1:9/", "numbers": {"x": "1"}},
        {"name": "b", "job": "k", "numbers": {"x": "1", "y": "2"}},
    ]
    with looking(*services, built_in=True) as look:
        pass

    # Targets, one URL, three numbers, the events, and this service itself.
    assert [7] == look.threads


def test_an_exporter_that_has_lost_its_api_server_is_not_well() -> None:
    """It is scraped, but what it tells is old; it is well again when it follows again."""
    prometheus = ScriptedPrometheus(*_UP, series("", 1, told="lost"))
    with looking(asked=lambda _: prometheus, built_in=True) as look:
        lost = look.findings()["gpu-cluster"]
        node = look.findings()["gpu-node"]
        prometheus.found = _UP
        found = look.findings()["gpu-cluster"]

    assert (Status.UNHEALTHY, "it has lost the API server") == (lost.status, lost.error)
    assert [Status.HEALTHY, Status.HEALTHY] == [node.status, found.status]


def test_an_exporter_that_is_down_is_told_as_down() -> None:
    """What it last said of its API server does not matter then."""
    down = [
        series("", value, told=told, job="gpu-cluster")
        for told, value in (("up", 0), ("targets", 1))
    ]
    with looking(
        asked=lambda _: ScriptedPrometheus(*down, series("", 1, told="lost")), built_in=True
    ) as look:
        assert "its target is down" == look.findings()["gpu-cluster"].error
