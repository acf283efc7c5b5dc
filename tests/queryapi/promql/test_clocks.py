"""A Prometheus whose clock is wrong is found out by what its answers are dated."""

import pytest

from queryapi.errors import UpstreamUnavailable
from queryapi.promql.clocks import Clocks

_DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
_THEN = 1_700_000_000.0


@pytest.mark.parametrize("off", [0, 60, -150])
def test_clocks_may_differ_a_little(off: float) -> None:
    """What is told is then no older than other answers may be."""
    Clocks(ahead=60, behind=150, clock=lambda: _THEN - off).check(_DATE)


@pytest.mark.parametrize(
    ("off", "words"),
    [(3600, "3600 s ahead of ours"), (61, "61 s ahead of ours"), (-3600, "3600 s behind ours")],
)
def test_clocks_that_are_too_far_apart_are_named(off: float, words: str) -> None:
    """Whoever reads the error knows which way, how far, and what to do."""
    clocks = Clocks(ahead=60, behind=150, clock=lambda: _THEN - off)
    with pytest.raises(UpstreamUnavailable, match=f"clock is {words}: have both set by NTP") as it:
        clocks.check(_DATE)

    assert "faulty" == it.value.reason


@pytest.mark.parametrize("date", [None, "", "yesterday", "Tue, 99 Nov 99999 22:13:20 GMT"])
def test_an_answer_without_a_date_is_taken(date: str | None) -> None:
    """Not every server says when it answers."""
    Clocks(ahead=60, behind=150).check(date)
