"""A window's parts belong together, are fetched once, and have bounded lives."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from queryapi.cache.grid import Grid
from queryapi.cache.memo import Answers
from queryapi.cache.prepared import prepare
from queryapi.cache.windows import Key, Window, Windows
from tests.support.fake_prometheus import Clock

LEAD: Key[str] = Key("lead")
OTHER: Key[str] = Key("other")


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(1000.0)


# Cells begin at 1000 - 30 k.
GRID = Grid(period=30_000, phase=10_000)


@pytest.fixture(name="answers")
def _answers() -> Answers:
    return Answers()


@pytest.fixture(name="windows")
def _windows(clock: Clock, answers: Answers) -> Iterator[Windows]:
    with ThreadPoolExecutor(4) as executor:
        yield Windows([LEAD], grid=GRID, stale=60, clock=clock, executor=executor, answers=answers)


def hold(windows: Windows, window: Window, key: Key[str], value: str) -> None:
    """Fetch a part and wait for it."""
    future, _ = windows.fetch(window, key, lambda: value)
    assert value == future.result(timeout=10)


def fail(windows: Windows, window: Window, key: Key[str]) -> str:
    """Fetch a part that fails; returns how the fetch was had."""

    def load() -> str:
        raise LookupError(key.name)

    future, outcome = windows.fetch(window, key, load)
    with pytest.raises(LookupError):
        future.result(timeout=10)
    return outcome


def test_a_window_lasts_for_a_cell_of_the_grid(windows: Windows, clock: Clock) -> None:
    """Whoever asks within a cell, however late they begin, gets the window of its start."""
    clock.now += 12.5
    first = windows.current()
    clock.now += 17.4

    assert 1000.0 == first.opened
    assert windows.current() is first

    clock.now += 0.1

    assert 1030.0 == windows.current().opened


def test_a_clock_set_back_does_not_freeze_a_window(windows: Windows, clock: Clock) -> None:
    """When the clock jumps into the past, a new window is opened there."""
    windows.current()
    clock.now -= 3599

    assert None is windows.peek()
    assert -2600.0 == windows.current().opened


def test_a_part_that_is_not_there_has_no_value(windows: Windows) -> None:
    """Neither one that failed nor one that nobody asked for."""
    window = windows.current()
    fail(windows, window, LEAD)

    for key in (LEAD, OTHER):
        with pytest.raises(KeyError):
            window.value(key)


def test_nobody_opens_a_window_by_looking(windows: Windows, clock: Clock) -> None:
    """Who must not wait sees the window of this moment only if somebody opened it."""
    assert None is windows.peek()

    window = windows.current()

    assert windows.peek() is window

    clock.now += 30

    assert None is windows.peek()


def test_many_threads_make_one_fetch(windows: Windows) -> None:
    """However many ask at once, a part is fetched once and everybody gets it."""
    window, gate, loads = windows.current(), threading.Event(), []

    def load() -> str:
        loads.append(1)
        assert gate.wait(timeout=10)
        return "value"

    def ask() -> tuple[Future[str], str]:
        return windows.fetch(window, LEAD, load)

    with ThreadPoolExecutor(32) as crowd:
        asked = [future.result() for future in [crowd.submit(ask) for _ in range(32)]]
    gate.set()

    assert {"value"} == {future.result(timeout=10) for future, _ in asked}
    assert ["fetched"] + ["shared"] * 31 == sorted(outcome for _, outcome in asked)
    assert "fresh" == windows.fetch(window, LEAD, load)[1]
    assert 1 == len(loads)
    assert "value" == window.value(LEAD)


def test_a_failed_part_is_left_alone_for_a_second(windows: Windows, clock: Clock) -> None:
    """A crowd of clients makes one attempt per second at most."""
    window = windows.current()
    hold(windows, window, LEAD, "a")

    assert "fetched" == fail(windows, window, OTHER)
    assert windows.ailing
    assert "shared" == fail(windows, window, OTHER)

    clock.now += 1
    hold(windows, window, OTHER, "b")

    assert windows.current() is window
    assert not windows.ailing


def test_a_window_whose_lead_failed_is_given_up(windows: Windows, clock: Clock) -> None:
    """The next attempt reads at a new time, so recovery shows at once."""
    clock.now += 5.7
    window = windows.current()
    fail(windows, window, LEAD)
    clock.now += 0.9

    assert windows.current() is window

    clock.now += 0.1
    second = windows.current()

    assert (1006.0, 1030.0) == (second.opened, second.ends)

    fail(windows, second, LEAD)
    clock.now += 1

    assert 1007.0 == windows.current().opened

    clock.now += 25

    assert 1030.0 == windows.current().opened


def test_a_window_that_lost_its_replica_is_begun_again_once(windows: Windows) -> None:
    """However many readers noticed, there is one second attempt at the moment, and no third."""
    window = windows.current()
    hold(windows, window, LEAD, "a")
    again = windows.renew(window)

    assert again is not None
    assert (1000.0, 1030.0, 1) == (again.opened, again.ends, again.attempt)
    assert frozenset() == again.held()
    assert windows.renew(window) is again
    assert windows.current() is again
    assert None is windows.renew(again)


def test_the_newest_complete_window_stands_in(windows: Windows, clock: Clock) -> None:
    """Of the earlier windows, the newest with all that is needed serves, up to its age limit."""
    complete = windows.current()
    hold(windows, complete, LEAD, "a")
    hold(windows, complete, OTHER, "b")
    clock.now += 30
    partial = windows.current()
    hold(windows, partial, LEAD, "c")
    clock.now += 30

    assert windows.newest_with([LEAD]) is partial
    assert windows.newest_with([LEAD, OTHER]) is complete

    clock.now += 1

    assert None is windows.newest_with([LEAD, OTHER])


def test_windows_do_not_pile_up(windows: Windows, clock: Clock, answers: Answers) -> None:
    """A window goes, with its answers, when a newer one holds as much or it is too old to serve."""
    for _ in range(100):
        window = windows.current()
        hold(windows, window, LEAD, "a")
        window.answers.get("q", lambda: prepare(b"answer"))
        clock.now += 30
    windows.current()

    assert 2 == len(windows._newest_first)
    assert 1 == len(answers)

    clock.now += 61
    windows.current()

    assert 1 == len(windows._newest_first)
    assert 0 == len(answers)


def test_closed_windows_hold_no_answers(windows: Windows, answers: Answers) -> None:
    """What nobody will ask for again takes no place."""
    windows.current().answers.get("q", lambda: prepare(b"answer"))
    windows.close()

    assert 0 == len(answers)


def test_another_processs_window_stands_in(windows: Windows, clock: Clock) -> None:
    """The newest earlier window that anybody has serves, also in a process that has none."""
    looked: list[float] = []
    theirs: dict[float, dict[str, object]] = {970.0: {"lead": "theirs"}}

    def find(opened: float) -> dict[str, object] | None:
        looked.append(opened)
        return theirs.get(opened)

    fail(windows, windows.current(), LEAD)
    found = windows.newest_with([LEAD], find)

    assert found is not None
    assert (970.0, "theirs") == (found.opened, found.value(LEAD))
    assert [1000.0, 970.0] == looked
    assert windows.newest_with([LEAD], find) is found
    assert windows.newest_with([LEAD]) is found

    clock.now += 31
    fail(windows, windows.current(), LEAD)

    assert None is windows.newest_with([LEAD], find)


def test_other_processes_are_asked_once_a_second(windows: Windows, clock: Clock) -> None:
    """A crowd that finds nothing does not ask for it again and again."""
    looked: list[float] = []

    def find(opened: float) -> dict[str, object] | None:
        looked.append(opened)
        return None

    windows.current()

    assert [None, None] == [windows.newest_with([LEAD], find) for _ in range(2)]
    assert [1000.0, 970.0, 940.0] == looked

    clock.now += 1
    windows.newest_with([LEAD], find)

    assert [1000.0, 970.0] == looked[3:]


def test_only_a_few_cells_are_looked_at(clock: Clock, answers: Answers) -> None:
    """However long old answers may serve, a search that finds nothing ends soon."""
    looked: list[float] = []
    with ThreadPoolExecutor(1) as executor:
        windows = Windows(
            [LEAD], grid=GRID, stale=6000, clock=clock, executor=executor, answers=answers
        )
        windows.current()

        assert None is windows.newest_with([LEAD], looked.append)
    assert [1000.0, 970.0, 940.0, 910.0] == looked
