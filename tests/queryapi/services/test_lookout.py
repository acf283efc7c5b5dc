"""A question that may hang is asked behind the backs of those who want its answer."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.processes import wait_for
from queryapi.cache.bulkhead import Seats
from queryapi.services.lookout import Lookout
from tests.support.fake_prometheus import Clock


class Question:
    """Counts how often it was asked; answers that number once its gate is open."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> int:
        """Answer."""
        self.asked += 1
        assert self.gate.wait(timeout=30), "a test left the gate closed"
        return self.asked


@pytest.fixture(name="executor")
def _executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def looked(lookout: Lookout[int]) -> int | None:
    """Look, and return what is known."""
    lookout.look()
    return lookout.tell()


def test_the_answer_of_a_quick_question_is_current(executor: ThreadPoolExecutor) -> None:
    """Whoever looks first waits for it, and so does the next one a while later."""
    clock, question = Clock(), Question()
    lookout = Lookout(question, executor, monotonic=clock)

    assert 1 == looked(lookout)

    clock.now += 1

    assert 2 == looked(lookout)


def test_nothing_is_known_before_anybody_looked(executor: ThreadPoolExecutor) -> None:
    """Nothing is asked either."""
    question = Question()

    assert None is Lookout(question, executor).tell()
    assert 0 == question.asked


def test_a_question_is_asked_once_a_second(executor: ThreadPoolExecutor) -> None:
    """However many look."""
    question = Question()
    lookout = Lookout(question, executor, monotonic=Clock())

    assert [1] * 5 == [looked(lookout) for _ in range(5)]
    assert 1 == question.asked


def test_a_question_that_hangs_is_asked_once_and_waited_for_once(
    executor: ThreadPoolExecutor,
) -> None:
    """The first caller waits for a second in vain; the others do not wait at all."""
    question = Question()
    question.gate.clear()
    lookout = Lookout(question, executor)
    first = looked(lookout)
    started = time.monotonic()
    others = [looked(lookout) for _ in range(50)]
    took = time.monotonic() - started
    question.gate.set()

    assert [None] * 51 == [first, *others]
    # Fifty pauses of a fifth of a second would be ten.
    assert took < 5
    assert 1 == question.asked


def test_who_finds_no_seat_does_not_wait(executor: ThreadPoolExecutor) -> None:
    """Where every thread may wait already, one that asks how things are is told what is known."""
    question, seats = Question(), Seats(1)
    lookout = Lookout(question, executor, seats=seats, monotonic=Clock())
    question.gate.clear()
    assert seats.take()
    began = time.monotonic()

    assert [None] * 20 == [looked(lookout) for _ in range(20)]
    # On a clock that stands still each of them would have waited for a second.
    assert time.monotonic() - began < 10

    seats.give_back()
    question.gate.set()
    assert 1 == looked(lookout)
    assert not seats.full


def test_while_a_question_hangs_the_last_answer_is_told(executor: ThreadPoolExecutor) -> None:
    """For as long as it says something of now; then nothing is known."""
    clock, question = Clock(), Question()
    lookout = Lookout(question, executor, monotonic=clock)
    looked(lookout)
    question.gate.clear()
    clock.now += 2
    hanging = looked(lookout)
    clock.now += 14
    old = looked(lookout)
    question.gate.set()

    assert 1 == hanging
    assert None is old
    wait_for(lambda: lookout.tell() == 2, seconds=60, what="the second answer")


def test_an_error_reaches_everybody_who_looks(executor: ThreadPoolExecutor) -> None:
    """A defect does not hide behind an old answer; the next look asks anew."""
    clock, broken = Clock(), [True]

    def ask() -> int:
        if broken:
            raise ZeroDivisionError(broken.pop())
        return 7

    lookout = Lookout(ask, executor, monotonic=clock)
    _raises(lambda: looked(lookout))
    _raises(lookout.tell)
    clock.now += 1

    assert 7 == looked(lookout)


def _raises(call: Callable[[], object]) -> None:
    with pytest.raises(ZeroDivisionError):
        call()
