"""A snapshot holds what its parts need, of one moment and one replica, and knows its age."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import pytest

from queryapi.cache.bulkhead import Bulkhead
from queryapi.cache.elsewhere import Elsewhere
from queryapi.cache.grid import Grid
from queryapi.cache.memo import Answers
from queryapi.cache.renewals import Renewals
from queryapi.cache.windows import Windows
from queryapi.errors import NoData, Reason, UpstreamUnavailable
from queryapi.promql.client import Result
from queryapi.promql.selection import Selection
from queryapi.promql.text import one_of
from queryapi.promql.values import Sample
from queryapi.services.part import Moment, Part
from queryapi.services.parts import EVALUATION, EVALUATIONS, LEADS, NODES, TASKS, TOTALS
from queryapi.services.reading import Source
from queryapi.services.snapshot import Snapshots, Terms
from queryapi.telemetry.metrics import Metrics
from tests.support import fake_prometheus as fake
from tests.support.fake_prometheus import Clock, Series

T = TypeVar("T")

NODE = fake.series("node:gpu_ready:min", 1, node="n")
NOW = Part("now", str, lambda s: s.hardware("gpu_now"), lambda _: "now", Moment.NOW)
ABOUT: Part[tuple[str, ...]] = Part(
    "about",
    tuple[str, ...],
    lambda s, nodes: s.hardware("gpu_now", one_of("node", nodes[0].name)) if nodes else "",
    lambda samples: tuple(sample.label("node") for sample in samples),
    about=NODES,
)


class Replicas:
    """A client of several Prometheus servers; `broken` says which questions fail at which.

    Nothing was evaluated before `since`.
    """

    name = "c"

    def __init__(self) -> None:
        self.prometheus = fake.FakePrometheus()
        self.prometheus.found["nodes"] = [NODE]
        self.broken: dict[tuple[str, int], Reason] = {}
        self.since = 0.0
        self.old: dict[tuple[str, int], list[Series]] = {}
        self.preferred = 0
        self.asked: list[tuple[str, float, int | None]] = []
        self.warnings: dict[str, tuple[str, ...]] = {}
        self.gate = threading.Event()
        self.gate.set()

    def read(
        self,
        query: str,
        shape: Callable[[Iterable[Sample]], T],
        *,
        at: float,
        replica: int | None = None,
    ) -> Result[T]:
        """Answer as the real client does: a failing replica is not preferred any more."""
        part = next((part for word, part in fake.PARTS.items() if word in query), "now")
        self.asked.append((part, at, replica))
        assert self.gate.wait(timeout=30)
        index = self.preferred if replica is None else replica
        if (part, index) in self.broken:
            self.preferred = 1 - index
            raise UpstreamUnavailable("away", reason=self.broken[part, index])
        if (part, index) in self.old:
            found = self.old[part, index]
        else:
            early = part == "evaluation" and at < self.since
            found = [] if early else self.prometheus.found.get(part, [])
        value = shape(iter(msgspec.convert(found, tuple[Sample, ...], strict=False)))
        return Result(value, self.warnings.get(part, ()), index)

    def pass_over(self, replica: int) -> None:
        """Prefer the other one."""
        self.preferred = 1 - replica

    def count(self, part: str) -> int:
        """Return how often a part was asked for."""
        return sum(1 for asked, _, _ in self.asked if asked == part)


@dataclass
class Shared:
    """What processes share, in this one."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def fetch(self, key: str, load: Callable[[], bytes], *, keep: float, patience: float) -> bytes:
        """Return what is kept, or keep what is loaded."""
        assert keep > 0
        assert patience > 0
        if key not in self.kept:
            self.kept[key] = load()
        return self.kept[key]

    def find(self, key: str) -> bytes | None:
        """Return what is kept."""
        return self.kept.get(key)


@dataclass(frozen=True)
class Process:
    """One process of the service, its cluster c and what it asks."""

    snapshots: Snapshots
    client: Replicas
    clock: Clock


@contextmanager
def process(
    *,
    elsewhere: Elsewhere | None = None,
    seats: int = 8,
    namespaces: frozenset[str] | None = None,
    patience: float = 30,
) -> Iterator[Process]:
    """Run one process at Unix time 1000, when a window opens."""
    client, clock = Replicas(), Clock(1000.0)
    with ThreadPoolExecutor(4) as executor:
        windows = Windows(
            [lead.key for lead in LEADS],
            grid=Grid(period=30_000, phase=10_000),
            stale=60,
            clock=clock,
            executor=executor,
            answers=Answers(),
        )
        source = Source(
            client, Selection((), namespaces), urls=("http://a", "http://b"), elsewhere=elsewhere
        )
        terms = Terms(ttl=30, stale=60, lag=150, patience=patience)
        snapshots = Snapshots(
            source,
            windows,
            Bulkhead(seats),
            terms,
            renewals=Renewals(executor),
            timeline=EVALUATIONS,
            metrics=Metrics("test").caching,
            clock=clock,
        )
        try:
            yield Process(snapshots, client, clock)
        finally:
            client.gate.set()


def test_a_snapshot_reads_what_its_parts_need_and_no_more() -> None:
    """Nodes and tasks can be told of a cluster that records no totals."""
    with process() as p:
        p.client.prometheus.found["totals"] = []
        snapshot = p.snapshots.read(NODES, TASKS)

        assert ["n"] == [node.name for node in snapshot.part(NODES)]
        assert ["u"] == [task.uid for task in snapshot.part(TASKS)]
        assert [
            ("evaluation", 1000.0, None),
            ("nodes", fake.EVALUATED_AT, 0),
            ("stamps", fake.EVALUATED_AT, 0),
            ("tasks", fake.SCRAPED_AT, 0),
        ] == sorted(p.client.asked)
        assert fake.EVALUATED_AT == snapshot.freshness.at


def test_a_part_of_this_moment_needs_no_rules() -> None:
    """What is read at the window's own time is there even before any rule was evaluated."""
    with process() as p:
        p.client.prometheus.found["evaluation"] = []
        p.clock.now += 7
        snapshot = p.snapshots.read(NOW)

        assert "now" == snapshot.part(NOW)
        assert (1000.0, 7.0, 30.0) == (
            snapshot.freshness.at, snapshot.freshness.age, snapshot.freshness.lifetime
        )  # fmt: skip
        assert [("now", 1000.0, None)] == p.client.asked


def test_a_part_of_this_moment_comes_from_the_replica_of_the_others() -> None:
    """One snapshot never mixes replicas."""
    with process() as p:
        p.client.preferred = 1
        p.snapshots.read(NOW, NODES)

        assert ("now", 1000.0, 1) in p.client.asked


def test_old_data_is_refused_whatever_is_read() -> None:
    """Nodes of an exporter that lost its cluster long ago are not served."""
    with process() as p:
        lost = fake.series("cluster:gpu_state_timestamp_seconds:min", 849, cluster="c")
        p.client.prometheus.found["stamps"] = [*fake.STAMPS, lost]

        with pytest.raises(NoData, match="is 151 s old"):
            p.snapshots.read(NODES)


@pytest.mark.parametrize("reason", ["refused", "timeout", "failed", "paused"])
def test_a_replica_lost_midway_begins_a_window_on_another(reason: Reason) -> None:
    """The request that noticed gets its answer, all of it from the other replica."""
    with process() as p:
        p.client.broken["nodes", 0] = reason
        snapshot = p.snapshots.read(NODES)

        assert ["n"] == [node.name for node in snapshot.part(NODES)]
        assert not snapshot.freshness.stale
        assert [("evaluation", 1000.0, None), ("nodes", fake.EVALUATED_AT, 1)] == sorted(
            asked for asked in p.client.asked[3:] if asked[0] != "stamps"
        )


def test_both_replicas_lost_is_said_after_one_try_each() -> None:
    """A question that no replica answers is not asked on and on."""
    with process() as p:
        p.client.broken |= {("nodes", 0): "failed", ("nodes", 1): "failed"}
        for _ in range(3):
            with pytest.raises(UpstreamUnavailable, match="away"):
                p.snapshots.read(NODES)

        assert 2 == p.client.count("nodes")


@pytest.mark.parametrize("part", ["evaluation", "stamps", "totals"])
def test_what_one_replica_lacks_another_may_have(part: str) -> None:
    """A replica that lost its exporters or its rules does not hide one that has everything."""
    with process() as p:
        p.client.broken[part, 0] = "no_data"
        snapshot = p.snapshots.read(TOTALS)

        assert 16 == snapshot.part(TOTALS).capacity
        assert not snapshot.freshness.stale
        assert 2 == p.client.count("evaluation")


def test_what_one_replica_has_of_old_another_may_have_of_now() -> None:
    """A replica that stopped scraping is passed over as soon as it is too old to be served."""
    with process() as p:
        lost = fake.series("cluster:gpu_state_timestamp_seconds:min", 849, cluster="c")
        p.client.old["stamps", 0] = [*fake.STAMPS, lost]
        snapshot = p.snapshots.read(TOTALS)

        assert not snapshot.freshness.stale
        assert 1 == p.client.preferred


def test_what_no_replica_has_is_said_after_one_try_each() -> None:
    """Missing series do not multiply the questions."""
    with process() as p:
        p.client.prometheus.found["evaluation"] = []
        for _ in range(3):
            with pytest.raises(NoData, match="has no cluster:gpu_evaluation"):
                p.snapshots.read(TOTALS)

        assert 2 == p.client.count("evaluation")


def test_missing_series_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The log says why answers are 5003 although Prometheus answers, and does not fill with it."""
    with process() as p:
        p.client.prometheus.found["evaluation"] = []
        for _ in range(70):
            p.clock.now += 1
            with pytest.raises(NoData):
                p.snapshots.read(TOTALS)

    told = [vars(record)["fields"] for record in caplog.records]
    assert ["c", "c"] == [one["cluster"] for one in told]
    assert told[0]["detail"].startswith("Prometheus has no cluster:gpu_evaluation_timestamp")


def test_another_replica_is_no_cure_for_everything() -> None:
    """Whoever waits too long in a line of ours does not begin a window anew."""
    with process() as p:
        p.client.broken["nodes", 0] = "busy"
        with pytest.raises(UpstreamUnavailable):
            p.snapshots.read(NODES)

        assert 1 == p.client.count("evaluation")


def test_who_comes_before_the_data_need_not_wait_for_the_next_window() -> None:
    """A cell that began before anything was recorded is read anew at once, at this second.

    Each of the two replicas is asked before.
    """
    with process() as p:
        p.clock.now = 1017.4
        p.client.since = 1010.0
        snapshot = p.snapshots.read(TOTALS)

        asked = [at for part, at, _ in p.client.asked if part == "evaluation"]
        assert [1000.0, 1000.0, 1017.0] == asked
        assert fake.EVALUATED_AT == snapshot.freshness.at
        assert "u" == p.snapshots.read(TASKS).part(TASKS)[0].uid


def test_what_is_never_there_costs_next_to_nothing() -> None:
    """Each replica is asked about two moments, and no more within a second, whoever asks."""
    with process() as p:
        p.clock.now = 1017.4
        p.client.since = 9000.0
        for _ in range(5):
            with pytest.raises(NoData):
                p.snapshots.read(TOTALS)

        asked = [at for part, at, _ in p.client.asked if part == "evaluation"]
        assert [1000.0, 1000.0, 1017.0, 1017.0] == asked


def test_what_prometheus_warns_of_is_carried() -> None:
    """Each warning of the parts that were read is there once, those of others are not."""
    with process() as p:
        p.client.warnings = {"nodes": ("a store is gone",), "stamps": ("a store is gone", "b"),
                             "tasks": ("not read",)}  # fmt: skip

        p.snapshots.read(TASKS)

        assert ("a store is gone", "b") == p.snapshots.read(NODES).freshness.warnings


def test_only_so_many_readers_wait() -> None:
    """With every seat taken the next reader is told soon, or gets the answer before."""
    with process(seats=2) as p, ThreadPoolExecutor(2) as crowd:
        p.client.gate.clear()
        waiting = [crowd.submit(p.snapshots.read, NODES) for _ in range(2)]
        while not p.snapshots._bulkhead.full:
            threading.Event().wait(0.001)
        with pytest.raises(UpstreamUnavailable) as busy:
            p.snapshots.read(NODES)
        p.client.gate.set()

        assert "busy" == busy.value.reason
        assert [False, False] == [reader.result(10).freshness.stale for reader in waiting]
        assert 1 == p.client.count("evaluation")


def test_two_hundred_readers_at_the_end_of_a_window_make_one_fetch() -> None:
    """All are answered, whoever cannot wait with the answer before; Prometheus notices nothing."""
    with process() as p, ThreadPoolExecutor(200) as crowd:
        p.snapshots.read(TOTALS, NODES, TASKS)
        p.clock.now += 30
        p.client.asked.clear()
        start = threading.Barrier(200)

        def read() -> bool:
            start.wait(timeout=30)
            return p.snapshots.read(TOTALS, NODES, TASKS).freshness.stale

        asked = [crowd.submit(read) for _ in range(200)]

        assert {True, False} >= {reader.result(timeout=30) for reader in asked}
        assert not p.snapshots.read(TOTALS, NODES, TASKS).freshness.stale
        assert ["evaluation", "nodes", "stamps", "tasks", "totals"] == sorted(
            part for part, _, _ in p.client.asked
        )


def test_processes_read_each_part_once() -> None:
    """A process takes what another has read, with its replica and its warnings."""
    shared = Shared()
    with process(elsewhere=shared) as first, process(elsewhere=shared) as second:
        first.client.preferred = 1
        first.client.warnings["nodes"] = ("a store is gone",)
        theirs, ours = (p.snapshots.read(TOTALS, NODES, TASKS) for p in (first, second))

        assert [] == second.client.asked
        assert theirs.part(TOTALS) == ours.part(TOTALS)
        assert theirs.part(NODES) == ours.part(NODES)
        assert theirs.part(TASKS) == ours.part(TASKS)
        assert theirs.freshness == ours.freshness
        assert ("a store is gone",) == ours.freshness.warnings


def test_scopes_share_nothing_that_differs() -> None:
    """Another caller's tasks are not found under one's own."""
    shared = Shared()
    limits = [frozenset({"a"}), frozenset({"b"}), None]
    for namespaces in limits:
        with process(elsewhere=shared, namespaces=namespaces) as p:
            p.snapshots.read(TASKS)

            assert 1 == p.client.count("tasks")


def test_what_cannot_be_understood_is_read_again() -> None:
    """A value that another version left there is no value."""
    shared = Shared()
    with process(elsewhere=shared) as first:
        first.snapshots.read(NODES)
    shared.kept = dict.fromkeys(shared.kept, b"\xc1")
    with process(elsewhere=shared) as second:
        snapshot = second.snapshots.read(NODES)

        assert ["n"] == [node.name for node in snapshot.part(NODES)]
        assert 1 == second.client.count("nodes")


def test_a_new_process_serves_the_old_answer_of_its_neighbour() -> None:
    """While Prometheus is away it does not matter which process is asked."""
    shared = Shared()
    with process(elsewhere=shared) as first, process(elsewhere=shared) as second:
        first.snapshots.read(NODES, NOW)
        for p in (first, second):
            p.clock.now += 40
            p.client.broken["evaluation", 0] = p.client.broken["evaluation", 1] = "refused"
        theirs, ours = (p.snapshots.read(NODES, NOW) for p in (first, second))

        assert ours.freshness == theirs.freshness
        assert (True, 40.0) == (ours.freshness.stale, ours.freshness.age)
        assert theirs.part(NODES) == ours.part(NODES)
        with pytest.raises(UpstreamUnavailable):
            second.snapshots.read(TASKS)


def test_a_part_may_be_about_another() -> None:
    """It is asked when that is known, once, and not at all when there is nothing to ask about."""
    for found in ([NODE], []):
        shared = Shared()
        with process(elsewhere=shared) as first, process(elsewhere=shared) as second:
            for p in (first, second):
                p.client.prometheus.found |= {"nodes": found, "now": [NODE]}
            told = first.snapshots.read(ABOUT, NODES)
            first.clock.now = second.clock.now = 1040
            second.client.broken["evaluation", 0] = second.client.broken["evaluation", 1] = (
                "refused"
            )

            assert ("n",) * len(found) == told.part(ABOUT)
            assert len(found) == first.client.count("now")
            assert told.part(ABOUT) == second.snapshots.read(ABOUT, NODES).part(ABOUT)


@dataclass
class SlowlyShared(Shared):
    """What processes share, far away."""

    looked: int = 0

    def find(self, key: str) -> bytes | None:
        """Return what is kept, after most of the time that looking for all of it may take."""
        self.looked += 1
        threading.Event().wait(0.4)
        return super().find(key)


def test_a_reader_does_not_look_elsewhere_for_long() -> None:
    """Who has waited for Prometheus already waits half a second more for a slow Redis, not for
    each part and each window of it.
    """
    shared = SlowlyShared()
    with process(elsewhere=shared) as first, process(elsewhere=shared) as second:
        first.snapshots.read(NODES, TASKS, NOW)
        second.clock.now += 30
        second.client.broken["evaluation", 0] = "refused"

        with pytest.raises(UpstreamUnavailable, match="away"):
            second.snapshots.read(NODES, TASKS, NOW)

    assert 2 >= shared.looked


def test_a_neighbours_data_that_is_too_old_is_not_served() -> None:
    """What was refused there is refused here."""
    shared = Shared()
    with process(elsewhere=shared) as first, process(elsewhere=shared) as second:
        lost = fake.series("cluster:gpu_state_timestamp_seconds:min", 800, cluster="c")
        first.client.prometheus.found["stamps"] = [*fake.STAMPS, lost]
        with pytest.raises(NoData):
            first.snapshots.read(NODES)
        second.clock.now += 30
        second.client.broken["evaluation", 0] = "refused"

        with pytest.raises(UpstreamUnavailable, match="away"):
            second.snapshots.read(NODES)


def test_a_ready_answer_is_had_without_reading() -> None:
    """It is there once somebody made it, for as long as its window is; nothing is begun for it."""
    with process() as p:
        assert None is p.snapshots.ready("view", NODES)

        snapshot = p.snapshots.read(NODES)

        assert None is p.snapshots.ready("view", NODES)

        made = snapshot.answer("view", lambda _: b"answer")
        p.clock.now += 29.9
        ready = p.snapshots.ready("view", NODES)

        assert ready is not None
        assert made.prepared is ready.prepared
        assert pytest.approx(29.9) == ready.freshness.age

        p.clock.now += 0.1

        assert None is p.snapshots.ready("view", NODES)
        assert 1 == p.client.count(EVALUATION.name)
        p.snapshots.close()


def test_a_process_alone_finds_nothing_elsewhere() -> None:
    """Without other processes there is nobody to ask."""
    assert None is Source(Replicas(), Selection(())).find(NODES, 1000.0)
