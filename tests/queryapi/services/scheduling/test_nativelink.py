"""What a NativeLink counts is told as it is; what it does not tell is null."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.errors import NoData
from queryapi.promql.series import ACTIONS, CONNECTED, STATES, variants
from queryapi.promql.values import Sample
from queryapi.services.scheduling.nativelink import (
    INSTRUMENTS,
    Instruments,
    NativeLink,
    read_instruments,
)
from queryapi.services.scheduling.scheduler import Scheduler, Topic

_LABELS = {CONNECTED: "", STATES: "worker_state", ACTIONS: "execution_stage"}


def told(
    instrument: str, at: float = 100.0, *, plain: bool = False, **values: float
) -> list[Sample]:
    """Return what the question finds of an instrument; `_` is the value without a label."""
    name = variants(instrument)[plain]
    label = _LABELS[instrument]
    found = [
        Sample({"told": name, **({label: value} if label else {})}, (200.0, number))
        for value, number in values.items()
    ]
    return [*found, Sample({"known_at": name}, (200.0, at))]


WHOLE = [
    *told(CONNECTED, _=10),
    *told(STATES, 90.0, paused=2, draining=1),
    *told(ACTIONS, queued=5, cache_check=2, executing=4, completed=8, unknown=1),
]


def test_every_number_is_read() -> None:
    """Looking into the cache is waiting; what is not known to be anything is left out."""
    assert Instruments(90.0, 90.0, 10, 2, 1, 7, 4, 8) == read_instruments(WHOLE)


def test_either_name_tells_the_same() -> None:
    """With `nativelink_` in front or without; with both, the first counts, and no sum."""
    plain = [
        *told(CONNECTED, 80.0, plain=True, _=99),
        *told(STATES, 80.0, plain=True, paused=9, draining=9),
        *told(ACTIONS, 80.0, plain=True, queued=9, executing=9),
    ]

    assert read_instruments(WHOLE) == read_instruments([*plain, *WHOLE])
    assert Instruments(80.0, 80.0, 99, 9, 9, 9, 9, 0) == read_instruments(plain)


def test_an_older_nativelink_tells_of_operations_alone() -> None:
    """What nobody counts is null; what was never counted is zero."""
    assert Instruments(100.0, 100.0, None, None, None, 0, 3, 0) == read_instruments(
        told(ACTIONS, executing=3)
    )


def test_states_without_workers_tell_nothing() -> None:
    """Paused ones of an unknown number are no number of workers."""
    found = read_instruments([*told(STATES, 90.0, paused=1), *told(ACTIONS, queued=1)])

    assert (None, None, None) == (found.workers, found.paused, found.draining)


def test_workers_that_were_never_paused_are_active() -> None:
    """NativeLink begins to count a state with the first worker in it."""
    found = read_instruments(told(CONNECTED, _=3))

    assert (3, 0, 0) == (found.workers, found.paused, found.draining)
    assert (None, None, None) == (found.queued, found.executing, found.completed)


@pytest.mark.parametrize(
    "found",
    [
        [],
        told(STATES, paused=1),
        [Sample({"told": variants(CONNECTED)[0]}, (1.0, 3.0))],
        told(CONNECTED, math.nan, _=3),
        told(CONNECTED, _=math.inf),
    ],
)
def test_nothing_at_all_says_what_to_look_at(found: list[Sample]) -> None:
    """No worker and no action is no cluster without work."""
    with pytest.raises(NoData, match="does NativeLink send its metrics there"):
        read_instruments(found)


_NUMBERS = st.integers(-3, 20).map(float) | st.sampled_from([math.nan, math.inf, 1.6])


@given(total=_NUMBERS.filter(math.isfinite), paused=_NUMBERS, draining=_NUMBERS)
def test_workers_always_add_up(total: float, paused: float, draining: float) -> None:
    """Whatever is counted, a worker is one of active, paused and draining."""
    found = read_instruments(
        [*told(CONNECTED, _=total), *told(STATES, paused=paused, draining=draining)]
    )
    assert found.workers is not None
    assert found.paused is not None
    assert found.draining is not None

    assert max(0, round(total)) == found.workers
    assert 0 <= found.workers - found.paused - found.draining
    assert min(found.paused, found.draining) >= 0


def test_it_is_a_source_of_scheduler_monitoring() -> None:
    """One part answers everything, and is read when the window opens."""
    source: Scheduler = NativeLink()

    assert {(INSTRUMENTS,)} == {source.parts(topic, limited=False) for topic in Topic}
    assert (INSTRUMENTS,) == source.leads == source.timeline.chain
