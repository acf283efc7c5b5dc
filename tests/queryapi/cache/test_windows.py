"""A window's parts belong together, are fetched once, and have bounded lives."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from queryapi.cache.windows import Key, Window, Windows
from tests.support.fake_prometheus import Clock

LEAD: Key[str] = Key("lead")
OTHER: Key[str] = Key("other")


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture(name="windows")
def _windows(clock: Clock) -> Iterator[Windows]:
    with ThreadPoolExecutor(4) as executor:
        yield Windows([LEAD], ttl=30, stale=60, clock=clock, executor=executor)


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


def test_a_window_lasts_for_its_ttl(windows: Windows, clock: Clock) -> None:
    """Whoever asks within the TTL gets the same window."""
    first = windows.current()
    clock.now += 29.9

    assert 1000.0 == first.opened
    assert windows.current() is first

    clock.now += 0.1

    assert 1030.0 == windows.current().opened


def test_a_clock_set_back_does_not_freeze_a_window(windows: Windows, clock: Clock) -> None:
    """When the clock jumps into the past, a new window is opened there."""
    windows.current()
    clock.now -= 3600

    assert -2600.0 == windows.current().opened


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
    window = windows.current()
    fail(windows, window, LEAD)
    clock.now += 0.9

    assert windows.current() is window

    clock.now += 0.1

    assert 1001.0 == windows.current().opened


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


def test_windows_do_not_pile_up(windows: Windows, clock: Clock) -> None:
    """A window is forgotten when a newer one holds as much, or when it is too old to serve."""
    for _ in range(100):
        hold(windows, windows.current(), LEAD, "a")
        clock.now += 30
    windows.current()

    assert 2 == len(windows._newest_first)

    clock.now += 61
    windows.current()

    assert 1 == len(windows._newest_first)
