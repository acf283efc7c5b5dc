"""Seconds that a job still needs: never negative, exact for who goes on as before."""

import math
import random
from collections.abc import Callable, Iterable
from itertools import pairwise
from statistics import fmean

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.jobs.estimates import STEPS_KEPT, recent, remaining, stepped
from queryapi.storage.jobrecords import FINAL, Job, JobStatus, Step

HOUR, EVERY = 3600.0, 10.0
SEEDS = range(5)

Course = Callable[[random.Random], Callable[[float], float]]
"""Returns how far a job is at a share of its time, both from 0 to 1."""


def job(progress: float, steps: Iterable[Step] = (), started_at: float | None = 0.0) -> Job:
    """Return a running job."""
    return Job(
        number=1,
        id="j",
        cluster="c",
        owner="o",
        created_at=0.0,
        status=JobStatus.RUNNING,
        progress=progress,
        started_at=started_at,
        steps=tuple(steps),
    )


def test_the_document_s_estimate() -> None:
    """A job at 45 % after 450 s has 550 s left."""
    assert 550.0 == remaining(job(45), 450.0)


@pytest.mark.parametrize("progress", [0.0, 100.0])
def test_who_has_come_nowhere_or_is_done_has_no_estimate(progress: float) -> None:
    """Neither is a job whose time can be told."""
    assert remaining(job(progress), 450.0) is None


@pytest.mark.parametrize("status", sorted({*FINAL, JobStatus.PENDING, JobStatus.ASSIGNED}))
def test_only_running_jobs_have_time_left(status: JobStatus) -> None:
    """Of one that waits or has ended nobody says when it will be done."""
    idle = msgspec.structs.replace(job(45, (Step(0, 10), Step(1, 45))), status=status)

    assert (None, None) == (remaining(idle, 450.0), recent(idle, 2.0))


def test_a_job_that_has_not_started_has_no_time_left() -> None:
    """The document counts from `startedAt`."""
    assert remaining(job(45, started_at=None), 450.0) is None


def test_a_job_that_begins_now_is_not_done_now() -> None:
    """Without any time there is no pace."""
    assert remaining(job(45), 0.0) is None


def test_the_recent_pace_forgets_how_it_began() -> None:
    """A job that resumed at 60 % half a minute ago is as fast as since then."""
    resumed = job(62, (Step(1000, 60), Step(1010, 61), Step(1020, 62)), started_at=1000.0)

    assert 375.0 == recent(resumed, 1025.0)


def test_who_stands_still_has_no_recent_pace() -> None:
    """After three of its gaps nobody knows when it goes on."""
    steps = (Step(0, 10), Step(10, 20), Step(20, 30))

    assert 70.0 - 30.0 == recent(job(30, steps), 50.0)
    assert recent(job(30, steps), 51.0) is None


def test_one_change_is_no_pace() -> None:
    """It takes two to tell one."""
    assert recent(job(10, (Step(0, 10),)), 5.0) is None


def test_steps_are_changes() -> None:
    """The same progress again is none, the latest are kept, and no time goes back."""
    steps: tuple[Step, ...] = ()
    for number in range(40):
        steps = stepped(stepped(steps, float(number), number), number + 0.5, number)

    assert STEPS_KEPT == len(steps)
    assert (Step(10, 10), Step(39, 39)) == (steps[0], steps[-1])
    assert (*steps[:-1], Step(39, 50)) == stepped(steps, 5.0, 50)


times = st.floats(-1e10, 1e10)


@given(times, times, st.floats(0, 100), st.lists(st.tuples(times, st.floats(0, 100))))
def test_no_estimate_is_negative_or_endless(
    started: float, now: float, progress: float, told: list[tuple[float, float]]
) -> None:
    """Whatever is reported and whatever clocks do."""
    steps: tuple[Step, ...] = ()
    for at, reached in told:
        steps = stepped(steps, at, reached)
    running = job(progress, steps, started)

    for seconds in (remaining(running, now), recent(running, now)):
        assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
    assert all(a.at < b.at and a.progress < b.progress for a, b in pairwise(steps))


@given(st.floats(1e-3, 10), st.integers(2, 60))
def test_both_are_exact_for_a_steady_job(pace: float, reports: int) -> None:
    """So many percent a second leave the rest of them."""
    steps: tuple[Step, ...] = ()
    reported = [float(at) for at in range(1, reports + 1) if at * pace < 100]
    for at in reported:
        steps = stepped(steps, at, at * pace)
    if len(steps) < 2:
        return
    running = job(steps[-1].progress, steps)
    expected = 100 / pace - steps[-1].at

    for seconds in (remaining(running, steps[-1].at), recent(running, steps[-1].at)):
        assert expected == pytest.approx(seconds, abs=1e-6, rel=1e-6)


def steady(_: random.Random) -> Callable[[float], float]:
    """It goes on at one pace."""
    return lambda share: share


def noisy(draw: random.Random) -> Callable[[float], float]:
    """Each report has come on by another amount."""
    count = int(HOUR / EVERY)
    paces = [draw.lognormvariate(0, 1) for _ in range(count)]
    total, sums = sum(paces), [0.0]
    for pace in paces:
        sums.append(sums[-1] + pace / total)
    return lambda share: sums[round(share * count)]


def warming_up(_: random.Random) -> Callable[[float], float]:
    """It loads data for 15 % of its time."""
    return lambda share: max(0.0, (share - 0.15) / 0.85)


def changing(_: random.Random) -> Callable[[float], float]:
    """Its first half takes a quarter of its time."""
    return lambda share: share * 2 if share < 0.25 else 0.5 + (share - 0.25) / 1.5


def coarse(_: random.Random) -> Callable[[float], float]:
    """It tells of ten epochs."""
    return lambda share: math.floor(share * 10 + 1e-9) / 10


def resumed(_: random.Random) -> Callable[[float], float]:
    """It begins where another one stopped."""
    return lambda share: 0.6 + 0.4 * share


def errors(course: Course, estimate: Callable[[Job, float], float | None]) -> tuple[float, float]:
    """Return the mean error in percent of a job's time, and the share of reports without any."""
    wrong: list[float] = []
    silent = 0
    for seed in SEEDS:
        reached = course(random.Random(seed))  # noqa: S311 - nothing secret
        steps: tuple[Step, ...] = ()
        started: float | None = None
        for number in range(1, int(HOUR / EVERY)):
            at = number * EVERY
            progress = 100 * reached(at / HOUR)
            started = 0.0 if progress > 0 or started is not None else None
            steps = stepped(steps, at, progress)
            told = estimate(job(progress, steps, started), at)
            if told is None:
                silent += 1
            else:
                wrong.append(abs(told - (HOUR - at)) / HOUR * 100)
    return fmean(wrong), silent / (silent + len(wrong)) * 100


@pytest.mark.parametrize(
    ("course", "by_mean", "by_late", "silent"),
    [
        (steady, 0, 0, 0.3),
        (noisy, 7.5, 10.1, 0.3),
        (warming_up, 79.8, 0, 15.3),
        (changing, 27, 15, 0.3),
        (coarse, 15.3, 0, 19.8),
        (resumed, 41.5, 0, 0.3),
    ],
)
def test_how_wrong_both_are(course: Course, by_mean: float, by_late: float, silent: float) -> None:
    """In percent of an hour's job: where its pace was another one, the recent one is far better.

    It is silent until the job has come on twice.
    """
    late = errors(course, recent)

    assert by_mean == round(errors(course, remaining)[0], 1)
    assert (by_late, silent) == (round(late[0], 1), round(late[1], 1))
