"""Threads that wait for the disk wait together, and each gets the outcome of its own."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from demo.processes import wait_for
from queryapi.errors import Overloaded, StoreUnavailable
from queryapi.services.jobs.ingesting.committer import Committer

PATIENCE = 60.0


def _committer(
    settle: Callable[[Sequence[int]], Sequence[int | Exception]],
    settled: Callable[[Sequence[int | Exception]], None] = lambda _: None,
    *,
    room: int = 2000,
) -> Committer[int, int]:
    return Committer(settle, settled, lambda _: 1, room=room)


class _Gate:
    """Stores nothing until it is opened; notes what is taken together."""

    def __init__(self) -> None:
        self.open, self.taken = threading.Event(), list[int]()

    def settle(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.taken.append(len(items))
        assert self.open.wait(PATIENCE)
        return [ValueError(str(it)) if it < 0 else it * 2 for it in items]


def test_what_gathers_while_others_are_stored_is_stored_together() -> None:
    """The first waits for nobody, all others for one more turn; each gets what is its own."""
    gate = _Gate()
    with closing(_committer(gate.settle)) as committer, ThreadPoolExecutor(20) as crowd:
        first = crowd.submit(committer.submit, 1)
        wait_for(lambda: bool(gate.taken), seconds=PATIENCE, what="the first")
        others = [crowd.submit(committer.submit, number) for number in range(-1, 10)]
        wait_for(lambda: 11 == len(committer._here.waiting), seconds=PATIENCE, what="the others")
        gate.open.set()

        assert 2 == first.result()
        with pytest.raises(ValueError, match="-1"):
            others[0].result()
        assert [number * 2 for number in range(10)] == [it.result() for it in others[1:]]
    assert [1, 11] == gate.taken


def test_beyond_its_room_nobody_waits() -> None:
    """They are told to come again; those who wait already are stored, also when it is closed."""
    gate = _Gate()
    committer = _committer(gate.settle, room=2)
    with ThreadPoolExecutor(4) as crowd:
        waiting = [crowd.submit(committer.submit, 1)]
        wait_for(lambda: bool(gate.taken), seconds=PATIENCE, what="the first")
        waiting += [crowd.submit(committer.submit, number) for number in (2, 3)]
        wait_for(lambda: 2 == len(committer._here.waiting), seconds=PATIENCE, what="the others")
        with pytest.raises(Overloaded):
            committer.submit(4)

        closed = crowd.submit(committer.close)
        with pytest.raises(TimeoutError):
            closed.result(0.05)
        gate.open.set()
        closed.result()
        assert [2, 4, 6] == [it.result() for it in waiting]
    with pytest.raises(StoreUnavailable):
        committer.submit(5)


def test_no_outcome_is_lost_to_what_comes_after_it() -> None:
    """Who announces may fail, and so may what stores: nobody waits for ever."""

    def settle(items: Sequence[int]) -> Sequence[int | Exception]:
        if items[0] == 0:
            raise ZeroDivisionError
        return list(items)

    def settled(_: Sequence[int | Exception]) -> None:
        raise OSError

    with closing(_committer(settle, settled)) as committer:
        assert 1 == committer.submit(1)
        with pytest.raises(ZeroDivisionError):
            committer.submit(0)
        assert 2 == committer.submit(2)


def test_a_process_that_was_forked_off_has_a_thread_of_its_own() -> None:
    """Whoever serves may have been forked from one that has submitted."""
    with closing(_committer(list)) as committer:
        assert 1 == committer.submit(1)
        child = os.fork()
        if not child:
            try:
                os._exit(committer.submit(7))
            finally:
                os._exit(1)
        assert 7 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert 2 == committer.submit(2)


def test_a_thread_that_cannot_be_started_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the system gives no more threads a caller is told so, and the next one tries anew."""
    began = threading.Thread.start

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with closing(_committer(lambda items: items)) as committer:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Overloaded):
            committer.submit(1)
        monkeypatch.setattr(threading.Thread, "start", began)

        assert 2 == committer.submit(2)


def test_while_nothing_can_be_stored_one_thread_waits() -> None:
    """Who waits when that is found out is told so, and so is who comes: one at a time tries."""
    gate = _Gate()

    def fail(items: Sequence[int]) -> Sequence[int | Exception]:
        gate.settle(items)
        return [StoreUnavailable("busy", retry_after=7) if it < 10 else it for it in items]

    with closing(_committer(fail)) as committer, ThreadPoolExecutor(9) as crowd:
        waiting = [crowd.submit(committer.submit, 1)]
        wait_for(lambda: [1] == gate.taken, seconds=PATIENCE, what="the first")
        waiting += [crowd.submit(committer.submit, number) for number in range(2, 6)]
        wait_for(lambda: 4 == len(committer._here.waiting), seconds=PATIENCE, what="the others")
        gate.open.set()
        told = [each.exception(PATIENCE) for each in waiting]

        assert [1] == gate.taken
        assert {("busy", 7)} == {(str(it), it.retry_after) for it in told}  # type: ignore[union-attr]

        gate.open.clear()
        trying = crowd.submit(committer.submit, 10)
        wait_for(lambda: [1, 1] == gate.taken, seconds=PATIENCE, what="another try")
        with pytest.raises(StoreUnavailable, match="busy"):
            committer.submit(11)
        gate.open.set()

        assert 10 == trying.result(PATIENCE)
        assert 11 == committer.submit(11)


def test_who_was_stored_finds_no_trouble_any_more() -> None:
    """Whoever says the next thing at once is not told of an outage that is over."""

    class Slow(Committer[int, int]):
        def _note(self, *arguments: Any) -> None:
            time.sleep(0.05)
            super()._note(*arguments)

    def settle(items: Sequence[int]) -> Sequence[int | Exception]:
        return [StoreUnavailable("away") if it < 0 else it for it in items]

    with closing(Slow(settle, lambda _: None, lambda _: 1)) as committer:
        with pytest.raises(StoreUnavailable):
            committer.submit(-1)
        time.sleep(0.1)
        assert [1, 2] == [committer.submit(1), committer.submit(2)]
