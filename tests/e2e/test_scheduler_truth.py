"""Scheduler monitoring tells what the cluster's own API server says, and it always adds up."""

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests

from demo.processes import wait_for
from tests.e2e import scheduler_oracle
from tests.e2e.scheduler_window import assert_adds_up, same, shown
from tests.support import objects
from tests.support.apiserver import Cluster, running
from tests.support.monitored import TTL, Monitored, Window, monitored
from tests.support.stack import READY_SECONDS
from tests.support.whole import some

pytestmark = pytest.mark.e2e

POLLS, STATES = some(15, 100), some(3, 5)
EVERY = 0.3
"""Seconds between two looks: a window is told for longer."""
COMPLETED_FOR = 15.0


@dataclass(frozen=True)
class Small:
    """A cluster that changes when the test says so."""

    cluster: Cluster
    running: Monitored

    def window(self) -> Window:
        """Return the present window."""
        return self.running.monitoring.window()

    def wait(self, what: str, client_id: str, stage: str | None) -> None:
        """Wait until an operation is in a stage; None = is not listed."""

        def there() -> bool:
            told = self.running.monitoring.told("operations")
            stages = {each["client_operation_id"]: each["stage"] for each in told}
            return stages.get(client_id) == stage

        wait_for(there, seconds=READY_SECONDS, what=what, every=EVERY)


@pytest.fixture(name="small", scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    folder = tmp_path_factory.mktemp("small")
    settings = {"monitoring": {"ttl": TTL, "completed_for": COMPLETED_FOR}}
    with ExitStack() as cleanup:
        cluster = cleanup.enter_context(running(objects.node("n1"), objects.node("n2")))
        kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
        yield Small(cluster, cleanup.enter_context(monitored(folder, kubeconfig, settings)))


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (objects.node("n2", cordoned=True), "is_draining"),
        (objects.node("n2", ready="False"), "is_paused"),
        (objects.node("n2", ready="False", cordoned=True), "is_draining"),
        (objects.node("n2", conditions=[objects.node_condition("DiskPressure")]), "is_paused"),
    ],
    ids=["cordoned", "not ready", "both", "pressure"],
)
def test_a_node_that_takes_no_work(small: Small, node: objects.Object, word: str) -> None:
    """Such a node is paused or draining, never both, and is active again afterwards."""
    small.cluster.put(node)

    def words() -> set[str]:
        [worker] = [it for it in small.running.monitoring.told("workers") if it["id"] == "n2"]
        return {name for name in ("is_paused", "is_draining") if worker[name]}

    wait_for(
        lambda: words() == {word},
        seconds=READY_SECONDS,
        what="a node that takes no work",
        every=EVERY,
    )
    window = small.window()
    assert_adds_up(window)

    assert (2, 1) == (window.status["total_workers"], window.status["active_workers"])

    small.cluster.put(objects.node("n2"))
    wait_for(lambda: not words(), seconds=READY_SECONDS, what="an active node", every=EVERY)

    assert 2 == small.window().status["active_workers"]


def test_the_life_of_an_operation(small: Small) -> None:
    """It waits, is prepared, runs, ends, stays listed when its pod is gone, and is forgotten."""
    put = small.cluster.put
    put(objects.pod("p", node="", phase="Pending", status=objects.condition("Unschedulable")))
    small.wait("a queued operation", "ml:p", "Queued")
    put(objects.pod("p", node="n1", phase="Pending", status=objects.scheduled()))
    small.wait("one that is prepared", "ml:p", "CacheCheck")
    put(objects.pod("p", node="n1", status=objects.scheduled()))
    small.wait("one that runs", "ml:p", "Executing")
    before = small.window().worker("n1")
    put(objects.pod("p", node="n1", phase="Succeeded"))
    small.wait("one that ended", "ml:p", "Completed")
    after = small.window().worker("n1")
    ended = small.window().operation("ml:p")
    assert before is not None
    assert after is not None
    assert 1 == after["actions_completed"] - before["actions_completed"]
    assert (["uid-p"], []) == (before["running_operations"], after["running_operations"])

    small.cluster.delete("Pod", "ml", "p")
    page = str(small.running.exporter.ready_url).replace("/readyz", "/metrics")
    wait_for(
        lambda: not re.search('gpu_pod_state{.*"uid-p"', requests.get(page, timeout=60).text),
        seconds=READY_SECONDS,
        what="the end of the pod's series",
        every=EVERY,
    )
    assert ended == small.window().operation("ml:p")
    small.wait("an operation that is forgotten", "ml:p", None)
    assert_adds_up(small.window())


def test_a_pod_that_was_not_seen_to_end_did_not(small: Small) -> None:
    """A running pod that is deleted is gone: nobody knows that its work was done."""
    small.cluster.put(objects.pod("q", node="n1", status=objects.scheduled()))
    small.wait("one that runs", "ml:q", "Executing")
    small.cluster.delete("Pod", "ml", "q")
    seen: list[str] = []

    def gone() -> bool:
        operation = small.window().operation("ml:q")
        seen.append(operation["stage"] if operation else "")
        return operation is None

    wait_for(gone, seconds=READY_SECONDS, what="the end of an operation", every=EVERY)

    assert "Completed" not in seen


def test_a_moving_fleet_is_told_as_it_was(small: Small) -> None:
    """However the fleet moves, what is told of one window adds up, dozens of times over.

    Every operation that is told was, at some moment, exactly that; a whole answer was too.
    """
    lives = itertools.cycle([_life(small.cluster, who) for who in "abc"])
    states = [scheduler_oracle.truth(small.cluster.url)]
    views = set(states[0].operations.items())
    polls: list[scheduler_oracle.Truth] = []
    whole: set[str] = set()

    def polled_enough() -> bool:
        next(next(lives))
        states.append(scheduler_oracle.truth(small.cluster.url))
        views.update(states[-1].operations.items())
        # When a scrape sees that change is left to chance: it may be in the midst of this.
        window = small.window()
        assert_adds_up(window)
        polls.append(shown(window))
        assert views >= set(polls[-1].operations.items())
        whole.update(state.version for state in states if same(polls[-1], state))
        return len(polls) >= POLLS and len(whole) >= STATES

    wait_for(
        polled_enough,
        seconds=2 * READY_SECONDS,
        what=f"{STATES} whole states in {POLLS} polls",
        every=EVERY,
    )


def _life(cluster: Cluster, who: str) -> Iterator[None]:
    """Have pods come, run and end or be taken away, and nodes be cordoned: one change a step.

    Pods that ended stay: once they are gone, the API server lists them no longer, but we do.
    """
    for number in itertools.count():
        name, node = f"{who}{number}", f"n{1 + number % 2}"
        cluster.put(objects.pod(name, node="", phase="Pending"))
        yield
        cluster.put(objects.pod(name, 2, node=node, phase="Pending", status=objects.scheduled()))
        yield
        cluster.put(objects.pod(name, 2, node=node, status=objects.scheduled()))
        yield
        cluster.put(objects.node("n2", cordoned=number % 2 == 0))
        yield
        if number % 2:
            cluster.delete("Pod", "ml", name)
        else:
            cluster.put(objects.pod(name, 2, node=node, phase="Succeeded"))
        yield
