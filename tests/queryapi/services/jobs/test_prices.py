"""What jobs cost by the hour: whose word counts, and that what was true stays."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.reporting import reported
from queryapi.services.jobs.model import Caller, Report
from queryapi.services.jobs.money import cost
from queryapi.services.jobs.prices import Live, PriceList
from queryapi.settings import Providers
from queryapi.storage.jobrecords import Job, JobStatus, Tariff
from tests.support.reporting import NOTHING

HOUR = 3600.0
# 2026-12-01T00:00:00Z
START = 1_796_083_200.0


def providers(**tables: Any) -> Providers:
    """Return settings as a file has them."""
    return msgspec.convert(tables, Providers)


def job(**known: Any) -> Job:
    """Return a running job."""
    usual = {"status": JobStatus.RUNNING, "started_at": START, "created_at": START}
    return Job(**{"number": 1, "id": "j", "cluster": "c", "owner": "o", **usual, **known})


def priced(settings: Providers, of: Job, at: float = START) -> Job:
    """Return a job with what it costs."""
    return msgspec.structs.replace(of, tariffs=PriceList(settings).now(of, at))


EVERYBODY = {
    "workers": {"w": 1},
    "pools": {"p": "2"},
    "instance_types": {"t": 3},
    "gpu_models": {"H100": {"price_per_hour": "2.99", "per_gpu": True}},
    "default": 0.5,
}


@pytest.mark.parametrize(
    ("price", "source", "known"),
    [
        ("1", "worker", {"worker": "w", "pool": "p"}),
        ("2", "pool", {"worker": "x", "pool": "p", "instance_type": "t"}),
        ("3", "instance_type", {"pool": "x", "instance_type": "t", "gpu_model": "H100"}),
        ("23.92", "gpu_model", {"gpu_model": "H100", "gpus": 8}),
        (None, "gpu_model", {"gpu_model": "H100"}),
        ("0.5", "default", {"gpu_model": "A100"}),
        ("0.5", "default", {}),
    ],
)
def test_whose_word_counts(price: str | None, source: str, known: dict[str, Any]) -> None:
    """The first that says something, to the last decimal; of each GPU only where they are known."""
    prices = PriceList(providers(**EVERYBODY))

    assert (Tariff(START, price, source),) == prices.now(job(**known), START)


def test_without_a_word_nobody_knows() -> None:
    """No price is no price of 0; one of 0 that is configured is."""
    assert (Tariff(START, None),) == PriceList(providers()).now(job(), START)
    assert "0" == PriceList(providers(default=0)).now(job(), START)[0].price


@pytest.mark.parametrize(
    ("expected", "live", "known"),
    [
        (Tariff(START, "1", "worker"), Live(Decimal(9)), {"worker": "w"}),
        (Tariff(START, "9", "label"), Live(Decimal(9)), {"pool": "p"}),
        (Tariff(START, "2", "pool"), Live(None), {"pool": "p"}),
        (Tariff(START, "2", "pool"), None, {"pool": "p"}),
    ],
)
def test_what_is_written_on_the_node(
    expected: Tariff, live: Live | None, known: dict[str, Any]
) -> None:
    """It counts before the settings, but for a price of the worker's own."""
    assert (expected,) == PriceList(providers(**EVERYBODY), lambda _: live).now(job(**known), START)


def test_a_node_that_is_not_seen_is_not_cheaper() -> None:
    """While Prometheus is away, the price stays; a label that is taken off ends it."""
    paid = job(tariffs=(Tariff(START, "9", "label"),))
    silent = PriceList(providers(default=1), lambda _: None)
    bare = PriceList(providers(default=1), lambda _: Live(None))

    assert paid.tariffs == silent.now(paid, START + 60)
    assert (*paid.tariffs, Tariff(START + 60, "1", "default")) == bare.now(paid, START + 60)


def test_a_price_changed_in_the_settings_leaves_what_was() -> None:
    """After a restart with another price the time before costs what it did: 25 for 5 h + 5 h."""
    before = priced(providers(default=2), job())
    after = priced(providers(default=3), before, START + 5 * HOUR)

    assert Decimal(25) == cost(after.tariffs, START, START + 10 * HOUR)
    assert after == priced(providers(default=3), after, START + 9 * HOUR)


def test_a_price_that_changes_at_a_moment() -> None:
    """The settings' moment counts, whenever a report comes by."""
    settings = providers(
        default={
            "price_per_hour": 2,
            "changes": [
                {"since": "2026-12-01T05:00:00Z", "price_per_hour": "3"},
                {"since": "2026-12-01T12:00:00+02:00", "price_per_hour": "4"},
            ],
        }
    )
    begun = priced(settings, job())
    later = priced(settings, begun, START + 7 * HOUR)

    assert (Tariff(START, "2", "default"),) == begun.tariffs
    assert (*begun.tariffs, Tariff(START + 5 * HOUR, "3", "default")) == later.tariffs
    assert 3 == len(PriceList(settings).now(later, START + 10 * HOUR))
    assert later.tariffs == PriceList(settings).now(job(), START + 7 * HOUR)


def test_a_change_that_is_written_into_the_settings_later() -> None:
    """It takes effect at its own moment, not at the restart."""
    before = priced(providers(default=2), job())
    changed = {"since": "2026-12-01T05:00:00", "price_per_hour": "3"}
    settings = providers(default={"price_per_hour": 2, "changes": [changed]})
    after = PriceList(settings).now(before, START + 6 * HOUR)

    assert (*before.tariffs, Tariff(START + 5 * HOUR, "3", "default")) == after


def test_a_price_that_is_found_later_counts_from_the_start() -> None:
    """Nobody knew another one: a cost that is never known would serve no one."""
    unknown = priced(providers(gpu_models={"H100": 2}), job())
    found = msgspec.structs.replace(unknown, gpu_model="H100")

    assert (Tariff(START, "2", "gpu_model"),) == priced(
        providers(gpu_models={"H100": 2}), found, START + 60
    ).tariffs


def test_a_price_that_is_taken_away() -> None:
    """From then on nobody knows, and so nobody knows the cost."""
    before = priced(providers(default=2), job())

    assert (*before.tariffs, Tariff(START + 60, None)) == PriceList(providers()).now(
        before, START + 60
    )


def test_a_job_that_began_earlier_than_was_known() -> None:
    """As when its pod is found: it is paid from its start."""
    before = priced(providers(default=2), job())
    earlier = msgspec.structs.replace(before, started_at=START - HOUR)

    assert (Tariff(START - HOUR, "2", "default"),) == PriceList(providers(default=2)).now(
        earlier, START + 60
    )


def test_what_has_not_started_is_not_paid_yet() -> None:
    """Its price is known already."""
    waiting = job(status=JobStatus.PENDING, started_at=None)
    prices = PriceList(providers(default=2))

    assert () == prices.now(waiting, START)
    assert Decimal(2) == prices.rate(waiting, START)


def test_the_end_is_the_end() -> None:
    """What changes after it changes nothing."""
    ended = job(status=JobStatus.COMPLETED, ended_at=START + HOUR)
    before = priced(providers(default=2), ended)
    after = priced(providers(default=9), before, START + 5 * HOUR)

    assert Decimal(2) == cost(after.tariffs, START, START + HOUR)


@given(st.lists(st.tuples(st.integers(0, 3600), st.sampled_from([None, 0, 1, "2.5"]))))
def test_what_was_paid_is_never_counted_anew(turns: list[tuple[int, float | str | None]]) -> None:
    """However often settings change, a known cost of the past stays as it was."""
    one, at = job(), START
    for seconds, price in turns:
        at += seconds
        was = cost(one.tariffs, START, at)
        one = priced(providers(default=price), one, at)
        # The instant of the change is of the new price already.
        before = [tariff for tariff in one.tariffs if tariff.since < at]
        assert was is None or at == START or was == cost(before, START, at)


def test_what_changes_between_two_attempts_costs_nothing_before_the_second() -> None:
    """The time between is free whatever happens in it; the second pays from its beginning on."""
    changed = {"since": "2026-12-01T02:00:00Z", "price_per_hour": 5}
    prices = PriceList(providers(default={"price_per_hour": 2, "changes": [changed]}))
    failed = job(
        status=JobStatus.FAILED, tariffs=(Tariff(START, "2", "default"),), ended_at=START + HOUR
    )
    # Told a minute after it began.
    report = Report(progress=1.0, restart=True, age=60.0)
    anew = reported(failed, report, Caller("o"), Around(START + 9 * HOUR + 60, prices, NOTHING)).job

    assert Decimal(2 + 5) == cost(anew.tariffs, anew.started_at, START + 10 * HOUR)
