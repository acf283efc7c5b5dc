"""A cluster followed through the real client: whatever the API server does, the end is the same."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from demo.kubernetes.access import Rule
from demo.kubernetes.cli import write_kubeconfig
from demo.processes import LOOPBACK, free_port, wait_for
from exporter.cluster.page import podsamples
from tests.support.apiserver import Cluster, running
from tests.support.follower import Follower, api_server, following, fresh
from tests.support.golden import assert_golden
from tests.support.objects import (
    Object,
    at,
    condition,
    containers_in,
    node,
    owned,
    owner,
    pod,
    reference,
)
from tests.support.scrape import text

EVENT = "gpu_event_timestamp_seconds"
GOLDEN = Path(__file__).with_name("golden.prom")
DEPLOYED = {"labels": {"pod-template-hash": "7f9"}, **owned(reference("ReplicaSet", "web-7f9"))}
FULL = "0/3 nodes are available: 2 Insufficient nvidia.com/gpu, 1 node(s) were unschedulable."
NIGHTLY = owned(reference("Job", "nightly-1"))
FLEET: list[Object] = [
    node("n1", labels={"nvidia.com/gpu.product": "NVIDIA-H100", "gpuscope.io/pool": "h100"}),
    node("n2", 4, cordoned=True),
    node("cpu", None),
    owner("ReplicaSet", "web-7f9", reference("Deployment", "web")),
    owner("Job", "nightly-1", reference("CronJob", "nightly", uid="uid-cron")),
    pod("web-1", 2, status=containers_in({"running": {"startedAt": "2026-01-01T00:10:00Z"}}),
        **DEPLOYED),
    pod("nightly", 1, node="n2", phase="Pending", **NIGHTLY),
    pod("queued", 8, node="", phase="Pending", status=condition("Unschedulable", FULL)),
    pod("done", 8, phase="Succeeded"),
    pod("cpu", None),
]  # fmt: skip


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A small cluster."""
    with running(*FLEET) as cluster:
        yield cluster


@pytest.fixture
def follow(cluster: Cluster, tmp_path: Path) -> Callable[[], AbstractContextManager[Follower]]:
    """Return a function that begins to follow that cluster."""
    return lambda: following(cluster.kubeconfig(tmp_path / "config"))


@pytest.fixture
def follower(
    cluster: Cluster, follow: Callable[[], AbstractContextManager[Follower]]
) -> Iterator[Follower]:
    """A publisher in step with that cluster."""
    with follow() as follower:
        follower.wait_until_in_step(cluster.url)
        for resource in ("nodes", "pods", "replicasets", "statefulsets", "jobs"):
            cluster.wait_for_watches(resource)
        yield follower


def proven(cluster: Cluster, follower: Follower) -> None:
    """Let the watch of pods tell something, so that it is continued rather than listed anew."""
    cluster.put(pod("proof"))
    follower.wait_until_in_step(cluster.url)


def test_golden_scrape(follower: Follower) -> None:
    """A small cluster is published as exactly this text."""
    assert_golden(GOLDEN, follower.scrape().text)


def test_promtool(follower: Follower) -> None:
    """Prometheus' own linter has nothing to say about a scrape."""
    result = subprocess.run(
        ["promtool", "check", "metrics"],
        input=follower.scrape().text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)


def test_changes_are_followed(cluster: Cluster, follower: Follower) -> None:
    """Nodes, pods and owners that come, change, end and go are published as they are."""
    ended = containers_in({"terminated": {"startedAt": at(10), "finishedAt": at(30)}})
    cluster.put(node("n3"), pod("new", 3, node="n3"))
    cluster.put(pod("web-1", 2, phase="Succeeded", status=ended, **DEPLOYED))
    cluster.put(node("n1", 8, ready="Unknown"))
    cluster.delete("Pod", "ml", "nightly")
    cluster.delete("Node", "", "n2")
    cluster.put(owner("ReplicaSet", "api-1c2", reference("Deployment", "api")))
    cluster.put(pod("api-1", 1, node="n3", **owned(reference("ReplicaSet", "api-1c2"))))
    follower.wait_until_in_step(cluster.url)

    assert fresh(cluster.url) == follower.fleet()
    assert 'gpu_node_free{node="n3",resource="nvidia.com/gpu"} 4' in follower.fleet()
    assert 1 == follower.own("lists_total", resource="pods", result="success")
    assert 1 == follower.own("watch_events_total", resource="pods", type="deleted")
    assert 1 == follower.own("watch_events_total", resource="pods", type="modified")


def test_what_happened_is_told(cluster: Cluster, follower: Follower) -> None:
    """A deletion appears among the newest happenings."""
    cluster.delete("Pod", "ml", "queued")
    follower.wait_until_in_step(cluster.url)
    (line,) = [line for line in follower.scrape().of(EVENT) if "PodDeleted" in line]

    assert 'type="PodDeleted",object="ml/queued",message="Pod ended or was deleted"' in line


def test_history_that_was_compacted(cluster: Cluster, follower: Follower) -> None:
    """After too long an absence the watch is 410: a new list shows what came and what went."""
    proven(cluster, follower)
    cluster.plan("fail", verb="watch", resource="pods", count=1000)
    cluster.plan("cut", verb="watch", resource="pods")
    cluster.put(pod("lost", 4))
    follower.wait_until("apiserver_up 0")
    cluster.delete("Pod", "ml", "queued")
    cluster.put(pod("later", 1))
    cluster.compact()
    cluster.forgive()
    follower.wait_until_in_step(cluster.url)

    assert fresh(cluster.url) == follower.fleet()
    assert 1 == follower.own("watches_total", resource="pods", result="expired")
    assert 2 == follower.own("lists_total", resource="pods", result="success")


def test_a_token_that_was_rotated(tmp_path: Path) -> None:
    """Refused with 401, the exporter says so, and goes on once the kubeconfig has the new one."""
    with running(*FLEET, tokens=["old"]) as cluster:
        path = cluster.kubeconfig(tmp_path / "config", token="old")  # noqa: S106 - a test's own token
        with following(path) as follower:
            follower.wait_until("apiserver_up 1")
            cluster.wait_for_watches("pods")
            cluster.rotate_tokens("new")
            cluster.plan("cut", verb="watch", resource="pods")
            cluster.put(pod("late", 4))
            follower.wait_until("apiserver_up 0")
            cluster.kubeconfig(path, token="new")  # noqa: S106 - idem
            follower.clock.now += 31
            follower.wait_until("apiserver_up 1")

            assert 'gpu_pod_requested{namespace="ml",pod="late",uid="uid-late"} 4' in (
                follower.fleet()
            )


def test_owners_that_may_not_be_read(
    cluster: Cluster, follow: Callable[[], AbstractContextManager[Follower]]
) -> None:
    """Without permission for owners everything else is published; labels name what they can."""
    cluster.forbid(*(Rule(resource=it) for it in ("replicasets", "statefulsets", "jobs")))
    with follow() as follower:
        follower.wait_until("apiserver_up 1")
        workloads = [
            line.partition("workload_type=")[2].partition(",owner")[0]
            for line in follower.scrape().of("gpu_pod_info")
        ]

        wait_for(lambda: follower.publisher.not_ready() is None, seconds=60, what="readiness")
        assert [
            '"Deployment",workload_name="web"',
            '"Job",workload_name="nightly-1"',
            '"Pod",workload_name="done"',
            '"Pod",workload_name="queued"',
        ] == sorted(workloads)
        assert 0 == follower.own("objects", resource="owners")


def test_an_object_nobody_understands(cluster: Cluster, follower: Follower) -> None:
    """It is left out and counted; the others are published."""
    cluster.put_raw("pods", "ml", "odd", b'{"metadata":{"name":"odd","uid":"odd"},"spec":7}')
    cluster.put(pod("late", 4))
    follower.wait_until("objects 6", resource="pods")

    assert 1 == follower.own("malformed_objects_total", resource="pods")
    assert 'gpu_pod_requested{namespace="ml",pod="late",uid="uid-late"} 4' in follower.fleet()


def test_before_anything_is_known(cluster: Cluster, tmp_path: Path) -> None:
    """From the start there is a page: about the exporter, and nothing about the cluster."""
    follower = Follower(cluster.kubeconfig(tmp_path / "config"))

    assert [] == follower.fleet()
    assert 0 == follower.own("apiserver_up")
    assert "nodes: the first list is not complete yet" == follower.publisher.not_ready()
    assert [] == follower.scrape().of("gpu_exporter_last_heard_timestamp_seconds")


def test_a_cluster_that_was_given_a_name(cluster: Cluster, tmp_path: Path) -> None:
    """An operator's name for the cluster is published, when there is one."""
    path = cluster.kubeconfig(tmp_path / "config")

    named = Follower(path, cluster_name="prod").scrape()

    assert ['gpu_cluster_info{cluster_name="prod"} 1'] == named.of("gpu_cluster_info")
    assert [] == Follower(path).scrape().of("gpu_cluster_info")


def test_an_unchanged_cluster_is_rendered_once(follower: Follower) -> None:
    """Scrapes without a change between them share one text."""
    assert follower.scrape().text == follower.scrape().text


def test_an_object_that_cannot_be_rendered(
    cluster: Cluster,
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A defect of ours is logged; what changes after it is rendered all the same."""
    with monkeypatch.context() as patched:
        patched.setattr(podsamples, "of_pod", None)
        cluster.put(pod("odd", 1))
        wait_for(lambda: "could not be rendered" in caplog.text, seconds=60, what="a complaint")
    cluster.put(pod("late", 4), pod("odd", 1, node="n2"))
    follower.wait_until_in_step(cluster.url)

    assert fresh(cluster.url) == follower.fleet()


def test_silence_makes_the_cluster_unknown(cluster: Cluster, follower: Follower) -> None:
    """A watch that says nothing for too long is no proof: the fleet goes until it speaks again."""
    follower.clock.now += 121

    assert [] == follower.fleet()
    assert 0 == follower.own("apiserver_up")
    assert "nodes: nothing heard for 120 s: no bookmark came" == follower.publisher.not_ready()

    cluster.put(node("n3"), pod("late", 4))
    follower.wait_until("apiserver_up 1")

    assert fresh(cluster.url) == follower.wait_until_in_step(cluster.url)


def test_an_api_server_that_goes_and_comes_back(tmp_path: Path) -> None:
    """While it is away the last state is served for two minutes and then withdrawn, with a reason;
    when it is back all is well again without a restart.
    """
    port = free_port()
    objects = tmp_path / "objects.json"
    objects.write_text(json.dumps({"kind": "List", "items": FLEET}))
    write_kubeconfig(tmp_path / "config", f"http://{LOOPBACK}:{port}")
    with (
        api_server(tmp_path, port, objects) as server,
        following(tmp_path / "config") as follower,
    ):
        server.wait_ready()
        before = follower.wait_until_in_step(f"http://{LOOPBACK}:{port}")
        server.stop()
        follower.wait_until("apiserver_up 0")

        known = follower.scrape().of("gpu_cluster_state_timestamp_seconds")

        assert "cannot be reached" in follower.readiness()[1]
        assert before == follower.fleet()

        follower.clock.now += 60

        # What is still published says itself until when it was true.
        assert before == follower.fleet()
        assert known == follower.scrape().of("gpu_cluster_state_timestamp_seconds")

        follower.clock.now += 61
        status, reason = follower.readiness()

        assert [] == follower.fleet()
        assert "503 Service Unavailable" == status
        assert "nodes: nothing heard for 120 s: the API server cannot be reached" in reason

        objects.write_text(json.dumps({"kind": "List", "items": [*FLEET, pod("late", 4)]}))
        server.start()
        server.wait_ready()
        after = follower.wait_until_in_step(f"http://{LOOPBACK}:{port}")

        assert text('gpu_pod_requested{namespace="ml",pod="late",uid="uid-late"} 4') == [
            line for line in after if line not in before and "requested" in line
        ]
        assert 1 == follower.own("apiserver_up")
        assert ("200 OK", "ready\n") == follower.readiness()
