"""Whatever the API server does wrong, the end is the same: what a fresh list would say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.kubernetes.cli import write_kubeconfig
from demo.kubernetes.settings import Settings
from demo.processes import LOOPBACK, free_port
from exporter.cluster.api import collection
from tests.support.apiserver import Cluster, running
from tests.support.follower import Follower, api_server, following, fresh
from tests.support.objects import Object, node, owner, pod, reference

FLEET: list[Object] = [
    node("n1"),
    node("n2", 4, cordoned=True),
    owner("ReplicaSet", "web-7f9", reference("Deployment", "web")),
    *(pod(f"p{number}", 1, node="n1") for number in range(4)),
]
PAGE = 3
THREE_PAGES = [node("n1", 8), *(pod(f"p{number}", 1, node="n1") for number in range(7))]
USUAL = Settings()
OFTEN = Settings(bookmark_interval=0.1)

Deed = Callable[[Cluster], object]


def nothing(_: Cluster) -> None:
    """Do nothing."""


def changes(cluster: Cluster) -> None:
    """Add, change and remove something."""
    cluster.put(pod("late", 2, node="n2"), pod("p1", 1, node="n2", phase="Pending"))
    cluster.delete("Pod", "ml", "p2")
    cluster.put(node("n2", 4), pod("p3", 1, phase="Succeeded"))


def planned(action: str, **fault: object) -> Deed:
    """Return a deed that plans a fault."""
    return lambda cluster: cluster.plan(action, **fault)  # type: ignore[arg-type]


def put_off(cluster: Cluster) -> None:
    """Cut the watch of pods and ask for patience before the next."""
    cluster.plan("fail", verb="watch", resource="pods", status=429, retry_after=1)
    cluster.plan("cut", verb="watch", resource="pods")


def forgotten(cluster: Cluster) -> None:
    """Cut the watch of pods, change what there is, and forget that it was changed."""
    cluster.plan("fail", verb="watch", resource="pods", count=3, status=503)
    cluster.plan("cut", verb="watch", resource="pods")
    cluster.put(pod("lost", 4))
    cluster.wait_for_watches("pods", 0)
    cluster.delete("Pod", "ml", "p1")
    cluster.compact()


@dataclass(frozen=True, slots=True)
class Case:
    """One misfortune.

    Args:
        before: What is done before anybody asks.
        during: What is done to those who are in step, before the cluster changes.
        streams: Whether lists may be streamed.
        settings: How the server behaves.
        fleet: What the cluster begins with.
        counted: What the exporter counts of pods in the end, by family and result.
    """

    before: Deed = nothing
    during: Deed = nothing
    streams: bool = True
    settings: Settings = USUAL
    fleet: list[Object] = field(default_factory=lambda: FLEET)
    counted: Mapping[str, tuple[str, float]] = field(default_factory=dict)


ON_PODS = {"verb": "watch", "resource": "pods"}
PAGED = {"verb": "list", "resource": "pods"}
CASES = {
    "410 on the third page": Case(
        planned("fail", **PAGED, after=2, status=410),
        streams=False,
        fleet=THREE_PAGES,
        counted={"lists_total": ("expired", 1)},
    ),
    "a slow page": Case(
        planned("delay", **PAGED, after=1, seconds=0.3),
        streams=False,
        fleet=THREE_PAGES,
        counted={"lists_total": ("error", 0)},
    ),
    "a page that comes too late": Case(
        planned("delay", **PAGED, after=1, seconds=3),
        streams=False,
        fleet=THREE_PAGES,
        settings=OFTEN,
        counted={"lists_total": ("error", 1)},
    ),
    "pages that fail": Case(
        planned("fail", **PAGED, after=1, count=3, status=500),
        streams=False,
        fleet=THREE_PAGES,
        counted={"lists_total": ("error", 3)},
    ),
    "a list put off": Case(
        planned("fail", **PAGED, status=429, retry_after=1),
        streams=False,
        counted={"lists_total": ("error", 1)},
    ),
    "a stream put off": Case(
        planned("fail", **ON_PODS, status=429, retry_after=1),
        counted={"lists_total": ("error", 1)},
    ),
    "no streams": Case(
        settings=Settings(watch_list=False), counted={"lists_total": ("success", 1)}
    ),
    "a stream that is cut": Case(
        planned("cut", **ON_PODS, after=2), counted={"lists_total": ("error", 1)}
    ),
    "streams that are cut": Case(
        planned("cut", **ON_PODS, after=2, count=2), counted={"lists_total": ("success", 1)}
    ),
    "a stream that repeats itself": Case(
        planned("duplicate", **ON_PODS, count=3), counted={"lists_total": ("success", 1)}
    ),
    "a stream that falls silent": Case(
        planned("silence", **ON_PODS, after=1),
        settings=OFTEN,
        counted={"lists_total": ("error", 1)},
    ),
    "history forgotten, told as an event": Case(
        during=forgotten, counted={"watches_total": ("expired", 1)}
    ),
    "history forgotten, told as a status": Case(
        during=forgotten,
        settings=Settings(expired_as_http=True),
        counted={"watches_total": ("expired", 1)},
    ),
    "history forgotten, where lists are paged": Case(
        during=forgotten, streams=False, counted={"lists_total": ("success", 2)}
    ),
    "an ERROR event": Case(
        during=planned("error", **ON_PODS, status=500), counted={"watches_total": ("error", 1)}
    ),
    "an ERROR event that says 410": Case(
        during=planned("error", **ON_PODS, status=410), counted={"lists_total": ("success", 2)}
    ),
    "an event cut in two": Case(
        during=planned("cut", **ON_PODS), counted={"watches_total": ("error", 1)}
    ),
    "a cut, where lists are paged": Case(
        during=planned("cut", **ON_PODS), streams=False, counted={"watches_total": ("error", 1)}
    ),
    "events told twice": Case(
        during=planned("duplicate", **ON_PODS, count=9), counted={"watches_total": ("error", 0)}
    ),
    "events in the wrong order": Case(
        during=planned("swap", **ON_PODS), counted={"watches_total": ("expired", 1)}
    ),
    "a watch that falls silent": Case(
        during=planned("silence", **ON_PODS),
        settings=OFTEN,
        counted={"watches_total": ("error", 1)},
    ),
    "watches put off": Case(
        during=put_off,
        counted={"watches_total": ("error", 2)},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_end_is_the_state_of_a_fresh_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """After every misfortune what is published is what there is: nothing lost, nothing twice."""
    monkeypatch.setattr(collection, "_PAGE", PAGE)
    with running(*case.fleet, settings=case.settings) as cluster:
        case.before(cluster)
        silence = 0.8 if case.settings is OFTEN else 90.0
        config = cluster.kubeconfig(tmp_path / "config")
        with following(config, stream_lists=case.streams, silence=silence) as follower:
            follower.wait_until_in_step(cluster.url)
            cluster.wait_for_watches("pods")
            case.during(cluster)
            changes(cluster)

            assert fresh(cluster.url) == follower.wait_until_in_step(cluster.url)
            for family, (result, count) in case.counted.items():
                found = follower.own(family, resource="pods", result=result)
                # Where so short a silence counts, a busy machine may be silent once more.
                assert count == found or (case.settings is OFTEN and count < found), family


def test_an_api_server_with_a_bad_start(tmp_path: Path) -> None:
    """Requests answered 500 are sent again until they succeed."""
    with running(*FLEET) as cluster:
        cluster.plan("fail", verb="watch", count=13, status=500)
        with following(cluster.kubeconfig(tmp_path / "config")) as follower:
            assert fresh(cluster.url) == follower.wait_until_in_step(cluster.url)


def test_an_api_server_set_back_to_a_backup(tmp_path: Path) -> None:
    """One that comes back with older versions than it told before is listed anew."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    objects = tmp_path / "objects.json"
    objects.write_text(json.dumps({"kind": "List", "items": FLEET}))
    write_kubeconfig(tmp_path / "config", url)
    with (
        api_server(tmp_path, port, objects, bookmark_interval=0.2) as server,
        following(tmp_path / "config") as follower,
    ):
        server.wait_ready()
        follower.wait_until_in_step(url)
        server.stop()
        objects.write_text(json.dumps({"kind": "List", "items": FLEET[:3]}))
        server.start()
        server.wait_ready()

        assert fresh(url) == follower.wait_until_in_step(url)


def requested(follower: Follower) -> float:
    """Return the GPUs requested by all pods."""
    return sum(float(line.split(" ")[-1]) for line in follower.scrape().of("gpu_pod_requested"))


def test_the_old_state_stays_while_a_stream_is_not_complete(tmp_path: Path) -> None:
    """Nothing is replaced before the last object of a new stream is there."""
    with running(*FLEET) as cluster, following(cluster.kubeconfig(tmp_path / "config")) as follower:
        follower.wait_until_in_step(cluster.url)
        before = requested(follower)
        cluster.plan("silence", verb="watch", resource="pods", after=2)
        cluster.plan("error", verb="watch", resource="pods", status=410)
        cluster.put(pod("late", 2))
        follower.wait_until("watches_total 1", resource="pods", result="expired")
        cluster.wait_for_watches("pods")

        assert before == requested(follower)
