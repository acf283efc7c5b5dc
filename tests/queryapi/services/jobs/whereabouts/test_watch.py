"""Looking for jobs where Prometheus is not as it should be."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import pytest

from demo.processes import wait_for
from queryapi.errors import UpstreamUnavailable
from queryapi.promql.client import PrometheusClient, Result
from queryapi.promql.selection import Selection
from queryapi.promql.values import Sample
from queryapi.services.jobs.whereabouts.watch import Watch
from queryapi.storage.jobrecords import Job

T = TypeVar("T")


class Answering:
    """A Prometheus that has a pod of every name but one, of which it has too many; or is down."""

    name = "c"

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    def read(self, query: str, shape: Callable[[Iterable[Sample]], T], **_: Any) -> Result[T]:
        """Answer."""
        self.asked += 1
        if self.down:
            raise UpstreamUnavailable("gone", reason="refused")
        if "huge" in query:
            raise UpstreamUnavailable("too many series", reason="too_large")
        labels = {"__name__": "", "namespace": "ml", "node": "n"}
        found = [
            Sample({**labels, "pod": f"p{number}", "uid": f"u{number}"}, (0.0, 1.0))
            for number in range(4)
        ]
        return Result(shape(found), (), 0)


@pytest.fixture(name="prometheus")
def _prometheus() -> Answering:
    return Answering()


@pytest.fixture(name="watch")
def _watch(prometheus: Answering) -> Watch:
    """One that has ended, so that no thread begins: a test looks itself."""
    watch = Watch(cast("PrometheusClient", prometheus), Selection(()), clock=lambda: 0.0)
    watch.end()
    return watch


def job(name: str) -> Job:
    """Return a job."""
    return Job(number=1, id=name, cluster="c", owner="o", created_at=0.0, namespace="ml")


def test_a_job_of_too_many_pods_costs_no_other(watch: Watch) -> None:
    """Whoever calls a job like a workload of thousands hides nobody's."""
    names = ("p0", "p1", "huge", "p2", "p3")
    for name in names:
        watch.place(job(name))
    watch.look()

    places = {name: watch.place(job(name)) for name in names}
    assert {name: place.pod for name, place in places.items() if place} == {
        name: name for name in names if name != "huge"
    }


def test_what_was_found_stays_while_prometheus_is_gone(watch: Watch, prometheus: Answering) -> None:
    """A pod does not move because nobody tells of it."""
    watch.place(job("p0"))
    watch.look()
    prometheus.down = True
    watch.place(job("p1"))
    with pytest.raises(UpstreamUnavailable):
        watch.look()

    assert watch.place(job("p0")) is not None
    assert watch.place(job("p1")) is None


def test_nobody_is_asked_for_nobody(watch: Watch, prometheus: Answering) -> None:
    """A look without a job costs nothing."""
    watch.look()

    assert 0 == prometheus.asked


def test_where_no_thread_can_be_started_jobs_are_asked_about_all_the_same(
    prometheus: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reports at the limit of the system does not pay for it; the next job begins one."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    watch = Watch(cast("PrometheusClient", prometheus), Selection(()), clock=lambda: 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert watch.place(job("p0")) is None
    watch.place(job("p1"))
    wait_for(lambda: watch.place(job("p0")) is not None, seconds=60, what="its place")
    watch.end()
