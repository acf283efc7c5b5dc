"""Whoever reads log or metrics learns of every outage, and of its end only when it ended."""

import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from queryapi.errors import Conflict, StoreUnavailable
from queryapi.storage import pools
from queryapi.storage.engine import Store
from queryapi.storage.failures import Failure
from queryapi.storage.health import Health
from queryapi.telemetry.storing import Storing
from tests.support.stored import POOL, names, stored

GONE = Failure("the database does not answer", "connection refused", lost=True)
LOCKED_OUT = Failure("the database does not answer", "authentication failed", lost=True)
FULL = Failure("the database takes no writes: its disk is full", "disk is full", lost=False)
RECOVERED = "the database can be used again"


class _Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(it.__dict__.get("fields", {}).get("error", it.message)) for it in caplog.records]


def test_a_long_outage_is_told_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is asked meanwhile."""
    caplog.set_level(logging.INFO)
    clock = _Clock()
    health = Health(clock, None)
    for _ in range(1_000):
        health.failed(GONE, writing=False)
        clock.now += 1
    health.worked(writing=True)
    health.worked(writing=True)

    assert ["connection refused", RECOVERED] == _said(caplog)


def test_an_outage_soon_after_another_is_told_once_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that comes and goes fills no log; one that stays is not forgotten over it."""
    caplog.set_level(logging.INFO)
    clock = _Clock()
    health = Health(clock, None)
    health.failed(GONE, writing=False)
    health.worked(writing=True)
    for _ in range(120):
        clock.now += 1
        health.failed(GONE, writing=False)
    health.worked(writing=True)

    assert ["connection refused", RECOVERED] * 2 == _said(caplog)


def test_another_reason_within_one_outage_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The server is back and refuses the password: whoever only reads of the first looks there."""
    caplog.set_level(logging.INFO)
    clock = _Clock()
    health = Health(clock, None)
    for failure in (GONE, LOCKED_OUT, FULL):
        for _ in range(120):
            health.failed(failure, writing=True)
            clock.now += 1

    assert [GONE.detail, LOCKED_OUT.detail, FULL.detail] == _said(caplog)


def test_two_reasons_that_take_turns_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Readers and writers may be refused for different reasons: a line a minute at most."""
    clock = _Clock()
    health = Health(clock, None)
    for _ in range(300):
        health.failed(GONE, writing=False)
        health.failed(FULL, writing=True)
        clock.now += 1

    assert len(_said(caplog)) <= 6


def test_a_write_that_its_caller_gave_up_proves_no_more_than_a_read(tmp_path: Path) -> None:
    """A pool that nobody has was not deleted: that says nothing of a disk that is full."""
    registry = CollectorRegistry()
    with stored(f"sqlite:///{tmp_path / 'gpuscope.db'}") as store:
        names(store)
    store = Store(f"sqlite:///{tmp_path / 'gpuscope.db'}", storing=Storing(registry))

    def up() -> float | None:
        return registry.get_sample_value("gpuscope_api_database_up")

    try:
        names(store)
        assert 1 == up()
        store._health.failed(FULL, writing=True)
        assert 0 == up()
        with pytest.raises(Conflict), store.writing():
            raise Conflict("no")
        assert 0 == up()
        with store.writing() as session:
            pools.insert(session, POOL)
        assert 1 == up()
    finally:
        store.close()


def test_while_nobody_answers_only_one_a_second_waits() -> None:
    """The others are refused at once."""
    clock = _Clock()
    health = Health(clock, None)
    health.admit()
    health.failed(GONE, writing=False)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        health.admit()
    clock.now += 1.1
    health.admit()
    with pytest.raises(StoreUnavailable):
        health.admit()
