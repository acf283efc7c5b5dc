"""What a number was before is read aside, for few periods, and left out when it is late."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from demo.processes import wait_for
from queryapi.errors import QueryRejected
from queryapi.promql import comparing
from queryapi.promql.client import PrometheusClient, Result
from queryapi.promql.connect import client_of
from queryapi.promql.values import Sample, Vector
from queryapi.services.vitals.comparing import Comparisons, Reader
from queryapi.services.vitals.pasts import ALWAYS, Field, Tracked
from queryapi.services.vitals.trend import Comparison, Pair, Side
from queryapi.settings import Cluster, Settings
from queryapi.telemetry.metrics import Metrics
from tests.support.fake_prometheus import Clock
from tests.support.prometheus import Prometheus

FULL = Pair(Side(12.0, 20), Side(10.0, 20))


@pytest.fixture(name="executor")
def _executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def samples(pair: Pair, **labels: str) -> Vector:
    """Return how Prometheus tells a pair."""
    return tuple(
        Sample({comparing.TOLD: f"{side} {what}", **labels}, (1000.0, value))
        for side, told in ((comparing.NOW, pair.now), (comparing.BEFORE, pair.before))
        for what, value in ((comparing.MEAN, told.mean), (comparing.SAMPLES, told.samples))
    )


class FakeClient:
    """Answers by a word of the question; those of `hung` when the gate opens."""

    def __init__(self, **found: Vector | Exception) -> None:
        self.found = found
        self.hung: set[str] = set()
        self.gate = threading.Event()
        self.asked: list[str] = []

    def instant(self, query: str, *, at: float, seconds: float | None = None) -> Result[Vector]:
        """Answer."""
        self.asked.append(query)
        word = next(word for word in self.found if word in query)
        if word in self.hung:
            assert self.gate.wait(timeout=30), "a test left the gate closed"
        found = self.found[word]
        if isinstance(found, Exception):
            raise found
        return Result(found, (), 0)


def test_the_question_holds_the_expression_now_and_a_period_before() -> None:
    """A comment at the end of what an operator wrote comments nothing else out."""
    query = comparing.compared("x # mine", 3600)

    assert query.startswith(
        'label_replace(avg_over_time((x # mine\n)[300s:15s]), "gpuscope_told", "now mean", "", "")'
    )
    assert 'count_over_time((x # mine\n)[300s:15s] offset 3600s), "gpuscope_told"' in query
    assert 3 == query.count(" or ")


def reading(client: FakeClient, executor: ThreadPoolExecutor, seconds: float = 30) -> Reader:
    """Return what reads the numbers good, bad, few and slow."""
    tracked = [Tracked(("s", word), "c", word) for word in client.found]
    return Reader(tracked, {"c": client}, executor, Clock(), seconds=seconds)


def test_what_cannot_be_compared_is_left_out(executor: ThreadPoolExecutor) -> None:
    """A refused question, and one with too few samples; the others are there."""
    few = Pair(Side(1, 20), Side(1, 15))
    client = FakeClient(good=samples(FULL), bad=QueryRejected("no"), few=samples(few))

    assert Comparison(1000.0, {("s", "good"): FULL}) == reading(client, executor).read(3600)


def test_what_is_late_is_left_out(executor: ThreadPoolExecutor) -> None:
    """It does not make the others late."""
    client = FakeClient(slow=samples(FULL), good=samples(FULL))
    client.hung = {"slow"}
    reader = reading(client, executor, 0.5)
    found = reader.read(3600)
    client.gate.set()

    assert {("s", "good")} == found.pairs.keys()


def test_a_service_whose_numbers_were_there_was_well(executor: ThreadPoolExecutor) -> None:
    """When all of them were; one without any was always well, as it answers this."""
    client = FakeClient(good=samples(FULL), bad=QueryRejected("no"))
    numbers = {word: ("s", word) for word in client.found}
    decided: dict[str, frozenset[Field]] = {
        "one": frozenset({numbers["good"]}),
        "all": frozenset(numbers.values()),
        "itself": frozenset(),
    }
    tracked = [Tracked(field, "c", word) for word, field in numbers.items()]
    reader = Reader(tracked, {"c": client}, executor, Clock(), decided=decided)

    assert {"one": ALWAYS, "itself": ALWAYS} == reader.read(3600).active


class Asked:
    """Counts what is read; holds it up while the gate is closed."""

    def __init__(self) -> None:
        self.periods: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, period: int) -> Comparison:
        """Read."""
        self.periods.append(period)
        assert self.gate.wait(timeout=30), "a test left the gate closed"
        return Comparison(float(len(self.periods)))


def test_a_comparison_is_read_once_for_all_and_again_after_a_while(
    executor: ThreadPoolExecutor,
) -> None:
    """Ten seconds; meanwhile the last one is told, until it is too old."""
    asked, clock = Asked(), Clock()
    comparisons = Comparisons(asked, executor, patience=20, monotonic=clock)

    assert [Comparison(1.0)] * 5 == [comparisons.begin(60)() for _ in range(5)]
    asked.gate.clear()
    clock.now += 10
    told = comparisons.begin(60)()
    clock.now += 6
    old = comparisons.begin(60)()
    asked.gate.set()

    assert Comparison(1.0) == told
    assert None is old
    wait_for(lambda: comparisons.begin(60)() is not None, seconds=60, what="the second one")
    assert [60, 60] == asked.periods


def test_one_that_is_not_there_in_time_is_left_out(executor: ThreadPoolExecutor) -> None:
    """It is there for those who ask next."""
    asked = Asked()
    asked.gate.clear()
    comparisons = Comparisons(asked, executor, patience=0.01)

    assert None is comparisons.begin(60)()
    asked.gate.set()
    wait_for(lambda: comparisons.begin(60)() is not None, seconds=60, what="the comparison")
    assert [60] == asked.periods


def test_there_are_eight_periods_at_a_time(executor: ThreadPoolExecutor) -> None:
    """A ninth one is left out until one of the eight was not asked for in a minute."""
    asked, clock = Asked(), Clock()
    comparisons = Comparisons(asked, executor, patience=20, monotonic=clock)
    for period in range(8):
        assert comparisons.begin(period)()

    assert None is comparisons.begin(99)()

    clock.now += 60
    assert comparisons.begin(1)()
    for period in range(101, 108):
        assert comparisons.begin(period)()
    assert None is comparisons.begin(108)()
    assert comparisons.begin(1)()


def test_a_real_prometheus_understands_the_question(fleet: Prometheus) -> None:
    """And answers with both sides' numbers, as far as it has them."""
    cluster = Cluster("prod-cluster", fleet.url)
    metrics = Metrics("test")
    with (
        closing(client_of(cluster, Settings(clusters=(cluster,)), metrics.querying)) as client,
        ThreadPoolExecutor(1) as executor,
    ):
        number = Tracked((None, "x"), "prod-cluster", "sum(up) # all")

        def read() -> Pair:
            return number.read(_asked(client, number.query(60))).numbers.get(number.field, Pair())

        wait_for(lambda: read().now.samples > 0, seconds=60, what="samples of the newest window")
        reader = Reader(
            (Tracked((None, "x"), "prod-cluster", "no(promql"),),
            {"prod-cluster": client},
            executor,
            Clock(),
        )

        # A scrape that a busy machine missed is a target down.
        assert 0 < read().now.mean <= 1
        assert {} == reader.read(60).pairs


def _asked(client: PrometheusClient, query: str) -> Vector:
    return client.instant(query, at=time.time()).value
