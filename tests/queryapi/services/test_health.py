"""A prober learns at once what is known, and never more than it may."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from queryapi.access.principal import Scope
from queryapi.errors import StoreUnavailable, UpstreamUnavailable
from queryapi.outbound.transport import Reply
from queryapi.promql.client import PrometheusClient
from queryapi.services.health import ClusterHealth, DatabaseHealth, Health, Probe
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support.fake_prometheus import Clock, FakePrometheus, error
from tests.support.stored import stored

_DOWN = UpstreamUnavailable("no connection", reason="refused")


@pytest.fixture(name="executor")
def _executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def probe(prometheus: FakePrometheus, executor: ThreadPoolExecutor) -> Probe:
    """Return a probe of *prometheus*."""
    cluster = Cluster("c", "http://prometheus")
    client = PrometheusClient(
        cluster,
        prometheus,
        seconds=5,
        metrics=Metrics("1").querying,
        clock=Clock(),
        sleep=lambda _: None,
    )
    return Probe(client, executor)


def test_one_cluster_that_answers_is_enough(executor: ThreadPoolExecutor) -> None:
    """The service is ready for it; each cluster stands with its reason, in order."""
    up, down = FakePrometheus(), FakePrometheus()
    down.broken["probe"] = _DOWN
    told = Health({"b": probe(up, executor), "a": probe(down, executor)}).readiness()

    assert told.ready
    assert [
        ("b", ClusterHealth(ready=True, reason="answered just now")),
        ("a", ClusterHealth(ready=False, reason="no connection")),
    ] == list(told.clusters.items())


def test_a_name_is_told_to_those_who_may_see_it(executor: ThreadPoolExecutor) -> None:
    """All clusters decide whether the service is ready, whoever asks."""
    health = Health({"a": probe(FakePrometheus(), executor)})
    told = health.readiness(Scope(frozenset()))

    assert told.ready
    assert {} == told.clusters


def test_a_prometheus_that_hangs_does_not_hold_a_prober_up(executor: ThreadPoolExecutor) -> None:
    """After a bounded wait it is said not to have answered; the others are ready."""
    hung, up = FakePrometheus(), FakePrometheus()
    hung.gate.clear()
    health = Health({"a": probe(hung, executor), "b": probe(up, executor)})
    started = time.monotonic()
    told = [health.readiness() for _ in range(50)]
    took = time.monotonic() - started
    hung.gate.set()

    assert {True} == {each.ready for each in told}
    assert (
        ClusterHealth(ready=False, reason="was asked and has not answered so far")
        == told[0].clusters["a"]
    )
    # Once a second, not fifty times.
    assert took < 20
    assert 1 == hung.count("probe")


def test_a_service_that_drains_is_not_ready(executor: ThreadPoolExecutor) -> None:
    """Whatever its clusters say."""
    health = Health({"a": probe(FakePrometheus(), executor)})
    before = health.readiness()
    health.drain()
    after = health.readiness()

    assert (True, False) == (before.ready, after.ready)
    assert (False, True) == (before.draining, after.draining)
    assert after.clusters["a"].ready


def test_prometheus_words_about_our_query_are_not_shown(executor: ThreadPoolExecutor) -> None:
    """They go to the log."""
    prometheus = FakePrometheus()
    prometheus.broken["probe"] = Reply(400, error("bad_data", "secret"))
    told = Health({"a": probe(prometheus, executor)}).readiness()

    assert not told.ready
    assert "secret" not in told.clusters["a"].reason


def test_crowds_of_probers_ask_once(executor: ThreadPoolExecutor) -> None:
    """A Prometheus that is away is asked once at a time, from however many threads."""
    prometheus = FakePrometheus()
    prometheus.broken["probe"] = _DOWN
    health = Health({"a": probe(prometheus, executor)})
    threads = [threading.Thread(target=health.readiness) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    # A refused connection is tried once more.
    assert 2 == prometheus.count("probe")


def test_a_database_in_trouble_is_told_and_decides_nothing(
    executor: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """All but pools goes on: taking the process away would help nobody."""
    with stored(f"sqlite:///{tmp_path / 'gone' / 'gpuscope.db'}") as store:
        health = Health({"a": probe(FakePrometheus(), executor)}, store)
        with pytest.raises(StoreUnavailable):
            store.prepare()
        troubled = health.readiness()
        (tmp_path / "gone").mkdir()
        store.prepare()
        well = health.readiness()

    assert DatabaseHealth(ready=False, reason="the database does not answer") == troubled.database
    assert DatabaseHealth(ready=True, reason="did what it was last asked") == well.database
    assert troubled.ready
    assert well.ready
