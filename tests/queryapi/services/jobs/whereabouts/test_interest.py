"""Which jobs are looked for, and for how long what was found counts."""

import pytest

from queryapi.services.jobs.whereabouts.interest import Interests
from queryapi.services.jobs.whereabouts.model import Place, Pod
from queryapi.storage.jobrecords import Job, Sample

PLACE = Place((Pod("ml", "p", "u"),))


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


def job(name: str = "p") -> Job:
    """Return a job."""
    return Job(number=1, id=name, cluster="c", owner="o", created_at=0.0, namespace="ml")


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="interests")
def _interests(clock: Clock) -> Interests:
    return Interests(clock)


def test_nothing_is_asked_for_nobody(interests: Interests) -> None:
    """Without a job there is nothing to do, ever."""
    assert interests.seconds_left() is None
    assert [] == interests.due()


def test_only_the_first_question_rouses(interests: Interests) -> None:
    """Later ones wait for their turn."""
    assert (None, True) == interests.place(job())
    assert (None, False) == interests.place(job())
    assert 0.0 == interests.seconds_left()


def test_who_is_not_found_is_looked_for_less_and_less(interests: Interests, clock: Clock) -> None:
    """Most jobs are no pods."""
    interests.place(job())
    interests.found(interests.due(), [None])
    assert 5.0 == interests.seconds_left()
    clock.now = 61.0
    interests.found(interests.due(), [None])
    assert 30.0 == interests.seconds_left()


def test_who_is_not_asked_about_is_forgotten(interests: Interests, clock: Clock) -> None:
    """After five minutes nobody is looked for."""
    interests.place(job())
    clock.now = 301.0

    assert [] == interests.due()
    assert interests.seconds_left() is None


def test_what_was_measured_counts_for_less_than_a_minute(
    interests: Interests, clock: Clock
) -> None:
    """It was up to 45 s old when it was asked for: 15 s later it says nothing of now."""
    interests.sample(job())
    interests.found(interests.due(), [PLACE])
    ((interest, _),) = interests.to_measure()
    interests.measured({interest.key: Sample(power=1.0)}, clock.now)

    assert Sample(power=1.0) == interests.sample(job())[0]
    assert [] == interests.to_measure()
    clock.now = 15.5
    assert interests.sample(job())[0] is None


def test_nothing_is_measured_that_nobody_asks_for(interests: Interests) -> None:
    """Most workers measure themselves."""
    interests.place(job())
    interests.found(interests.due(), [PLACE])

    assert [] == interests.to_measure()
    assert (None, True) == interests.sample(job())
    assert 1 == len(interests.to_measure())


def test_however_many_ask_a_bounded_number_is_kept(interests: Interests) -> None:
    """Those that nobody has asked about for longest give way."""
    for number in range(1500):
        interests.place(job(f"p{number}"))
        interests.place(job("first"))

    due = {interest.job.id for interest in interests.due()}
    assert 1000 == len(due)
    assert {"first", "p1499"} <= due
    assert "p0" not in due
