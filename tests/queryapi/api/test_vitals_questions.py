"""What the parameters of `/api/v1/real-time-metrics` may be, and what they mean."""

import pytest

from queryapi.api.vitals import question_of
from queryapi.errors import InvalidParameter
from queryapi.services.vitals.service import Period, Question
from tests.support.whole import some


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (60, "1m"), (60, "60s"), (2592000, "30d"), (2592000, "720h"), (2592000, "43200m"),
        (2592000, "2592000s"), (3600, "1h"), (86400, "1d"), (2591999, "2591999s"),
    ],
)  # fmt: skip
def test_a_period_is_of_a_minute_to_thirty_days(seconds: int, text: str) -> None:
    """In seconds, minutes, hours or days."""
    assert Question(None, Period(text, seconds)) == question_of({"compare": [text]})


@pytest.mark.parametrize(
    "text",
    ["1", "h", "59s", "0m", "31d", "721h", "43201m", "2592001s", "2600000s", "-1h", "1.5h", "1w",
     "1h ", "01h", "1H", "99999999999999999999d", "1h\n"],
)  # fmt: skip
def test_a_period_that_is_none_is_refused(text: str) -> None:
    """With a sentence that says what one is, and repeats nothing of it."""
    with pytest.raises(InvalidParameter, match="compare must be a whole number followed by"):
        question_of({"compare": [text]})


def test_every_period_in_range_is_one() -> None:
    """Written as a pattern, for the description's sake: held here to what it means."""
    ranges = {"s": (60, 2592000), "m": (1, 43200), "h": (1, 720), "d": (1, 30)}
    for unit, (first, last) in ranges.items():
        # Every number of few digits, and of the others so many that each digit is in each place.
        step = some(1013, 7)
        for amount in {*range(first, min(last, 1000) + 1), *range(first, last + 1, step), last}:
            assert question_of({"compare": [f"{amount}{unit}"]}).compare


def test_empty_and_repeated_parameters_are_forgiven() -> None:
    """Empty means not given, the first one counts, unknown ones are ignored."""
    assert Question() == question_of({"max_age": [""], "compare": [""], "x": ["y"]})
    assert Question(2.0, None) == question_of({"max_age": ["2", "x"]})
