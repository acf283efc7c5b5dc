"""Of several processes one looks, and the others take what it found."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from queryapi.cache.grid import Grid
from queryapi.cache.shared import SharedFlights
from queryapi.services.vitals.looks import Common, Look, Looks, scope_of
from queryapi.services.vitals.model import Finding, Round, Status
from queryapi.settings import Service, Settings
from queryapi.shared.choice import store_of
from queryapi.telemetry.metrics import Metrics
from tests.support.fake_prometheus import Clock
from tests.support.redis import redis_server
from tests.support.vitals import FakeExaminer

FINDING = Finding(
    service="a",
    status=Status.UNHEALTHY,
    cluster="c",
    response_time=0.1,
    numbers={"n": 1.5},
    error="no",
    checks=3,
    failures=1,
    last_success=900.0,
    uptime=5.0,
    data_source="s",
)


class Shelf:
    """Values of all processes, in a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def fetch(self, key: str, load: Callable[[], bytes], *, keep: float, patience: float) -> bytes:
        """Return what is kept, or else what *load* makes."""
        if key not in self.kept:
            self.kept[key] = load()
        return self.kept[key]

    def find(self, key: str) -> bytes | None:
        """Return what is kept."""
        return self.kept.get(key)


def process(shelf: Shelf, clock: Clock, scope: str = "s") -> tuple[Looks, FakeExaminer]:
    """Return one process, and who looks in it."""
    examiner = FakeExaminer(clock, FINDING)
    common = Common(shelf, Grid(4000, 0), scope, keep=5, patience=0.4)
    return Looks(examiner, clock, common), examiner


def test_one_process_looks_per_cell_and_the_others_have_all_that_it_found() -> None:
    """With the moment at which that one began."""
    shelf, clock = Shelf(), Clock(1000.5)
    (ours, we), (theirs, they) = process(shelf, clock), process(shelf, clock)
    first = ours.look(996.0)
    clock.now = 1003.0
    second = theirs.look(998.0)

    assert (
        first
        == second
        == Look(1000.5, Round(at=1000.5, findings=(FINDING,), events_per_second=12.5))
    )
    assert ([1000.5], []) == (we.looks, they.looks)

    clock.now = 1004.0
    theirs.look(999.0)

    assert ([1000.5], [1004.0]) == (we.looks, they.looks)


def test_who_wants_a_newer_one_than_the_others_have_looks_alone() -> None:
    """That is never another's that began before."""
    shelf, clock = Shelf(), Clock(1000.0)
    (ours, _), (theirs, they) = process(shelf, clock), process(shelf, clock)
    ours.look(0.0)
    clock.now = 1002.0

    assert 1002.0 == theirs.look(1001.0).began
    assert [1002.0] == they.looks


@pytest.mark.parametrize(("expected", "ahead"), [(1000.0, 0.9), (1000.0, 2.0)])
def test_a_look_of_the_future_is_of_now_or_none(expected: float, ahead: float) -> None:
    """Clocks of machines differ a little; by more than a second they are wrong."""
    shelf, clock = Shelf(), Clock(1000.0 + ahead)
    (ours, _), (theirs, they) = process(shelf, clock), process(shelf, clock)
    ours.look(0.0)
    clock.now = 1000.0

    assert expected == theirs.look(0.0).began
    assert ([] if ahead < 1 else [1000.0]) == they.looks


def test_what_is_damaged_is_looked_at_again() -> None:
    """As if it were not there."""
    shelf, clock = Shelf(), Clock(1000.0)
    (ours, _), (theirs, they) = process(shelf, clock), process(shelf, clock)
    ours.look(0.0)
    shelf.kept = dict.fromkeys(shelf.kept, b"\xc1")

    assert 1000.0 == theirs.look(0.0).began
    assert [1000.0] == they.looks


def test_a_look_that_takes_all_of_its_time_is_the_others_too(tmp_path: Path) -> None:
    """All begin together: with a service that hangs, none of them looks as well."""
    clock, deadline = Clock(1000.0), 0.4

    class Late(FakeExaminer):
        def examine(self) -> Round:
            # It ends when its time is up, and a moment later.
            threading.Event().wait(deadline + 0.03)
            return super().examine()

    with redis_server(tmp_path) as redis:
        metrics = Metrics("test")
        store = store_of(Settings(redis_url=redis.url), metrics)
        assert store is not None
        flights = SharedFlights(store, metrics.sharing.fetch, scope="s", hold=5)
        common = Common(flights, Grid(4000, 0), "s", keep=5, patience=deadline)
        examiners = [Late(clock, FINDING) for _ in range(2)]
        with ThreadPoolExecutor(2) as processes:
            found = list(processes.map(lambda e: Looks(e, clock, common).look(0.0), examiners))
        store.close()

    assert found[0] == found[1]
    assert 1 == sum(len(one.looks) for one in examiners)


def test_processes_that_look_at_something_else_share_nothing() -> None:
    """Their settings tell them apart."""
    shelf, clock = Shelf(), Clock(1000.0)
    other = scope_of(Settings(services=(Service("x", job="x"),)))
    (ours, _), (theirs, they) = process(shelf, clock), process(shelf, clock, other)
    ours.look(0.0)
    theirs.look(0.0)

    assert [1000.0] == they.looks
    assert other != scope_of(Settings())


def test_a_real_redis_carries_a_look(tmp_path: Path) -> None:
    """Every field of it."""
    clock = Clock(1000.0)
    with redis_server(tmp_path) as redis:
        settings = Settings(redis_url=redis.url)
        metrics = Metrics("test")
        store = store_of(settings, metrics)
        assert store is not None
        flights = SharedFlights(store, metrics.sharing.fetch, scope="s", hold=5)
        examiners = [FakeExaminer(clock, FINDING) for _ in range(2)]
        common = Common(flights, Grid(4000, 0), "s", keep=5, patience=5)
        looks = [Looks(one, clock, common).look(0.0) for one in examiners]
        store.close()

    assert looks[0] == looks[1]
    assert [1, 0] == [len(one.looks) for one in examiners]
    assert FINDING == msgspec.convert(msgspec.to_builtins(looks[1].found.findings[0]), Finding)
