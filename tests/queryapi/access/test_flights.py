"""Questions are kept few."""

from queryapi.access.flights import Pace
from tests.support.fake_prometheus import Clock


def test_a_pace_is_kept() -> None:
    """So many at once after a pause, then so many a second; a clock set back takes nothing away."""
    clock = Clock()
    pace = Pace(2, clock=clock)
    found = []
    for now in (1000.0, 1000.0, 1000.0, 1000.5, 1000.5, 900.0, 900.5, 990.0, 990.0, 990.0):
        clock.now = now
        found.append(pace.take())

    assert [True, True, False, True, False, False, True, True, True, False] == found
