"""What clocks that are set back or forward do to a job: nothing that lasts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.ending import completed
from queryapi.services.jobs.model import Completion, Report
from queryapi.services.jobs.money import cost_of
from queryapi.services.jobs.reading.items import Terms, item_of
from queryapi.storage.jobrecords import Job, JobStatus
from tests.support.reporting import ANN, CREATED, JOB, Known, after

HOUR = 3600.0
KNOWN = Known("3600")
TERMS = Terms(300.0, "QUBIC")


def _reported(job: Job, progress: float, now: float) -> Job:
    return after(job, Report(progress=progress), now, known=KNOWN).job


@given(
    st.lists(
        st.tuples(st.floats(0, 90), st.floats(-HOUR, HOUR)), min_size=1, max_size=12
    )
)  # fmt: skip
def test_a_clock_that_is_set_anew_takes_nothing_back(reports: list[tuple[float, float]]) -> None:
    """Up to an hour to and fro: progress, cost and the story's times only rise."""
    job, at, cost = JOB, CREATED, 0
    for place, (progress, off) in enumerate(reports):
        now = CREATED + 10 * place + off
        decision = after(job, Report(progress=progress), now, known=KNOWN)
        told, so_far = decision.events[0].at, decision.acknowledged.cost or 0
        assert (at, job.progress, cost) <= (told, decision.job.progress, cost)
        assert cost <= so_far == (cost_of(decision.job, now) or 0)
        job, at, cost = decision.job, told, so_far  # type: ignore[assignment]
    done = completed(job, Completion(JobStatus.COMPLETED), ANN, Around(CREATED, KNOWN, KNOWN))
    assert cost <= (done.acknowledged.cost or 0)


@pytest.mark.parametrize("back", [HOUR, 24 * HOUR])
def test_the_attempt_goes_on_after_a_clock_was_set_back(back: float) -> None:
    """What is told after it is not taken for something from before the restart."""
    job = _reported(JOB, 40.0, CREATED + 5)
    job = after(job, Report(progress=10.0, restart=True), CREATED + 10).job

    job = after(job, Report(progress=20.0, age=1.0, sequence=2), CREATED + 20 - back).job

    assert (20.0, 2) == (job.progress, job.seen.highest)


def test_a_clock_that_was_ahead_for_a_moment_hides_no_silence() -> None:
    """A job that was last heard of in a year's time has been silent since."""
    running = _reported(JOB, 40.0, CREATED)
    ahead = _reported(running, 50.0, CREATED + 365 * 24 * HOUR)

    assert "LIVE" == item_of(running, CREATED + 60, TERMS).liveness
    assert "LIVE" == item_of(running, CREATED - HOUR, TERMS).liveness
    assert "STALLED" == item_of(ahead, CREATED + 60, TERMS).liveness
    assert "LIVE" == item_of(_reported(ahead, 60.0, CREATED + 70), CREATED + 80, TERMS).liveness
