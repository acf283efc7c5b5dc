"""A trend is told when both sides are known well enough, and only of what has changed."""

import math

import pytest

from queryapi.services.vitals.answers import Trend
from queryapi.services.vitals.trend import Pair, Side


@pytest.mark.parametrize(
    ("expected", "now", "before"),
    [
        (Trend.UP, 106, 100),
        (Trend.LEVEL, 105, 100),
        (Trend.LEVEL, 95, 100),
        (Trend.DOWN, 94, 100),
        (Trend.UP, 0.001, 0),
        (Trend.LEVEL, 0, 0),
        (Trend.LEVEL, 1e-12, 0),
        (Trend.DOWN, -106, -100),
        (Trend.UP, 1, -1),
    ],
)
def test_a_number_goes_up_or_down_by_more_than_a_twentieth(
    expected: Trend, now: float, before: float
) -> None:
    """Of what it was; from nothing any change counts that can be measured."""
    assert expected is Pair(Side(now, 20), Side(before, 20)).trend


@pytest.mark.parametrize(
    ("expected", "now", "before"),
    [
        (True, Side(1, 16), Side(1, 21)),
        (False, Side(1, 15), Side(1, 20)),
        (False, Side(1, 20), Side(1, 15)),
        (False, Side(math.nan, 20), Side(1, 20)),
        (False, Side(), Side()),
    ],
)
def test_too_few_samples_on_either_side_are_not_compared(
    expected: bool,  # noqa: FBT001 - a column of the table
    now: Side,
    before: Side,
) -> None:
    """Four fifths of what there should be are enough."""
    assert expected is Pair(now, before).comparable(20)
