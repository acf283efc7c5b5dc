"""What services were like a period before is what Prometheus remembers of their targets."""

import functools
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from queryapi.promql import comparing
from queryapi.promql.client import PrometheusClient
from queryapi.promql.connect import client_of
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from queryapi.promql.values import Sample
from queryapi.services.vitals.pasts import (
    ALWAYS,
    Past,
    Scraped,
    Scrapes,
    Tracked,
    decided_of,
    pairs_of,
    questions_of,
)
from queryapi.services.vitals.trend import Pair, Side
from queryapi.settings import Cluster, RealTimeMetrics, Service, Settings
from queryapi.telemetry.metrics import Metrics
from tests.support.prometheus import Target, prometheus

HOUR = 3600
_SCRAPED_EVERY = 30
_OURS = Selection((Matcher("cluster", "=", "c"),))
_NOBODYS = RealTimeMetrics(events_per_second="rate", built_in=False)


def _samples(pair: Pair, name: str = "", **labels: str) -> list[Sample]:
    return [
        Sample({comparing.TOLD: f"{side} {what} {name}".rstrip(), **labels}, (1000.0, value))
        for side, told in ((comparing.NOW, pair.now), (comparing.BEFORE, pair.before))
        for what, value in ((comparing.MEAN, told.mean), (comparing.SAMPLES, told.samples))
    ]


def test_a_pair_is_of_one_number() -> None:
    """Of several series nobody can say which is meant; of none nothing can be compared."""
    full = Pair(Side(12.0, 20), Side(10.0, 20))
    number = Tracked(("s", "n"), "c", "n")

    assert Past({("s", "n"): full}) == number.read(_samples(full, job="whatever"))
    assert Past() == number.read([*_samples(full, job="a"), *_samples(full, job="b")])
    assert Past() == number.read(())
    assert {(("j", "i"), "up 0"): full} == pairs_of(_samples(full, "up 0", job="j", instance="i"))


def _settings(*services: Service, metrics: RealTimeMetrics = _NOBODYS) -> Settings:
    clusters = (Cluster("a", "http://a"), Cluster("b", "http://b", source="nativelink"))
    return Settings(clusters=clusters, services=services, real_time_metrics=metrics)


def _asked(settings: Settings) -> tuple[list[Tracked], dict[str, set[str]]]:
    """Return the numbers that are asked for, and by cluster the services asked for together."""
    selections = {name: Selection((Matcher("cluster", "=", name),)) for name in ("a", "b")}
    found = questions_of(settings, selections)
    together = {
        one.cluster: {name for name, _ in one.read(()).numbers if name}
        for one in found
        if isinstance(one, Scrapes)
    }
    return [one for one in found if isinstance(one, Tracked)], together


def test_the_settings_name_what_is_compared() -> None:
    """The rate of events, every number, and services that their targets alone tell of."""
    services = (
        Service("s", cluster="b", job="j", instance="i", numbers={"n": "sum(n)"}),
        Service("t", job="k"),
        Service("u", job="u", health_url="http://u"),
        Service("v", numbers={"m": "sum(m)"}),
    )
    numbers = [
        Tracked((None, "events_per_second"), "a", "rate"),
        Tracked(("s", "n"), "b", "sum(n)"),
        Tracked(("v", "m"), "a", "sum(m)"),
    ]
    own = {"gpu-cluster@a", "gpu-node@a", "alertmanager@a"}
    built_in = RealTimeMetrics(events_per_second="rate")

    assert (numbers, {"a": {"t"}, "b": {"s"}}) == _asked(_settings(*services))
    assert (numbers, {"a": {"t", *own}, "b": {"s", "alertmanager@b"}}) == _asked(
        _settings(*services, metrics=built_in)
    )
    assert {"v": {("v", "m")}} == decided_of(_settings(*services))
    assert set() == decided_of(_settings(metrics=built_in))["gpuscope-api"]


def test_of_services_that_only_a_url_knows_nothing_is_asked() -> None:
    """Nobody remembers them."""
    settings = _settings(Service("u", job="u", health_url="http://u"))

    assert ([Tracked((None, "events_per_second"), "a", "rate")], {}) == _asked(settings)
    assert {} == decided_of(settings)


def _lines(name: str, labels: str, value: Callable[[float], float | None], end: float) -> list[str]:
    """Return a line per scrape of the two hours before *end*; *value* has seconds before that."""
    times = range(int(end) - 2 * HOUR, int(end) + 1, _SCRAPED_EVERY)
    told = ((at, value(end - at)) for at in times)
    return [f"{name}{{{labels}}} {number} {at}" for at, number in told if number is not None]


def _always(value: float, _: float) -> float:
    return value


def _history(end: float) -> str:
    """Return two hours of targets as OpenMetrics; what tells of them is given seconds ago."""
    targets: dict[tuple[str, str], Callable[[float], float | None]] = {
        ("always", "1"): lambda _: 1,
        ("was-down", "1"): lambda ago: float(ago < HOUR - 300),
        ("half", "1"): lambda _: 1,
        # One of two has been down since.
        ("half", "2"): lambda ago: float(ago > HOUR - 600),
        ("new", "1"): lambda ago: 1 if ago < HOUR / 2 else None,
    }
    discovered = "prometheus_notifications_alertmanagers_discovered"
    families: dict[str, list[str]] = {"up": [], "scrape_duration_seconds": [], discovered: []}
    for (job, instance), up in targets.items():
        who = f'job="{job}",instance="{instance}",cluster="c"'
        took = 0.25 if instance == "1" else 0.75
        families["up"] += _lines("up", who, up, end)
        took_always = functools.partial(_always, took)
        families["scrape_duration_seconds"] += _lines(
            "scrape_duration_seconds", who, took_always, end
        )
    families[discovered] += _lines(discovered, 'job="prometheus",cluster="c"', lambda _: 1, end)
    text = "".join(
        f"# TYPE {name} gauge\n" + "\n".join(lines) + "\n" for name, lines in families.items()
    )
    return text + "# EOF\n"


class _Remembered:
    """A real Prometheus that remembers the two hours before `end`."""

    def __init__(self, client: PrometheusClient, end: float) -> None:
        self._client = client
        self._end = end

    def past(self, *scraped: Scraped, prometheus_name: str | None = None) -> Past:
        """Return how services were an hour before the end."""
        asked = Scrapes("c", _OURS, scraped, prometheus_name)
        return asked.read(self._client.instant(asked.query(HOUR), at=self._end).value)


@pytest.fixture(name="remembered", scope="module")
def _remembered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Remembered]:
    folder = tmp_path_factory.mktemp("past")
    end = time.time() // _SCRAPED_EVERY * _SCRAPED_EVERY - 6 * HOUR
    (folder / "history").write_text(_history(end))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history", "data"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    cluster = Cluster("c", "http://unused")
    with Target() as target, prometheus(folder, target, rules="groups: []") as running:
        cluster = Cluster("c", running.url)
        settings = Settings(clusters=(cluster,))
        with closing(client_of(cluster, settings, Metrics("test").querying)) as client:
            yield _Remembered(client, end)


def test_how_many_targets_were_up_and_for_how_long_is_remembered(remembered: _Remembered) -> None:
    """By each service's own share; its mean scrape is of targets that were up."""
    told = remembered.past(
        Scraped("always", ("always", ""), 1.0),
        Scraped("was-down", ("was-down", ""), 1.0),
        Scraped("half", ("half", ""), 0.5),
        Scraped("both", ("half", ""), 1.0),
        Scraped("second", ("half", "2"), 1.0),
    )

    assert (1, 1) == _means(told.active["always"])
    assert (1, 0) == _means(told.active["was-down"])
    assert (1, 1) == _means(told.active["half"])
    assert (0, 1) == _means(told.active["both"]) == _means(told.active["second"])
    assert (0, 0) == _means(told.numbers["always", "error_rate"])
    assert (0, 100) == _means(told.numbers["was-down", "error_rate"])
    assert (50, 0) == _means(told.numbers["half", "error_rate"])
    assert (250, 500) == _means(told.numbers["half", "response_time_ms"])
    assert (0, 750) == _means(told.numbers["second", "response_time_ms"])


def test_one_target_alone_can_be_asked_for(remembered: _Remembered) -> None:
    """Of a cluster whose jobs are nobody's."""
    told = remembered.past(Scraped("second", ("half", "2"), 1.0))

    assert (0, 1) == _means(told.active["second"])


def _means(pair: Pair) -> tuple[float, float]:
    return pytest.approx(pair.now.mean), pytest.approx(pair.before.mean)  # type: ignore[return-value]


def test_what_was_not_scraped_then_cannot_be_compared(remembered: _Remembered) -> None:
    """A job that is new, one that never was, and how long a target took that was down."""
    told = remembered.past(
        Scraped("new", ("new", ""), 1.0),
        Scraped("never", ("never", ""), 1.0),
        Scraped("was-down", ("was-down", ""), 1.0),
        prometheus_name="prometheus",
    )

    assert not told.active["new"].comparable(comparing.EXPECTED)
    assert not told.active["never"].comparable(comparing.EXPECTED)
    assert not told.numbers["was-down", "response_time_ms"].comparable(comparing.EXPECTED)
    assert ALWAYS == told.active["prometheus"]


def test_a_prometheus_that_remembers_nothing_is_not_told_to_have_been_there(
    remembered: _Remembered,
) -> None:
    """Nor is anything that it would know."""
    told = remembered.past(Scraped("new", ("new", ""), 1.0), prometheus_name="prometheus")

    assert {"new"} == told.active.keys()


def test_an_alertmanager_without_targets_was_there_when_prometheus_sent_to_it(
    remembered: _Remembered,
) -> None:
    """One that is configured is known by its targets alone."""
    told = remembered.past(
        Scraped("alertmanager", ("alertmanager", ""), 1.0, notified=True),
        Scraped("configured", ("alertmanager", ""), 1.0),
    )

    assert (1, 1) == _means(told.active["alertmanager"])
    assert told.active["alertmanager"].comparable(comparing.EXPECTED)
    assert not told.active["configured"].comparable(comparing.EXPECTED)
