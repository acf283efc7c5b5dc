"""A real Prometheus that holds two clusters and two teams shows each caller their own alone."""

import re
import time
from collections.abc import Iterator

import pytest

from demo.processes import wait_for
from queryapi.outbound.transport import HttpTransport
from queryapi.promql import queries
from queryapi.promql.client import PrometheusClient
from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from queryapi.promql.values import Vector
from queryapi.services import parts
from queryapi.services.model import Holdings
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support.prometheus import Target, prometheus

pytestmark = pytest.mark.e2e

# namespace: pods of 2 GPUs each, on a Ready node and on one that is not
_TEAMS = {"ours": (2, 1), "theirs": (3, 0), "ours2": (1, 0), "": (1, 0)}
_RECORDED = ("evaluation_timestamp_seconds:max", "snapshot_timestamp_seconds:max",
             "capacity:sum", "free:sum", "free_nodes:count", "free_block:max")  # fmt: skip


def _pod(cluster: str, namespace: str, number: int, node: str) -> str:
    who = f'cluster="{cluster}",namespace="{namespace}",pod="p{number}"'
    who += f',uid="{cluster}-{namespace}-{number}"'
    return (
        f'gpu_pod_info{{{who},node="{node}"}} 1\n'
        f'gpu_pod_allocated{{{who},node="{node}"}} 2\n'
        f'gpu_pod_state{{{who},phase="Running"}} 1\n'
        f"gpu_pod_start_timestamp_seconds{{{who}}} {number}\n"
    )


def _cluster(cluster: str) -> str:
    """Return all that one cluster publishes."""
    one = f'{{cluster="{cluster}"}}'
    text = "".join(f"cluster:gpu_{name}{one} 1\n" for name in _RECORDED)
    for node, ready in (("up", 1), ("down", 0)):
        told = f'{{cluster="{cluster}",node="{node}"}}'
        text += f"gpu_node_ready{told} {ready}\nnode:gpu_ready:min{told} {ready}\n"
    for namespace, (up, down) in _TEAMS.items():
        nodes = ["up"] * up + ["down"] * down
        text += "".join(_pod(cluster, namespace, n, node) for n, node in enumerate(nodes))
        labels = f'cluster="{cluster}",alertname="{namespace}",namespace="{namespace}"'
        text += f'ALERTS{{{labels},alertstate="firing"}} 1\n'
        told = f'cluster="{cluster}",id="{cluster}-{namespace}",type="T",message="m"'
        text += f'gpu_event_timestamp_seconds{{{told},object="{namespace}/p0"}} 5\n'
    return text + (
        f'ALERTS{{cluster="{cluster}",alertname="NodeDown",alertstate="firing"}} 1\n'
        f'gpu_event_timestamp_seconds{{cluster="{cluster}",id="n",object="up"}} 6\n'
    )


@pytest.fixture(name="client", scope="module")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusClient]:
    text = "\n".join(sorted((_cluster("a") + _cluster("b")).splitlines())) + "\n"
    with (
        Target(text) as target,
        prometheus(tmp_path_factory.mktemp("prometheus"), target, rules="") as p,
    ):
        transport = HttpTransport(connect=1)
        client = PrometheusClient(
            Cluster("a", p.url), transport, seconds=60, metrics=Metrics("test").querying
        )
        wait_for(lambda: bool(client.instant("up == 1", at=time.time()).value), seconds=60,
                 what="the first scrape")  # fmt: skip
        yield client
        transport.close()


def ask(client: PrometheusClient, question: Query, *namespaces: str) -> Vector:
    """Return what *question* finds in cluster a, of some namespaces or of all."""
    limit = frozenset(namespaces) or None
    selection = Selection((Matcher("cluster", "=", "a"),), limit)
    return client.instant(question(selection), at=time.time()).value


def test_tasks_are_those_of_the_namespaces(client: PrometheusClient) -> None:
    """Neither another team's nor another cluster's, however alike the names are."""
    found = parts.read_tasks(iter(ask(client, queries.running_tasks, "ours")))

    assert {"a-ours-0", "a-ours-1", "a-ours-2"} == {task.uid for task in found}
    assert 8 == len(parts.read_tasks(iter(ask(client, queries.running_tasks))))


def test_a_namespaces_name_is_no_pattern(client: PrometheusClient) -> None:
    """A namespace called like a regular expression finds itself alone, which is nothing."""
    assert () == ask(client, queries.running_tasks, ".*")
    assert () == ask(client, queries.recent_events, ".*")
    assert () == ask(client, queries.firing_alerts, ".*")


def test_what_work_holds_is_of_the_namespaces(client: PrometheusClient) -> None:
    """GPUs by node, on Ready nodes in all, and how much runs; nothing is no error."""
    assert Holdings(4, 3, {"up": 4, "down": 2}) == parts.read_holdings(
        iter(ask(client, queries.holdings, "ours"))
    )
    assert Holdings(0, 0, {}) == parts.read_holdings(iter(ask(client, queries.holdings, "none")))


def test_alerts_and_events_are_of_the_namespaces(client: PrometheusClient) -> None:
    """Those of nodes, and of pods of other teams, are not shown."""
    alerts = parts.read_alerts(iter(ask(client, queries.firing_alerts, "ours")))
    events = parts.read_events(iter(ask(client, queries.recent_events, "ours", "ours2")))

    assert [{"ours"}] == [{alert.labels["alertname"]} for alert in alerts]
    assert {"ours/p0", "ours2/p0"} == {event.object for event in events}


@pytest.mark.parametrize("question", [queries.hardware, queries.machines, queries.stamps])
def test_hardware_is_the_clusters(client: PrometheusClient, question: Query) -> None:
    """A limited caller sees all of its machines, and none of another cluster's."""
    found = ask(client, question, "ours")

    assert found
    assert {"a"} == {sample.label("cluster") for sample in found}
    assert not [s.name for s in found if re.search("alloc|pod|task|util", s.name)]
