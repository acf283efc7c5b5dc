"""Scheduler monitoring tells what the fleet's own API server says, and it always adds up."""

import random
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest
import requests

from demo.processes import wait_for
from tests.e2e import scheduler_oracle
from tests.e2e.scheduler_oracle import Operation, Truth
from tests.support import objects
from tests.support.apiserver import Cluster, running
from tests.support.monitored import TTL, Monitored, Monitoring, Window, monitored
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.traced import SCRAPE_SECONDS, trace_folder
from tests.support.whole import WHOLE

pytestmark = pytest.mark.e2e

INSTANTS = 10 if WHOLE else 5
BEGIN, END = 12_000_000, 12_902_959
"""Seconds of the trace between which many pods come and go."""
POLLS, STATES = (100, 5) if WHOLE else (40, 3)
EVERY = 0.05 if WHOLE else 0.2
"""Seconds between two polls: a window is told for longer, and a fleet's state for much longer."""
# On a busy machine: what is told counts here, not how soon.
# A window of so many nodes costs Prometheus more than TTL: one after another would take all it has.
SETTINGS = {"monitoring": {"ttl": SCRAPE_SECONDS}, "timeouts": {"query": 15, "request": 15}}
COMPLETED_FOR = 15.0


def _shown(window: Window) -> Truth:
    return scheduler_oracle.told(window.workers, window.operations)


def _same(shown: Truth, expected: Truth) -> bool:
    return shown == replace(expected, version="")


def _assert_adds_up(window: Window) -> None:
    """All counts of a window are the lengths of its own lists."""
    shown = _shown(window)
    counts = {name: count for name, count in window.status.items() if name != "uptime_seconds"}

    assert shown.status() == counts
    assert {
        f"{count}_{group}": number
        for group in ("workers", "operations")
        for count, number in window.metrics[group].items()
    } == counts
    for worker in window.workers:
        assert not (worker["is_paused"] and worker["is_draining"])
        assert worker["can_accept_work"] is not (worker["is_paused"] or worker["is_draining"])
    running = {uid: name for name, each in shown.workers.items() for uid in each.running}
    assert {
        uid: each.worker
        for uid, each in shown.operations.items()
        if each.stage in {"Executing", "CacheCheck"}
    } == running
    for operation in window.operations:
        assert operation["is_finished"] is (operation["stage"] == "Completed")


# --- a replay ------------------------------------------------------------------------------------


@pytest.fixture(name="timeline", scope="module")
def _timeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    trace = trace_folder(tmp_path_factory)
    folder = tmp_path_factory.mktemp("timeline")
    arguments = (f"--trace={trace}", f"--at={BEGIN}")
    with running_stack(
        folder, "timeline", *arguments, seconds=SCRAPE_SECONDS, settings=SETTINGS
    ) as whole:
        wait_for(Monitoring(whole.api_url).ready, seconds=READY_SECONDS, what="a first answer")
        yield whole


@pytest.mark.trace
def test_instants_of_a_replay(timeline: RunningStack) -> None:
    """At any instants of a replay workers, operations and counts are the API server's own."""
    seed = secrets.randbits(32)
    print(f"instants drawn with seed {seed}")  # noqa: T201 - shown when this fails
    drawn = random.Random(seed).sample(range(BEGIN, END), INSTANTS)  # noqa: S311 - guards nothing
    api = Monitoring(timeline.api_url)
    for second in sorted(drawn):
        moved = requests.post(
            f"{timeline.fleet_url}/_demo/timeline", json={"until": second}, timeout=10
        )
        moved.raise_for_status()
        expected = scheduler_oracle.truth(timeline.fleet_url)
        wait_for(
            lambda expected=expected: _same(_shown(api.window()), expected),  # type: ignore[misc]
            seconds=READY_SECONDS,
            what=f"second {second} of seed {seed}",
        )
        window = api.window()

        assert expected.status() == _shown(window).status()
        _assert_adds_up(window)
        _assert_filtered(api, window)


def _assert_filtered(api: Monitoring, window: Window) -> None:
    """Filters return exactly those of the whole list that they name, in its order."""
    operations = window.operations
    for stage in scheduler_oracle.STAGES:
        spelled = {"CacheCheck": "cache_check"}.get(stage, stage.lower())
        assert [each for each in operations if each["stage"] == stage] == api.told(
            "operations", stage=spelled
        )
    for worker in window.workers:
        if worker["running_operations"]:
            assert [each for each in operations if each["worker_id"] == worker["id"]] == api.told(
                "operations", worker_id=worker["id"]
            )
    assert operations[:3] == api.told("operations", limit=3)


# --- a fleet that lives ---------------------------------------------------------------------------


@pytest.fixture(name="living", scope="module")
def _living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    # What is gone is not listed: the API server does not list it either.
    settings = {"monitoring": {"ttl": TTL, "completed_for": 0}}
    with running_stack(tmp_path_factory.mktemp("living"), "living", settings=settings) as whole:
        wait_for(Monitoring(whole.api_url).ready, seconds=READY_SECONDS, what="a first answer")
        yield whole


def test_lists_and_counts_agree_at_every_poll(living: RunningStack) -> None:
    """However the fleet moves, what is told of one window adds up; dozens of times over."""
    api = Monitoring(living.api_url)
    seen: list[frozenset[tuple[str, Operation]]] = []

    def polled_enough() -> bool:
        window = api.window()
        _assert_adds_up(window)
        seen.append(frozenset(_shown(window).operations.items()))
        return len(seen) >= POLLS and len(set(seen)) >= STATES

    wait_for(
        polled_enough,
        seconds=2 * READY_SECONDS,
        what=f"{STATES} states in {POLLS} polls",
        every=EVERY,
    )


def test_a_moving_fleet_is_told_as_it_was(living: RunningStack) -> None:
    """Every operation that is told was, at some moment, exactly that; a whole answer was too."""
    api = Monitoring(living.api_url)
    states: list[Truth] = []
    views: dict[str, set[Operation]] = {}
    whole: set[str] = set()

    def look() -> None:
        state = scheduler_oracle.truth(living.fleet_url)
        if not states or states[-1].version != state.version:
            states.append(state)
            for uid, view in state.operations.items():
                views.setdefault(uid, set()).add(view)

    def some_were_whole() -> bool:
        told = _shown(api.window())
        whole.update(state.version for state in list(states) if _same(told, state))
        return len(whole) >= STATES

    with _repeating(look):
        wait_for(
            some_were_whole,
            seconds=2 * READY_SECONDS,
            what="answers that are one state",
            every=EVERY,
        )
        last = _shown(api.window())
    for uid, view in last.operations.items():
        assert view in views[uid]


@contextmanager
def _repeating(work: Callable[[], None]) -> Iterator[None]:
    """Do *work* over and over in a thread, as long as the block runs, and once after it."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(0.1):
            work()

    with ThreadPoolExecutor(1) as threads:
        repeated = threads.submit(repeat)
        try:
            yield
        finally:
            ended.set()
        repeated.result()
        work()


# --- one thing after the other -------------------------------------------------------------------


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
            operation = self.window().operation(client_id)
            return (operation["stage"] if operation else None) == stage

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

    def is_seen() -> bool:
        worker = small.window().worker("n2")
        assert worker is not None
        return {word} == {name for name in ("is_paused", "is_draining") if worker[name]}

    wait_for(is_seen, seconds=READY_SECONDS, what="a node that takes no work")
    window = small.window()
    _assert_adds_up(window)

    assert (2, 1) == (window.status["total_workers"], window.status["active_workers"])

    small.cluster.put(objects.node("n2"))
    wait_for(
        lambda: small.window().status["active_workers"] == 2,
        seconds=READY_SECONDS,
        what="an active node",
    )


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
        lambda: not re.search('gpu_pod_state{.*"uid-p"', requests.get(page, timeout=10).text),
        seconds=READY_SECONDS,
        what="the end of the pod's series",
    )
    assert ended == small.window().operation("ml:p")
    small.wait("an operation that is forgotten", "ml:p", None)
    _assert_adds_up(small.window())


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

    wait_for(gone, seconds=READY_SECONDS, what="the end of an operation")

    assert "Completed" not in seen
