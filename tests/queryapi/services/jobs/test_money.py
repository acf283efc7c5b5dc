"""What a job has cost, to the last decimal."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from queryapi.services.jobs.money import cost, cost_of, exact, written
from queryapi.storage.jobrecords import Tariff
from tests.support.reporting import JOB

HOUR, DAY = 3600.0, 86400.0
prices = st.decimals(0, 1000, places=4).map(str)
moments = st.integers(0, 10**9).map(lambda ticks: ticks / 1000)


def test_a_month_of_eight_gpus() -> None:
    """30 days at 8 GPUs for 2.99 an hour are 17222.40, and not a cent beside."""
    assert Decimal("17222.40") == cost((Tariff(0, "23.92"),), 0.0, 30 * DAY)


def test_a_price_that_changes() -> None:
    """5 hours at 2 and 5 at 3 are 25: what was paid is not counted anew."""
    assert Decimal(25) == cost((Tariff(0, "2"), Tariff(5 * HOUR, "3")), 0.0, 10 * HOUR)


def test_a_job_pays_what_was_asked_at_the_time_until_its_end() -> None:
    """Neither the present price nor the present time changes what it has cost."""
    known = (Tariff(0, "2"), Tariff(5 * HOUR, "3"))
    job = replace(JOB, started_at=0.0, ended_at=10 * HOUR, tariffs=known)

    assert Decimal(25) == cost_of(job, DAY)
    assert Decimal(13) == cost_of(replace(job, ended_at=None), 6 * HOUR)


def test_only_the_time_from_the_start_counts() -> None:
    """Prices from before the job and after its end are none of its own."""
    known = (Tariff(0, "100"), Tariff(HOUR, "2"), Tariff(3 * HOUR, "1000"))

    assert Decimal(3) == cost(known, 1.5 * HOUR, 3 * HOUR)


@pytest.mark.parametrize(
    "tariffs",
    [
        (),
        (Tariff(0, None),),
        (Tariff(1, "2"),),
        (Tariff(0, None), Tariff(HOUR, "2")),
        (Tariff(0, "2"), Tariff(HOUR, None)),
    ],
    ids=str,
)
def test_a_missing_price_is_no_zero(tariffs: tuple[Tariff, ...]) -> None:
    """Where the price of any of the time is not known, the cost is not."""
    assert cost(tariffs, 0.0, 2 * HOUR) is None


def test_what_is_free_costs_nothing() -> None:
    """A price of 0 is a price."""
    assert Decimal(0) == cost((Tariff(0, "0"),), 0.0, DAY)


def test_no_time_costs_nothing() -> None:
    """If the price is known; and so when a clock is set back."""
    assert Decimal(0) == cost((Tariff(0, "2"),), 5.0, 5.0)
    assert Decimal(0) == cost((Tariff(0, None), Tariff(5, "2")), 5.0, 4.0)
    assert cost((Tariff(0, "2"), Tariff(5, None)), 5.0, 5.0) is None


def test_who_has_not_begun_costs_nothing_known() -> None:
    """Without a start there is no time to pay for."""
    assert cost((Tariff(0, "2"),), None, 5.0) is None


def test_how_money_is_told() -> None:
    """As a number to 6 decimals, as text as it is."""
    third = cost((Tariff(0, "1"),), 0.0, 1200.0)
    assert third is not None

    assert 0.333333 == written(third)
    assert "0.333333333333" == exact(third)
    assert ("17222.4", "0", "100") == tuple(map(exact, map(Decimal, ("17222.40", "0E+3", "1E+2"))))


@given(st.dictionaries(moments, prices, min_size=1), moments, moments, moments)
def test_parts_add_up(told: dict[float, str], a: float, b: float, c: float) -> None:
    """The cost of a time is that of its parts, wherever it is cut; and never negative."""
    tariffs = tuple(Tariff(since, told[since]) for since in sorted(told))
    start, middle, end = sorted((a, b, c))
    whole = cost(tariffs, start, end)
    parts = cost(tariffs, start, middle), cost(tariffs, middle, end)

    if whole is None:
        assert tariffs[0].since > start
    else:
        assert whole >= 0
        assert None not in parts
        assert abs(whole - sum(part for part in parts if part is not None)) < Decimal("1e-20")
