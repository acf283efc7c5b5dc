"""Histories are asked for once, kept for a while, and never in everybody's way."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from queryapi.cache.bulkhead import Seats
from queryapi.errors import ClusterNotFound, QueryRejected, UpstreamUnavailable
from queryapi.promql.client import Result
from queryapi.promql.selection import Selection
from queryapi.promql.values import Matrix, Series
from queryapi.services.pools.planning import histories
from queryapi.services.pools.planning.chosen import Chosen
from queryapi.services.pools.planning.histories import Asked, Histories, Past, Terms
from queryapi.services.pools.planning.spans import Span
from tests.support.fake_prometheus import Clock

NOW = 1_766_153_110.0
END = 1_766_153_100
CHOSEN = Chosen("c", (("pool", ("research",)),))
SPAN = Span(600, 300)
ASKED = Asked("research", CHOSEN, SPAN)
DOWN = UpstreamUnavailable("Prometheus cannot be asked: refused", reason="refused")


class Remembering:
    """A Prometheus that tells of one cluster without nodes; `answers` are what it does instead."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: list[Exception] = []
        self.warnings: tuple[str, ...] = ()
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Semaphore(0)
        self.took: Callable[[], object] = lambda: None

    def range(
        self, query: str, *, start: float, end: float, step: float, seconds: float | None = None
    ) -> Result[Matrix]:
        """Answer that the cluster was known all the time."""
        self.asked.append(
            {"query": query, "start": start, "end": end, "step": step, "seconds": seconds}
        )
        self.waiting.release()
        assert self.gate.wait(30), "a test left the gate closed"
        self.took()
        if self.answers:
            raise self.answers.pop(0)
        points = tuple((at, 0.0) for at in range(int(start), int(end) + 1, int(step)))
        known = Series({"__name__": "cluster:pool_nodes:count"}, points)
        return Result((known,), self.warnings, 0)


class Scene:
    """The histories of one cluster, or of two with the same memory."""

    def __init__(self, *, house: Seats | None = None) -> None:
        self.prometheus, self.clock = Remembering(), Clock(NOW)
        past = Past(self.prometheus, Selection.of({"cluster": "c"}))
        self.histories = Histories(
            {"c": past, "d": past}, Terms(4.5, 60, 150), house=house, clock=self.clock
        )

    def told(self, asked: Asked = ASKED) -> dict[str, Any]:
        """Return a history as it is sent."""
        found: dict[str, Any] = json.loads(self.histories.answer(asked).prepared.body)
        return found


@pytest.fixture(name="scene")
def _scene() -> Scene:
    return Scene()


def beside(count: int, work: Callable[[int], object]) -> ThreadPoolExecutor:
    """Begin some work in threads of its own."""
    executor = ThreadPoolExecutor(count)
    for number in range(count):
        executor.submit(work, number)
    return executor


def test_one_question_tells_a_history(scene: Scene) -> None:
    """Of the grid that everybody has, within the time that a request has."""
    told = scene.told()

    [asked] = scene.prometheus.asked
    assert (END - 600, END, 300, 4.5) == tuple(
        asked[key] for key in ("start", "end", "step", "seconds")
    )
    assert ("2025-12-19T13:55:00Z", "2025-12-19T14:05:00Z") == (told["start"], told["end"])
    assert [0, 0, 0] == [point["gpus"] for point in told["points"]]
    assert "stale" not in told


def test_an_answer_is_kept_for_a_minute(scene: Scene) -> None:
    """And tells how old it is; then it is asked for again, though its end is the same."""
    first = scene.histories.answer(ASKED)
    scene.clock.now += 50
    again = scene.histories.answer(ASKED)

    assert 1 == len(scene.prometheus.asked)
    assert first.prepared == again.prepared
    assert (END, 50, 60, False) == (
        again.freshness.at, again.freshness.age, again.freshness.lifetime, again.freshness.stale
    )  # fmt: skip

    scene.clock.now += 60
    scene.histories.answer(ASKED)
    assert [END, END] == [asked["end"] for asked in scene.prometheus.asked]


def test_another_question_has_another_answer(scene: Scene) -> None:
    """Of other nodes, of another span, or as another caller sees it."""
    for asked in (
        ASKED,
        ASKED._replace(span=Span(900, 300)),
        ASKED._replace(chosen=CHOSEN._replace(own=(("zone", ("a",)),))),
        ASKED._replace(limited=True),
        ASKED._replace(pool_id="pool-2"),
    ):
        scene.told(asked)

    assert 5 == len(scene.prometheus.asked)


def test_who_asks_at_the_same_time_waits_for_one_answer(scene: Scene) -> None:
    """However many want it."""
    scene.prometheus.gate.clear()
    told: list[dict[str, Any]] = []
    with beside(4, lambda _: told.append(scene.told())):
        assert scene.prometheus.waiting.acquire(timeout=30)
        scene.prometheus.gate.set()

    assert 4 == len(told)
    assert all(each == told[0] for each in told)
    assert 1 == len(scene.prometheus.asked)


def test_four_at_a_time_wait_for_a_cluster() -> None:
    """The fifth is told to come again, seats of others stay free, another cluster answers."""
    house = Seats(6)
    scene = Scene(house=house)
    scene.prometheus.gate.clear()
    different = [ASKED._replace(pool_id=str(number)) for number in range(4)]
    with beside(4, lambda number: scene.told(different[number])):
        for _ in different:
            assert scene.prometheus.waiting.acquire(timeout=30)
        with pytest.raises(UpstreamUnavailable, match="Too many requests wait") as refused:
            scene.told()
        assert not house.full
        elsewhere = ASKED._replace(chosen=CHOSEN._replace(cluster="d"))
        with beside(1, lambda _: scene.told(elsewhere)):
            assert scene.prometheus.waiting.acquire(timeout=30)
            scene.prometheus.gate.set()

    assert "busy" == refused.value.reason
    assert [True] * 6 == [house.take() for _ in range(6)]


def test_eight_at_a_time_have_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four are answered and four wait for that; the others, and their threads, are let go."""
    monkeypatch.setattr(histories, "_STANDING_SECONDS", 60)
    scene = Scene()
    scene.prometheus.gate.clear()
    refused, told = threading.Semaphore(0), []

    def ask(number: int) -> None:
        try:
            told.append(scene.told(ASKED._replace(pool_id=str(number))))
        except UpstreamUnavailable:
            refused.release()

    with beside(12, ask):
        let_go = [refused.acquire(timeout=20) for _ in range(4)]
        scene.prometheus.gate.set()

    assert [True] * 4 == let_go
    assert 8 == len(told)


def test_an_old_answer_stands_in_for_a_minute(scene: Scene) -> None:
    """Marked, with its own end; a minute later there is none to be told."""
    fresh = scene.told()
    scene.prometheus.answers = [DOWN, DOWN]
    scene.clock.now += 60

    old = scene.histories.answer(ASKED)
    assert {**fresh, "stale": True} == json.loads(old.prepared.body)
    assert (END, 60, True) == (old.freshness.at, old.freshness.age, old.freshness.stale)

    scene.clock.now += 0.1
    with pytest.raises(UpstreamUnavailable, match="refused"):
        scene.told()
    assert 2 == len(scene.prometheus.asked)


@pytest.mark.parametrize(
    ("took", "rest"), [(0.0, 1.0), (4.5, 9.0), (60.0, 30.0)], ids=["refused", "slow", "very slow"]
)
def test_who_asks_again_at_once_is_told_what_came_of_it(
    scene: Scene, took: float, rest: float
) -> None:
    """A question that fails rests for twice as long as it took; others are asked meanwhile."""
    scene.prometheus.answers = [QueryRejected("too many samples")]

    def wait() -> None:
        scene.clock.now += took if scene.prometheus.answers else 0

    scene.prometheus.took = wait
    for _ in range(100):
        with pytest.raises(QueryRejected, match="too many samples"):
            scene.told()
    assert 1 == len(scene.prometheus.asked)

    scene.clock.now += rest - 0.1
    with pytest.raises(QueryRejected):
        scene.told()
    scene.told(ASKED._replace(span=Span(900, 300)))
    assert 2 == len(scene.prometheus.asked)

    scene.clock.now += rest
    scene.told()
    assert 3 == len(scene.prometheus.asked)


def test_a_clock_that_is_set_back_keeps_no_question_at_rest(scene: Scene) -> None:
    """It would rest for an hour."""
    scene.prometheus.answers = [DOWN]
    with pytest.raises(UpstreamUnavailable):
        scene.told()
    scene.clock.now -= 3600

    scene.told()
    assert 2 == len(scene.prometheus.asked)


def test_what_cannot_be_read_is_not_made_up(scene: Scene) -> None:
    """No zeros; and what failed is asked for again a second later."""
    scene.prometheus.answers = [DOWN]
    with pytest.raises(UpstreamUnavailable):
        scene.told()
    scene.clock.now += 1

    assert 0 == scene.told()["points"][0]["gpus"]


def test_a_defect_of_ours_is_told_as_one(scene: Scene) -> None:
    """What Prometheus refuses to answer is not called unavailable."""
    scene.prometheus.answers = [QueryRejected("parse error")]
    with pytest.raises(QueryRejected):
        scene.told()


def test_warnings_are_passed_on(scene: Scene) -> None:
    """Whatever Prometheus says may be missing, with every answer made of it."""
    scene.prometheus.warnings = ("partial",)
    scene.told()
    assert ("partial",) == scene.histories.answer(ASKED).freshness.warnings


def test_no_question_is_longer_than_a_book(scene: Scene) -> None:
    """Whoever registers thousands of pools with long selectors does not fill the memory."""
    others = tuple((("zone", (f"{number:0253}",) * 32),) for number in range(33))
    long = ASKED._replace(chosen=CHOSEN._replace(others=others))

    with pytest.raises(UpstreamUnavailable, match="too long for a question"):
        scene.told(long)
    scene.told(long._replace(chosen=CHOSEN._replace(others=others[:32])))
    assert 1 == len(scene.prometheus.asked)


def test_nobody_remembers_a_cluster_that_is_not_configured(scene: Scene) -> None:
    """As every other route says it."""
    with pytest.raises(ClusterNotFound):
        scene.told(ASKED._replace(chosen=CHOSEN._replace(cluster="nowhere")))


def test_a_limited_caller_asks_for_nobodys_work(scene: Scene) -> None:
    """The limit stands in the question."""
    scene.told(ASKED._replace(limited=True))

    query = scene.prometheus.asked[0]["query"]
    assert "pool:gpu_allocatable:sum" in query
    assert "allocated" not in query
    assert "utilization" not in query


def test_memory_is_bounded(scene: Scene) -> None:
    """Whoever asks many large questions makes the service forget the first of them."""
    large = [ASKED._replace(span=Span(15 * 1999, 15), pool_id=str(n)) for n in range(50)]
    for asked in (*large, large[-1], large[0]):
        scene.told(asked)

    assert [asked["end"] for asked in scene.prometheus.asked] == [END] * 51
