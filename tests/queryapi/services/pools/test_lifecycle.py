"""The states of a pool: none is entered by accident, and none is missed."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.pools import lifecycle
from queryapi.services.pools.lifecycle import Seen, Terms
from queryapi.settings import Cluster, Pools, Settings
from queryapi.storage.records import Condition, Status

INITIALIZING, ACTIVE = Status.INITIALIZING, Status.ACTIVE
DEGRADED, MAINTENANCE = Status.DEGRADED, Status.MAINTENANCE
TERMS = Terms(settle=60, join_within=600, activate_after=None, gap=90)
WHOLE = Seen(nodes=8, ready=8, cordoned=0, wanted=8)
FEWER = Seen(nodes=8, ready=6, cordoned=0, wanted=8)
EMPTY = Seen(nodes=0, ready=0, cordoned=0, wanted=8)
CORDONED = Seen(nodes=8, ready=8, cordoned=8, wanted=8)


def _growing(ready: int, nodes: int = 8, at: float = 1000) -> Seen:
    return Seen(nodes=nodes, ready=ready, cordoned=0, wanted=12, resized_at=at)


def _new(at: float = 0) -> Condition:
    return lifecycle.registered("pool-1", "c", "training", at)


def _live(
    condition: Condition,
    looks: Iterable[tuple[float, Seen]],
    terms: Terms = TERMS,
    previous: float | None = None,
) -> list[Condition]:
    """Return the condition after each look, as whoever looks would have it."""
    found = []
    for at, seen in looks:
        unbroken = lifecycle.continues(previous, at, terms)
        condition = lifecycle.step(condition, seen, at, terms, unbroken=unbroken)
        previous = at
        found.append(condition)
    return found


def _every(seconds: int, seen: Seen, start: float, end: float) -> list[tuple[float, Seen]]:
    return [(start + passed, seen) for passed in range(0, int(end - start) + 1, seconds)]


def _active(at: float = 1000) -> Condition:
    return _live(_new(at - 60), _every(15, WHOLE, at - 60, at))[-1]


def test_a_pool_is_initializing_until_all_nodes_are_ready() -> None:
    """Fewer are not enough, however long; all of them are when they have stayed a minute."""
    waiting = _live(_new(), _every(15, FEWER, 0, 3600))
    ready = _live(waiting[-1], _every(15, WHOLE, 3615, 3675), previous=3600)

    assert {INITIALIZING} == {one.status for one in waiting}
    assert [INITIALIZING] * 4 + [ACTIVE] == [one.status for one in ready]


def test_a_pool_that_loses_nodes_is_degraded_and_recovers() -> None:
    """Each change counts after a minute."""
    lost = _live(_active(), _every(15, FEWER, 1015, 1075), previous=1000)
    back = _live(lost[-1], _every(15, WHOLE, 1090, 1150), previous=1075)

    assert [ACTIVE] * 4 + [DEGRADED] == [one.status for one in lost]
    assert [DEGRADED] * 4 + [ACTIVE] == [one.status for one in back]


def test_flapping_counts_for_nothing() -> None:
    """A node that comes and goes every half a minute leaves the pool as it is."""
    looks = [(1000 + 15 * n, FEWER if n % 4 < 3 else WHOLE) for n in range(1, 100)]

    assert {ACTIVE} == {one.status for one in _live(_active(), looks, previous=1000)}


def test_what_nobody_looked_at_was_not_seen() -> None:
    """Two looks ten minutes apart show a state twice, not for ten minutes."""
    apart = _live(_active(), [(1015, FEWER), (1615, FEWER), (1630, FEWER)], previous=1000)
    later = _live(apart[-1], _every(15, FEWER, 1645, 1675), previous=1630)

    assert {ACTIVE} == {one.status for one in apart}
    assert (DEGRADED, 1675) == (later[-1].status, later[-1].since)


def test_what_somebody_says_counts_at_once() -> None:
    """In and out of maintenance at the next look, whatever state the pool is in then."""
    flagged = Seen(nodes=8, ready=6, cordoned=0, wanted=8, maintenance=True)
    during, after = _live(_active(), [(1015, flagged), (1030, FEWER)], previous=1000)
    young = _live(_new(), [(15, flagged), (30, FEWER)])

    assert (MAINTENANCE, DEGRADED) == (during.status, after.status)
    assert [MAINTENANCE, INITIALIZING] == [one.status for one in young]


def test_a_pool_all_of_whose_nodes_are_cordoned_is_in_maintenance() -> None:
    """All of them, and for a minute; one left open is no maintenance."""
    most = Seen(nodes=8, ready=8, cordoned=7, wanted=8)
    closed = _live(_active(), _every(15, CORDONED, 1015, 1075), previous=1000)

    assert [ACTIVE] * 4 + [MAINTENANCE] == [one.status for one in closed]
    assert ACTIVE is _live(_active(), _every(15, most, 1015, 1500), previous=1000)[-1].status
    assert ACTIVE is _live(closed[-1], _every(15, WHOLE, 1090, 1150), previous=1075)[-1].status


def test_a_pool_that_was_told_to_grow_has_time() -> None:
    """Nodes that never came do not count against it for ten minutes; one that was there does."""
    in_time = _live(_active(), _every(15, _growing(8), 1015, 1595), previous=1000)
    late = _live(in_time[-1], _every(15, _growing(8), 1610, 1670), previous=1595)
    lost = _live(_active(), _every(15, _growing(7, nodes=7), 1015, 1075), previous=1000)

    assert {ACTIVE} == {one.status for one in in_time}
    assert DEGRADED is late[-1].status
    assert DEGRADED is lost[-1].status


def test_a_node_that_joined_and_left_is_missed() -> None:
    """Of twelve that are wanted ten had come: eight are fewer than had been there."""
    ten = _live(_active(), [(1015, _growing(10, nodes=10))], previous=1000)[-1]
    eight = _live(ten, _every(15, _growing(8), 1030, 1090), previous=1015)

    assert DEGRADED is eight[-1].status


def test_who_shrinks_and_grows_again_begins_to_wait_anew() -> None:
    """What a pool had before it was made smaller is not what it must have while it grows."""
    grown = _live(_active(), _every(15, _growing(12, nodes=12), 1015, 1075), previous=1000)[-1]
    shrunk = _live(grown, [(1090, WHOLE)], previous=1075)[-1]
    again = _live(shrunk, _every(15, _growing(8, at=1100), 1105, 1300), previous=1090)

    assert {ACTIVE} == {one.status for one in again}


def test_a_pool_without_nodes_waits_as_long_as_it_is_told() -> None:
    """For ever by default; with activate_after until then, and it stays active after that."""
    terms = Terms(settle=60, join_within=600, activate_after=300, gap=90)
    for_ever = _live(_new(), _every(60, EMPTY, 0, 86400))
    activated = _live(_new(), _every(60, EMPTY, 0, 86400), terms)

    assert {INITIALIZING} == {one.status for one in for_ever}
    assert [INITIALIZING] * 6 + [ACTIVE] == [one.status for one in activated[:7]]
    assert {ACTIVE} == {one.status for one in activated[7:]}


def test_a_pool_that_lost_all_nodes_is_degraded_all_the_same() -> None:
    """activate_after is for pools that never had one."""
    terms = Terms(settle=60, join_within=600, activate_after=300, gap=90)

    assert DEGRADED is _live(_active(), _every(15, EMPTY, 1015, 1075), terms, 1000)[-1].status


@pytest.mark.parametrize(
    ("expected", "seen"), [(ACTIVE, WHOLE), (DEGRADED, FEWER), (MAINTENANCE, CORDONED)]
)
def test_a_found_pool_begins_as_it_is(expected: Status, seen: Seen) -> None:
    """It has been there before anybody looked."""
    assert expected is lifecycle.found("a100", "c", "a100", seen, 0).status
    assert expected is lifecycle.shown(None, seen, 0, TERMS, own=False)


def test_what_is_shown_is_what_counts() -> None:
    """Between two looks only what somebody says is newer than the condition."""
    flagged = Seen(nodes=8, ready=8, cordoned=0, wanted=8, maintenance=True)
    during = _live(_active(), [(1015, flagged)])[-1]

    def shown(past: Condition | None, seen: Seen, *, known: bool = True) -> Status:
        return lifecycle.shown(past, seen, 1020, TERMS, own=True, known=known)

    assert INITIALIZING is shown(None, WHOLE)
    assert ACTIVE is shown(_active(), FEWER)
    assert MAINTENANCE is shown(_active(), flagged)
    assert DEGRADED is shown(during, FEWER)
    assert MAINTENANCE is shown(during, EMPTY, known=False)


@pytest.mark.parametrize(
    ("expected", "status", "seen"),
    [
        ("6 of 8 nodes are ready", DEGRADED, FEWER),
        ("All 8 nodes are ready", ACTIVE, WHOLE),
        ("All 8 nodes are cordoned", MAINTENANCE, CORDONED),
        ("All 8 nodes are ready, but not for long enough yet", INITIALIZING, WHOLE),
        ("All 8 nodes are ready, but not for long enough yet", DEGRADED, WHOLE),
        ("All 8 nodes are ready, but not for long enough yet", MAINTENANCE, WHOLE),
        ("None of 8 nodes has joined yet", INITIALIZING, EMPTY),
        ("Its node has not joined yet", INITIALIZING, Seen(0, 0, 0, 1)),
        ("None of 8 nodes is there", DEGRADED, EMPTY),
        ("None of 8 nodes is there", ACTIVE, EMPTY),
        ("Its node is not there", DEGRADED, Seen(0, 0, 0, 1)),
        ("0 of 8 nodes are ready", DEGRADED, Seen(8, 0, 0, 8)),
        ("All 12 nodes are ready, 8 are wanted", ACTIVE, Seen(12, 12, 0, 8)),
        ("9 of 12 nodes are ready, 8 are wanted", ACTIVE, Seen(12, 9, 0, 8)),
        ("1 of 2 nodes is ready, 1 is wanted", ACTIVE, Seen(2, 1, 0, 1)),
        ("Its node is not ready", DEGRADED, Seen(1, 0, 0, 1)),
        ("1 of 8 nodes is ready", DEGRADED, Seen(1, 1, 0, 8)),
        ("Its node is ready", ACTIVE, Seen(1, 1, 0, 1)),
        ("It is said to be worked on", MAINTENANCE, Seen(8, 8, 0, 8, maintenance=True)),
        ("Nothing is known of its nodes now", ACTIVE, None),
    ],
)
def test_a_reason_is_a_sentence(expected: str, status: Status, seen: Seen | None) -> None:
    """For people."""
    assert expected == lifecycle.reason(status, seen)


def test_terms_are_the_settings() -> None:
    """Looks belong together that are two intervals and the age of an old answer apart."""
    settings = Settings(
        clusters=(Cluster("c", "http://prometheus"),),
        pools=Pools(observe=10, settle=30, join_within=60, activate_after=5),
    )

    assert Terms(30, 60, 5, 2 * 10 + 60) == Terms.of(settings)


_SEEN = st.builds(
    lambda wanted, nodes, ready, cordoned, flag, resized: Seen(
        nodes, min(ready, nodes), min(cordoned, nodes), wanted, flag, resized
    ),
    st.integers(1, 4),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from([False, False, False, True]),
    st.floats(0, 2000),
)
_PASSED = st.sampled_from([15, 15, 30, 60, 0, 1, 90, 91, 600, -5, -1000])
_LOOKS = st.lists(
    st.tuples(_PASSED, st.sampled_from([WHOLE, FEWER, CORDONED]) | _SEEN), max_size=40
)
_TERMS = st.builds(
    Terms,
    settle=st.sampled_from([0.0, 15.0, 60.0]),
    join_within=st.sampled_from([0.0, 600.0]),
    activate_after=st.sampled_from([None, 0.0, 300.0]),
    gap=st.just(90.0),
)


@given(looks=_LOOKS, terms=_TERMS)
def test_nothing_is_entered_that_was_not_seen_long_enough(
    looks: list[tuple[int, Seen]], terms: Terms
) -> None:
    """Whatever is seen, whenever: every change had been shown by an unbroken row of looks."""
    at, condition, previous = 1000.0, _new(1000), None
    row: list[tuple[float, Status | None]] = []
    for passed, seen in looks:
        at += passed
        if not lifecycle.continues(previous, at, terms):
            row = []
        before = condition
        condition = _live(before, [(at, seen)], terms, previous)[0]
        previous = at
        row.append((at, condition.candidate or condition.status))
        if condition.status is before.status:
            continue
        assert condition.since == at
        # Nobody begins anew.
        assert condition.status is not INITIALIZING or before.status is MAINTENANCE
        assert before.status is not INITIALIZING or condition.status is not DEGRADED
        said = seen.maintenance or before.flagged
        shown_since = next(
            (
                row[index + 1][0]
                for index in range(len(row) - 2, -1, -1)
                if row[index][1] is not condition.status
            ),
            row[0][0],
        )
        assert said or at - shown_since >= terms.settle


@given(looks=_LOOKS, last=_SEEN, terms=_TERMS)
def test_what_stays_as_it_is_comes_to_rest(
    looks: list[tuple[int, Seen]], last: Seen, terms: Terms
) -> None:
    """After enough of the same a look changes nothing, so that nothing is written."""
    at, condition = 1000.0, _new(1000)
    for passed, seen in looks:
        at += passed
        condition = _live(condition, [(at, seen)], terms)[0]
    *_, rested = _live(condition, _every(15, last, at, at + 6000), terms)

    assert [rested] == _live(rested, [(at + 6015, last)], terms, at + 6000)
    assert rested.candidate is None
