"""Readiness is what Prometheus' answers say, and costs a hung Prometheus next to nothing."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from queryapi.outbound.transport import ExchangeFailed
from queryapi.promql.client import PrometheusClient
from queryapi.services.health import ClusterHealth, Probe
from queryapi.settings import Cluster, Upstream
from queryapi.telemetry.metrics import Metrics
from tests.support.fake_prometheus import Clock, FakePrometheus

P = ParamSpec("P")
T = TypeVar("T")


class _AtOnce(Executor):
    """Runs work before anybody can wait for it."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> Future[T]:
        """Run *work* here."""
        done: Future[T] = Future()
        done.set_result(work(*args, **options))
        return done


def test_probes_count_as_failures_and_as_answers() -> None:
    """A hung Prometheus is not probed for as long as it is left alone, and then found well."""
    prometheus, clock = FakePrometheus(), Clock()
    prometheus.broken["probe"] = ExchangeFailed("it did not answer in time", reason="timeout")
    client = PrometheusClient(
        Cluster("c", "http://prometheus"),
        prometheus,
        seconds=5,
        metrics=Metrics("test").querying,
        upstream=Upstream(failures=2, pause=30),
        clock=clock,
    )
    probe = Probe(client, _AtOnce(), clock=clock, monotonic=clock)

    def health() -> ClusterHealth:
        probe.begin()
        return probe.health()

    said = []
    for _ in range(5):
        said.append(health().reason)
        clock.now += 2

    why = "Prometheus cannot be asked: it did not answer in time"
    assert [why] * 2 + [f"{why}; it is left alone for a while"] * 3 == said
    assert 2 == prometheus.count("probe")

    del prometheus.broken["probe"]
    clock.now += 30

    assert health().ready
