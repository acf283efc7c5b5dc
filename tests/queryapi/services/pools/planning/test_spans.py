"""Which moments a history shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import InvalidParameter
from queryapi.services.pools.planning.spans import (
    DAY,
    LONGEST,
    MOST_POINTS,
    SHORTEST_STEP,
    Cell,
    Span,
    span_of,
)


@pytest.mark.parametrize(
    ("seconds", "step", "points"),
    [
        (None, 300, 289),
        (60, 60, 2),
        (3600, 300, 13),
        (DAY, 300, 289),
        (DAY + 1, 600, 145),
        (7 * DAY, 3600, 169),
        (LONGEST, 10_800, 249),
    ],
)
def test_a_long_range_has_longer_steps(seconds: int | None, step: int, points: int) -> None:
    """A day in steps of five minutes; whoever asks for a month alone gets no more points."""
    span = span_of(seconds)
    assert (step, points) == (span.step, len(span.moments(0)))


def test_a_step_alone_is_of_a_day() -> None:
    """What is not asked for is what it is by default."""
    assert Span(DAY, 3600) == span_of(step=3600)


@pytest.mark.parametrize(
    ("seconds", "step", "words"),
    [
        (14, None, "range must be from 15s to 31d"),
        (LONGEST + 1, None, "range must be from 15s to 31d"),
        (-DAY, 300, "range must be from 15s to 31d"),
        (3600, 14, "step must be from 15s to the range, 3600s"),
        (3600, 0, "step must be from 15s to the range, 3600s"),
        (3600, -60, "step must be from 15s to the range, 3600s"),
        (3600, 3601, "step must be from 15s to the range, 3600s"),
        (LONGEST, 60, "at most 2000 points, these give 44641: a step of 1340s does"),
        (30_000, 15, "at most 2000 points, these give 2001: a step of 16s does"),
    ],
)
def test_what_cannot_be_shown_is_refused(seconds: int, step: int | None, words: str) -> None:
    """The caller is told what can."""
    with pytest.raises(InvalidParameter, match=words):
        span_of(seconds, step)


@given(st.integers(SHORTEST_STEP, LONGEST), st.none() | st.integers(SHORTEST_STEP, LONGEST))
def test_what_is_refused_can_be_asked_as_it_is_told(seconds: int, step: int | None) -> None:
    """No span has more points than a chart, and the step that a refusal names is taken."""
    try:
        span = span_of(seconds, step)
    except InvalidParameter as error:
        words = str(error)
        if "points" not in words:
            return
        span = span_of(seconds, int(words.rpartition("step of ")[2].removesuffix("s does")))
    assert len(span.moments(0)) <= MOST_POINTS


spans = st.builds(Span, st.integers(SHORTEST_STEP, LONGEST), st.integers(SHORTEST_STEP, DAY))


@given(spans, st.floats(1e9, 2e9))
def test_moments_lie_on_a_grid_that_everybody_has(span: Span, now: float) -> None:
    """Multiples of the step, the last one past and as new as can be."""
    end = span.cell(now).end
    moments = span.moments(end)

    assert {0} == {moment % span.step for moment in moments}
    assert end == moments[-1]
    assert now - 5 - span.step < end <= now - 5
    assert span.seconds - span.step < end - moments[0] <= span.seconds


@given(spans, st.floats(1e9, 2e9), st.floats(0, 200))
def test_an_answer_holds_for_a_minute_or_a_step(span: Span, now: float, later: float) -> None:
    """Whoever asks later than that is given a new one."""
    assert span.cell(now) != span.cell(now + span.kept + 0.001)
    if later > span.kept:
        assert span.cell(now) != span.cell(now + later)


def test_who_asks_within_a_minute_asks_the_same() -> None:
    """Of a step of five minutes one answer holds for a minute of it."""
    span = Span(DAY, 300)
    assert {Cell(900, 0)} == {span.cell(now) for now in (905.0, 930.0, 964.9)}
    assert [Cell(900, 1), Cell(900, 4), Cell(1200, 0)] == [
        span.cell(now) for now in (965.0, 1204.9, 1205.0)
    ]
