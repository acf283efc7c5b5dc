"""The newest look is kept warm while somebody asks, shared by all who wait, and never passed off.

The thread that looks goes by a clock that the tests set, and waits by looking at it often.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from demo.processes import wait_for
from queryapi.cache.bulkhead import Bulkhead
from queryapi.cache.grid import Grid
from queryapi.cache.memo import Answers
from queryapi.errors import UpstreamUnavailable
from queryapi.services.vitals.keeper import Keeper, Kept, Terms
from queryapi.services.vitals.looks import Looks
from queryapi.services.vitals.pace import Pace
from tests.support.fake_prometheus import Clock
from tests.support.vitals import FakeExaminer

# A test whose look is held up waits no longer than it must; one that is not has all the time.
SHORT, LONG = 0.05, 20.0


def often(changed: threading.Condition, seconds: float) -> None:
    """Wait, but not for long: the clock that tells the time is set by the test."""
    changed.wait(min(seconds, 0.002))


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture(name="examiner")
def _examiner(clock: Clock) -> FakeExaminer:
    return FakeExaminer(clock)


Make = Callable[..., Keeper]


@pytest.fixture(name="make")
def _make(clock: Clock, examiner: FakeExaminer) -> Iterator[Make]:
    made: list[Keeper] = []

    def make(
        *,
        deadline: float = LONG,
        bulkhead: Bulkhead | None = None,
        clock: Callable[[], float] = clock,
    ) -> Keeper:
        terms = Terms(Pace(5, Grid(4000, 0)), deadline, stale=60)
        look = Looks(examiner, clock).look
        made.append(Keeper(look, terms, Answers(), bulkhead=bulkhead, clock=clock, wait=often))
        return made[-1]

    yield make
    examiner.gate.set()
    for keeper in made:
        keeper.close()


def looked(examiner: FakeExaminer, count: int) -> None:
    """Wait for the look of that number to begin."""
    wait_for(lambda: len(examiner.looks) >= count, seconds=60, what=f"look {count}", every=0.002)


def began(kept: Kept | None) -> float | None:
    """Return when a look began."""
    return None if kept is None else kept.look.began


def test_nobody_looks_before_somebody_asks(make: Make, examiner: FakeExaminer) -> None:
    """No thread is there before; the first one who asks waits for the first look."""
    before = threading.active_count()
    keeper = make()

    assert before == threading.active_count()
    assert [] == examiner.looks
    assert 1000.0 == began(keeper.fresh())
    assert [1000.0] == examiner.looks


def test_a_look_is_served_until_it_is_old(make: Make, examiner: FakeExaminer, clock: Clock) -> None:
    """Without another look, and without waiting; then whoever asks waits for a new one."""
    keeper = make()
    keeper.fresh()
    examiner.gate.clear()
    clock.now = 1004.9

    assert 1000.0 == began(keeper.newest()) == began(keeper.fresh())

    clock.now = 1005.0

    assert None is keeper.newest()
    with ThreadPoolExecutor(1) as asker:
        waiting = asker.submit(keeper.fresh)
        looked(examiner, 2)
        assert not waiting.done()
        examiner.gate.set()
        assert began(waiting.result(timeout=30)) in examiner.looks[1:]


def test_while_somebody_asks_looks_go_on_behind_their_backs(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """One per cell; nobody waits for them."""
    keeper = make()
    keeper.fresh()
    for cell in (1004.0, 1008.0, 1012.0):
        clock.now = cell
        looked(examiner, round((cell - 1000) / 4) + 1)
        wait_for(lambda: began(keeper.newest()) == clock.now, seconds=60, what="it", every=0.002)

    assert [1000.0, 1004.0, 1008.0, 1012.0] == examiner.looks


def test_a_minute_after_the_last_one_asked_looks_end(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """With the thread that took them; the next one who asks begins anew."""
    before = threading.active_count()
    keeper = make()
    keeper.fresh()
    clock.now = 1060.0
    wait_for(lambda: threading.active_count() == before, seconds=60, what="the thread's end")

    assert [1000.0] == examiner.looks
    assert 1060.0 == began(keeper.fresh())


def test_a_look_that_lands_while_somebody_comes_is_theirs(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """They neither wait for the next one nor have it begun, though it was not there at first."""
    before = threading.active_count()
    coming: list[threading.Thread] = []

    def slow() -> float:
        """Tell a time at which nobody had looked, late: another one's look has landed since."""
        at = clock()
        if threading.current_thread() in coming:
            coming.clear()
            clock.now += 1
            with ThreadPoolExecutor(1) as other:
                other.submit(keeper.fresh).result(timeout=30)
        return at

    keeper = make(bulkhead=Bulkhead(seats=0), clock=slow)
    coming.append(threading.current_thread())

    assert 1001.0 == began(keeper.fresh())
    clock.now = 1061.0
    wait_for(lambda: threading.active_count() == before, seconds=60, what="the thread's end")
    assert [1001.0] == examiner.looks


def test_fifty_callers_share_one_look(make: Make, examiner: FakeExaminer) -> None:
    """Who comes while it is under way waits for that one."""
    keeper = make()
    examiner.gate.clear()
    with ThreadPoolExecutor(50) as askers:
        waiting = [askers.submit(keeper.fresh) for _ in range(50)]
        looked(examiner, 1)
        examiner.gate.set()
        found = {began(one.result(timeout=30)) for one in waiting}

    assert {1000.0} == found
    assert [1000.0] == examiner.looks


def test_a_fresher_look_is_shared_and_begins_no_sooner_than_in_a_second(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """However many ask for it; one that is fresh enough is given at once."""
    seats = Bulkhead(seats=20)
    keeper = make(bulkhead=seats)
    keeper.fresh()
    clock.now = 1000.5

    assert 1000.0 == began(keeper.newest(0.5)) == began(keeper.fresh(0.5))
    assert None is keeper.newest(0.4)

    with ThreadPoolExecutor(20) as askers:
        waiting = [askers.submit(keeper.fresh, 0.0) for _ in range(20)]
        wait_for(lambda: seats.full, seconds=60, what="all of them waiting", every=0.002)
        assert [1000.0] == examiner.looks
        clock.now = 1001.0
        found = {began(one.result(timeout=30)) for one in waiting}

    assert {1001.0} == found
    assert [1000.0, 1001.0] == examiner.looks


def test_who_asks_for_a_fresher_look_is_not_given_one_that_began_before(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """The one under way is for those who came before it."""
    seats = Bulkhead(seats=1)
    keeper = make(bulkhead=seats)
    examiner.gate.clear()
    with ThreadPoolExecutor(2) as askers:
        first = askers.submit(keeper.fresh)
        looked(examiner, 1)
        clock.now = 1000.5
        second = askers.submit(keeper.fresh, 0.1)
        wait_for(lambda: seats.full, seconds=60, what="somebody waiting", every=0.002)
        clock.now = 1001.0
        examiner.gate.set()

        assert 1001.0 == began(second.result(timeout=30))
        assert began(first.result(timeout=30)) in examiner.looks
    assert [1000.0, 1001.0] == examiner.looks


def test_when_too_many_wait_for_a_fresher_look_the_others_have_the_newest(
    make: Make, clock: Clock
) -> None:
    """No crowd of them holds every thread: what they get says how old it is."""
    keeper = make(bulkhead=Bulkhead(seats=0))
    keeper.fresh()
    clock.now = 1000.5

    assert 1000.0 == began(keeper.fresh(0.0))


def test_a_look_that_is_late_is_waited_for_once(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """Then everybody is told at once that there is nothing, or has what may be served in need."""
    keeper = make(deadline=SHORT)
    keeper.fresh()
    clock.now = 1010.0
    examiner.gate.clear()
    late = keeper.fresh()

    assert [1000.0] * 20 == [began(late)] + [began(keeper.fresh()) for _ in range(19)]
    assert 10 == keeper.age(late)
    assert [1000.0, 1010.0] == examiner.looks

    clock.now = 1061.0
    with pytest.raises(UpstreamUnavailable, match="in time"):
        keeper.fresh()


def test_a_look_that_fails_is_no_look(
    make: Make, examiner: FakeExaminer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is served for it, the log says why, and the next one may do better."""
    keeper = make()
    examiner.broken = ZeroDivisionError("the inside of things")
    with pytest.raises(UpstreamUnavailable):
        keeper.fresh()

    assert "the inside of things" in caplog.text
    examiner.broken = None
    clock.now = 1001.0

    assert 1001.0 == began(keeper.fresh())


def test_a_clock_that_is_set_back_does_not_make_a_look_new_for_ever(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """A look of the future is none."""
    keeper = make()
    keeper.fresh()
    clock.now = 400.0

    assert None is keeper.newest()
    assert 400.0 == began(keeper.fresh())


def test_a_clock_that_is_set_back_does_not_have_looks_go_on_for_nobody(
    make: Make, examiner: FakeExaminer, clock: Clock
) -> None:
    """They end a minute later, and not when the clock is again where it was."""
    before = threading.active_count()
    keeper = make()
    keeper.fresh()
    clock.now = 400.0
    looked(examiner, 2)
    clock.now = 460.0
    wait_for(lambda: threading.active_count() == before, seconds=60, what="the thread's end")

    assert [1000.0, 400.0] == examiner.looks[:2]


def test_a_look_that_is_new_is_served_however_soon_others_are_too_old(
    examiner: FakeExaminer, clock: Clock
) -> None:
    """Looks may be further apart than what answers may be old elsewhere."""
    terms = Terms(Pace(120, Grid(120_000, 0)), SHORT, stale=60)
    with closing(Keeper(Looks(examiner, clock).look, terms, Answers(), clock=clock)) as keeper:
        keeper.fresh()
        clock.now = 1070.0

        assert 1000.0 == began(keeper.newest()) == began(keeper.fresh())


def test_the_end_does_not_wait_for_a_look(make: Make, examiner: FakeExaminer) -> None:
    """Nor does anybody else then; nobody looks again."""
    before = threading.active_count()
    with closing(make()) as keeper:
        keeper.fresh()

    assert before == threading.active_count()
    assert 1000.0 == began(keeper.fresh())
    keeper.close()
    assert [1000.0] == examiner.looks


def test_what_was_made_of_a_look_ends_with_it(make: Make, clock: Clock) -> None:
    """Each is made once per look."""
    keeper = make()
    first = keeper.fresh()
    clock.now = 1010.0
    second = keeper.fresh()

    assert first.answers is not second.answers
