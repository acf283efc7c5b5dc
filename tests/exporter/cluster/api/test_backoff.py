"""How long to wait after failures."""

from collections.abc import Callable

import pytest

from exporter.cluster.api.backoff import Backoff
from tests.support.fake_source import Clock


def waits(count: int, *, random: Callable[[], float], clock: Clock | None = None) -> list[float]:
    """Return the first waiting times after failures."""
    backoff = Backoff(random, clock or Clock())
    return [backoff.next() for _ in range(count)]


def test_waiting_times_double_up_to_a_cap() -> None:
    """From 0.8 s on each wait is twice the last, and none is longer than 30 s."""
    expected = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]

    assert expected == pytest.approx(waits(8, random=lambda: 0.0))


def test_waiting_times_are_spread() -> None:
    """Jitter adds up to the wait itself, and never more than the cap."""
    assert [1.2, 2.4] == pytest.approx(waits(2, random=lambda: 0.5))
    assert 30 == waits(8, random=lambda: 0.9)[-1]


def test_a_quiet_time_begins_anew() -> None:
    """After two minutes without a failure the next wait is short again."""
    clock = Clock()
    backoff = Backoff(lambda: 0.0, clock)
    for _ in range(5):
        backoff.next()
    clock.now += 120

    assert 25.6 == pytest.approx(backoff.next())

    clock.now += 121

    assert 0.8 == backoff.next()
