"""A real Prometheus understands what scheduler monitoring asks, and remembers pods that ended."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from demo.processes import wait_for
from queryapi.outbound.transport import HttpTransport
from queryapi.promql import schedulingqueries as queries
from queryapi.promql.client import PrometheusClient
from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from queryapi.promql.values import Vector
from queryapi.services.scheduling import accounting, parts
from queryapi.services.scheduling.equipment import read_equipment
from queryapi.services.scheduling.model import Pod, PodNumbers, Readiness, Stage
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support.prometheus import Target, prometheus

pytestmark = pytest.mark.e2e

# uid: namespace, phase, node
_FIRST = {
    "queued": ("ours", "Pending", ""),
    "running": ("ours", "Running", "up"),
    "vanishing": ("ours", "Running", "up"),
    "ending": ("ours", "Running", "up"),
    "ended": ("ours", "Failed", "up"),
    "theirs": ("theirs", "Succeeded", "down"),
}
_LATER = {
    "queued": ("ours", "Pending", ""),
    "running": ("ours", "Running", "up"),
    "ending": ("ours", "Succeeded", "up"),
}


def _text(pods: dict[str, tuple[str, str, str]]) -> str:
    """Return what two exporters publish, of this cluster and of another."""
    lines = []
    for cluster in ("a", "b"):
        for exporter in ("1", "2"):
            one = f'cluster="{cluster}",replica="{exporter}"'
            lines += [f"gpu_cluster_state_timestamp_seconds{{{one}}} {time.time():.3f}"]
            for node, ready in (("up", 1), ("down", 0)):
                lines += [
                    f'gpu_node_ready{{{one},node="{node}"}} {ready}',
                    f'gpu_node_cordoned{{{one},node="{node}"}} 0',
                    f'gpu_node_problem{{{one},node="{node}",problem="tainted"}} 1',
                    f'gpu_exporter_driver_up{{{one},node="{node}"}} 1',
                    f'gpu_node_allocatable{{{one},node="{node}",resource="gpu"}} 8',
                    f'gpu_node_completed_pods_total{{{one},node="{node}",result="failed"}} 2',
                    f'gpu_node_completed_pods_total{{{one},node="{node}",result="succeeded"}} 3',
                ]
            for uid, (namespace, phase, node) in pods.items():
                who = f'{one},namespace="{namespace}",pod="p-{uid}",uid="{uid}"'
                lines += [
                    f'gpu_pod_state{{{who},phase="{phase}",state="x"}} 1',
                    f'gpu_pod_info{{{who},node="{node}",action_digest="d"}} 1',
                    f"gpu_pod_created_timestamp_seconds{{{who}}} 5",
                ]
    return "\n".join(sorted(lines)) + "\n"


@dataclass(frozen=True)
class _Asked:
    """What a Prometheus answers about cluster a at one time, after pods have come and gone."""

    client: PrometheusClient
    at: float

    def __call__(self, question: Query, *namespaces: str) -> Vector:
        """Return what *question* finds, of some namespaces or of all."""
        selection = Selection((Matcher("cluster", "=", "a"),), frozenset(namespaces) or None)
        return self.client.instant(question(selection), at=self.at).value


@pytest.fixture(name="ask", scope="module")
def _ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Asked]:
    with (
        Target(_text(_FIRST)) as target,
        prometheus(tmp_path_factory.mktemp("prometheus"), target, rules="groups: []") as p,
    ):
        transport = HttpTransport(connect=1)
        client = PrometheusClient(
            Cluster("a", p.url), transport, seconds=60, metrics=Metrics("test").querying
        )

        def sees(uid: str, phase: str) -> bool:
            found = _Asked(client, time.time())(queries.pods)
            return any({"uid": uid, "phase": phase} == dict(one.metric) for one in found)

        wait_for(lambda: sees("ended", "Failed"), seconds=60, what="the first scrape")
        target.text = _text(_LATER)
        wait_for(lambda: sees("ending", "Succeeded"), seconds=60, what="a later scrape")
        told = _Asked(client, time.time())(queries.moment)
        yield _Asked(client, parts.read_moment(iter(told)).scraped_at)
        transport.close()


def test_the_moment_is_the_scrapes_own(ask: _Asked) -> None:
    """At exactly that time the scrape is there, and it is that time's."""
    found = parts.read_moment(iter(ask(queries.moment)))

    assert ask.at == found.scraped_at
    assert 0 <= found.scraped_at - found.known_at < 60


def test_pods_are_those_of_the_last_scrape(ask: _Asked) -> None:
    """Each once, however many exporters tell of it."""
    expected = {
        Pod("queued", Stage.QUEUED, None),
        Pod("running", Stage.EXECUTING, "up"),
        Pod("ending", Stage.COMPLETED, "up"),
    }

    assert expected == set(parts.read_pods(iter(ask(queries.pods))))
    assert () == parts.read_pods(iter(ask(queries.pods, "theirs")))


def test_pods_that_ended_are_remembered_and_others_are_not(ask: _Asked) -> None:
    """One that vanished while it ran has not ended; limits hold, and many are found like few."""
    read = partial(queries.gone_pods, within=300)
    gone = parts.read_pods(iter(ask(read)))
    uids = {pod.uid for pod in gone}
    questions = [
        partial(question, uids=named, within=300)
        for question in (queries.gone_texts, queries.gone_numbers)
        for named in (uids, uids | {f"more-{number}" for number in range(1000)})
    ]
    texts, _ = found = [parts.read_texts(iter(ask(question))) for question in questions[:2]]
    assert found == [texts, texts]
    numbers, _ = told = [parts.read_numbers(iter(ask(question))) for question in questions[2:]]
    assert told == [numbers, numbers]

    assert {"ended", "theirs"} == {pod.uid for pod in gone} == texts.keys() == numbers.keys()
    assert {
        Pod("ended", Stage.COMPLETED, "up"),
        Pod("theirs", Stage.COMPLETED, "down"),
    } == set(accounting.together((), gone, texts))
    assert ("ours", "p-ended", "d") == (
        texts["ended"].namespace,
        texts["ended"].pod,
        texts["ended"].action_digest,
    )
    assert PodNumbers(created=5) == numbers["ended"]
    for question in (read, *questions):
        assert {"ended"} == {sample.label("uid") for sample in ask(question, "ours")}


def test_what_is_fixed_about_pods_is_told_once(ask: _Asked) -> None:
    """Of those that there are."""
    assert {"queued", "running", "ending"} == parts.read_texts(iter(ask(queries.pod_texts))).keys()
    assert {"queued", "running", "ending"} == parts.read_numbers(
        iter(ask(queries.pod_numbers))
    ).keys()


def test_workers_are_the_nodes(ask: _Asked) -> None:
    """Limited callers see the same; two exporters' numbers are not added up."""
    expected = {"down": Readiness.PAUSED, "up": Readiness.ACTIVE}

    for namespaces in ((), ("ours",)):
        assert expected == parts.read_machines(iter(ask(queries.workers, *namespaces)))
        equipment = read_equipment(iter(ask(queries.equipment, *namespaces)))
        assert {"gpu_count": "8"} == equipment["up"].properties
    assert {"up": 5, "down": 5} == parts.read_completions(iter(ask(queries.completions)))
