"""Looks begin in step, end before the last one is old, and stop when nobody asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.cache.grid import Grid
from queryapi.services.vitals.pace import Pace

PACE = Pace(5, Grid(4000, 0))


@pytest.mark.parametrize(
    ("expected", "now", "last", "asked", "wanted"),
    [
        # The first one is at once, if anybody is there.
        (1001.0, 1001, None, 1001, True),
        (1001.0, 1001, None, 1001, False),
        (None, 1061, None, 1001, False),
        # While somebody asks, the next cell.
        (1004.0, 1001, 1001, 1001, False),
        (1004.0, 1030, 1001, 1001, False),
        # Unless that is not a second away.
        (1004.5, 1004, 1003.5, 1004, False),
        (None, 1061, 1001, 1001, False),
        # Who waits has one in a second.
        (1002.0, 1001.5, 1001, 1001.5, True),
        (1003.0, 1003, 1001, 1003, True),
        (1070.0, 1070, 1001, 1001, True),
        # The clock was set back.
        (900.0, 900, 1001, 1001, False),
    ],
)
def test_when_the_next_look_begins(
    expected: float | None,
    now: float,
    last: float | None,
    asked: float,
    wanted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """One row per rule; None = never."""
    assert expected == PACE.due(now, last, asked=asked, wanted=wanted)


@given(st.floats(1, 300), st.floats(0.05, 10), st.floats(0, 2e9))
def test_a_look_ends_before_the_last_one_is_old(ttl: float, deadline: float, now: float) -> None:
    """Where there is room for it; whatever is set, looks begin a second apart at least."""
    pace = Pace.of(ttl, deadline)
    due = pace.due(now, now, asked=now, wanted=False)

    assert due is not None
    assert due >= now + 1
    if ttl >= 2 + 2 * deadline:
        assert due + deadline <= now + 1 + ttl
        assert pace.grid.period / 1000 + deadline < ttl
