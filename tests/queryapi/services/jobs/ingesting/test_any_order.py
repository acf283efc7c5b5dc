"""Whatever the network does to reports, what was acknowledged is stored once."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.jobs.ingesting import numbering
from queryapi.services.jobs.model import Report
from queryapi.storage import rows
from queryapi.storage.jobrecords import LINES_EACH, Seen
from tests.support.reporting import CREATED, JOB, after, line


@given(st.lists(st.integers(1, 200), max_size=80))
def test_numbers_are_remembered_as_long_as_they_are_near(numbers: list[int]) -> None:
    """As a set of all would, of those less than 64 below the highest; in 64 bits."""
    seen, stored = Seen(), set[int]()
    for number in numbers:
        if number >= seen.highest - numbering.WINDOW:
            assert (number in stored) == numbering.has(seen, number)
        seen = numbering.noted(seen, number)
        stored.add(number)
        assert max(stored) == seen.highest
        assert seen.others < 2**64
        assert seen == rows.read(rows.text(seen), Seen)


_SENT = st.lists(
    st.tuples(st.floats(-20, 120), st.integers(0, 3), st.booleans()), min_size=1, max_size=20
)


@st.composite
def _arrivals(draw: st.DrawFn) -> list[Report]:
    """Return reports of one attempt, each sent once or more, in any order."""
    sent = [
        Report(
            progress=progress,
            lines=tuple(line(f"{number}.{place}") for place in range(lines)),
            sequence=number,
        )
        for number, (progress, lines, _) in enumerate(draw(_SENT), start=1)
    ]
    again = draw(st.lists(st.sampled_from(sent), max_size=10))
    return draw(st.permutations([*sent, *again]))


@given(_arrivals())
def test_any_order_of_reports_is_stored_once_and_goes_forward(arrivals: list[Report]) -> None:
    """Frames have no holes, every line is stored once, progress and status never go back."""
    job, frames, lines = JOB, list[int](), list[str]()
    for at, report in enumerate(arrivals):
        decision = after(job, report, CREATED + at)
        assert decision.job.progress >= job.progress
        assert (decision.job.ended_at == job.ended_at) or job.ended_at is None
        frames += {it.seq for it in decision.events}
        frames += {it.number // LINES_EACH for it in decision.lines}
        lines += [it.message for it in decision.lines]
        job = decision.job
        assert job.seq == decision.acknowledged.seq

    assert [*range(1, job.seq + 1)] == sorted(frames)
    sent = {it.message for report in arrivals for it in report.lines}
    assert sorted(sent) == sorted(lines)
    assert len(lines) == job.log_lines


@given(st.lists(st.tuples(_arrivals(), st.floats(0, 50)), min_size=1, max_size=4))
def test_only_a_restart_takes_progress_back(attempts: list[tuple[list[Report], float]]) -> None:
    """In each attempt it rises from what the restart says; attempts are counted."""
    job = after(JOB, Report(progress=1.0)).job
    for number, (arrivals, progress) in enumerate(attempts, start=2):
        job = after(job, Report(restart=True, progress=progress)).job
        assert (number, progress) == (job.attempt, job.progress)
        for report in arrivals:
            moved = after(job, report).job
            assert moved.progress >= job.progress
            job = moved
        if job.ended_at is not None:
            return
