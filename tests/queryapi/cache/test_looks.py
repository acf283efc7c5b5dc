"""A look with other processes costs a crowd no more than one reader."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from queryapi.cache.looks import Looks
from tests.support.fake_prometheus import Clock


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="looks")
def _looks(clock: Clock) -> Looks:
    return Looks(clock)


def test_nobody_waits_longer_than_they_have_patience(looks: Looks) -> None:
    """A look that hangs keeps the one who looks, and nobody who looks for something else."""
    begun, end = threading.Event(), threading.Event()
    seen: list[str] = []

    def hang() -> None:
        begun.set()
        assert end.wait(timeout=30)
        seen.append("hung")

    with ThreadPoolExecutor(1) as reader:
        hanging = reader.submit(looks.once, "a", hang, 0.0)
        assert begun.wait(timeout=30)
        looks.once("a", lambda: seen.append("again"), 0.01)
        looks.once("b", lambda: seen.append("another"), 0.0)
        assert ["another"] == seen
        end.set()
        hanging.result(timeout=30)

    assert ["another", "hung"] == seen


def test_who_waits_goes_on_when_the_look_is_over(looks: Looks) -> None:
    """A crowd has what one of it found, as soon as it is found, and a failure keeps nobody."""
    begun, end = threading.Event(), threading.Event()

    def fail() -> None:
        begun.set()
        assert end.wait(timeout=30)
        raise ConnectionError

    with ThreadPoolExecutor(2) as readers:
        looking = readers.submit(looks.once, "a", fail, 0.0)
        assert begun.wait(timeout=30)
        waiting = readers.submit(looks.once, "a", fail, 3600.0)
        end.set()
        waiting.result(timeout=30)

        with pytest.raises(ConnectionError):
            looking.result(timeout=30)


def test_there_is_a_look_a_second(looks: Looks, clock: Clock) -> None:
    """And another at once when there may be something else to see, or the clock was set back."""
    seen: list[float] = []

    def look() -> None:
        looks.once("a", lambda: seen.append(clock.now), 0.0)

    for seconds in (0.0, 0.9, 0.1, -3600.0):
        clock.now += seconds
        look()
    looks.forget()
    look()

    assert [1000.0, 1001.0, -2599.0, -2599.0] == seen
