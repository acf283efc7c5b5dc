"""A failing server is left alone, and retries stay a share of the queries."""

from queryapi.outbound.breaker import Breaker, RetryBudget


def broken() -> Breaker:
    """Return a breaker that opened at 0 and lets one query through at 5."""
    breaker = Breaker(failures=2, pause=5.0)
    breaker.failed(0.0)
    breaker.failed(0.0)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """It is said once that a server is left alone, and then nobody is told to ask it."""
    breaker = Breaker(failures=2, pause=5.0)

    assert breaker.admits(0.0)
    assert [False, True, False] == [breaker.failed(0.0) for _ in range(3)]
    assert breaker.open
    assert not breaker.admits(4.9)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    """Failures now and then leave it closed."""
    breaker = Breaker(failures=2, pause=5.0)

    breaker.failed(0.0)

    assert not breaker.succeeded()
    assert not breaker.failed(0.0)
    assert not breaker.open


def test_after_the_pause_one_query_is_let_through() -> None:
    """A server that may be well again gets one query, not all that wait."""
    breaker = broken()

    assert [True, False, False] == [breaker.admits(5.0) for _ in range(3)]


def test_an_answer_closes_it() -> None:
    """A server that answers the one query is asked by everybody again, which is said once."""
    breaker = broken()
    breaker.admits(5.0)

    assert [True, False] == [breaker.succeeded(), breaker.succeeded()]
    assert breaker.admits(5.0)
    assert not breaker.open


def test_another_failure_begins_another_pause() -> None:
    """A server that is still ill is left alone for as long again, silently."""
    breaker = broken()
    breaker.admits(5.0)

    assert not breaker.failed(6.0)
    assert not breaker.admits(10.9)
    assert breaker.admits(11.0)


def test_a_query_that_never_reports_back_does_not_lock_it() -> None:
    """The next one is let through a pause later."""
    breaker = broken()
    breaker.admits(5.0)

    assert not breaker.admits(9.9)
    assert breaker.admits(10.0)


def test_retries_stay_a_share_of_the_queries() -> None:
    """When everything fails, a few retries saved up are spent, then one in five queries' worth."""
    budget = RetryBudget(share=0.25, most=2.0)

    retried = 0
    for _ in range(100):
        budget.earn()
        retried += budget.spend()

    assert 26 == retried


def test_a_budget_does_not_grow_without_end() -> None:
    """A day of quiet does not save up a storm of retries."""
    budget = RetryBudget(share=1.0, most=3.0)

    for _ in range(100):
        budget.earn()

    assert [True, True, True, False] == [budget.spend() for _ in range(4)]
