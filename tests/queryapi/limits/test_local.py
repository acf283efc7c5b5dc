"""Nobody gets more than is theirs, and who keeps to the rate is never refused."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from queryapi.limits.allowance import Allowance
from queryapi.limits.bucket import Rule
from queryapi.limits.local import LocalLimiter

_SECOND = 1_000_000_000
_RULES = st.builds(Rule, per_minute=st.integers(1, 10_000), burst=st.integers(1, 50))
_PAUSES = st.lists(st.integers(0, 90 * _SECOND), max_size=80)


class _Clock:
    def __init__(self) -> None:
        self.now = 7 * _SECOND

    def __call__(self) -> int:
        return self.now


def _limiter(rule: Rule, clock: _Clock, *, buckets: int = 10) -> LocalLimiter:
    return LocalLimiter(rule, buckets=buckets, clock=clock)


def test_a_burst_then_the_rate() -> None:
    """A client has its burst at once, then one request as often as the rate says."""
    clock = _Clock()
    limiter = _limiter(Rule(per_minute=30, burst=3), clock)

    assert [
        Allowance(allowed=True, remaining=2, reset=2.0, retry_after=0.0),
        Allowance(allowed=True, remaining=1, reset=4.0, retry_after=0.0),
        Allowance(allowed=True, remaining=0, reset=6.0, retry_after=0.0),
        Allowance(allowed=False, remaining=0, reset=6.0, retry_after=2.0),
    ] == [limiter.take("c", "/r") for _ in range(4)]

    clock.now += _SECOND
    assert Allowance(allowed=False, remaining=0, reset=5.0, retry_after=1.0) == (
        limiter.take("c", "/r")
    )
    clock.now += _SECOND
    assert limiter.take("c", "/r").allowed
    assert not limiter.take("c", "/r").allowed


def test_clients_and_endpoints_are_counted_apart() -> None:
    """One client's haste is not another's, nor one endpoint's the other's."""
    limiter = _limiter(Rule(per_minute=1, burst=1), _Clock())
    asked = [("a", "/r"), ("b", "/r"), ("a", "/s"), ("a", "/r")]

    assert [True, True, True, False] == [limiter.take(*pair).allowed for pair in asked]


@given(_RULES, _PAUSES)
def test_never_more_than_burst_and_rate(rule: Rule, pauses: list[int]) -> None:
    """Between any two moments no more is allowed than burst + rate x time."""
    clock = _Clock()
    limiter = _limiter(rule, clock)
    allowed: list[int] = []
    for pause in pauses:
        clock.now += pause
        if limiter.take("c", "/r").allowed:
            allowed.append(clock.now // 1000)

    for first, begun in enumerate(allowed):
        for last in range(first, len(allowed)):
            earned = (allowed[last] - begun) * rule.per_minute
            assert (last - first + 1) * 60_000_000 <= rule.burst * 60_000_000 + earned


@given(_RULES, st.lists(st.integers(0, 10**9), min_size=1, max_size=200))
def test_who_keeps_to_the_rate_is_never_refused(rule: Rule, late: list[int]) -> None:
    """However long a client asks at its rate, or later, it is allowed."""
    clock = _Clock()
    limiter = _limiter(rule, clock)
    # Microseconds are what is counted in: a pause that is not a whole number is rounded up.
    pace = -(-60_000_000 // rule.per_minute) * 1000
    for extra in late:
        assert limiter.take("c", "/r").allowed
        clock.now += pace + extra


@given(_RULES, _PAUSES)
def test_who_waits_as_long_as_told_is_allowed(rule: Rule, pauses: list[int]) -> None:
    """`retry_after` is enough, and `reset` fills the bucket."""
    clock = _Clock()
    limiter = _limiter(rule, clock)
    for pause in pauses:
        clock.now += pause
        answer = limiter.take("c", "/r")
        if not answer.allowed:
            clock.now += int(answer.retry_after * _SECOND) + 1000
            answer = limiter.take("c", "/r")
        assert answer.allowed
    clock.now += int(limiter.take("c", "/r").reset * _SECOND) + 1000
    assert rule.burst - 1 == limiter.take("c", "/r").remaining


def test_newcomers_make_no_room_by_coming_in_turns() -> None:
    """A common bucket that was paid back leaves its place to nobody: memory stays bounded."""
    clock, rule = _Clock(), Rule(per_minute=60, burst=2)
    limiter = _limiter(rule, clock, buckets=2)
    names: list[str] = []
    for turn in range(5):
        names.append(f"name-{turn}")
        for name in (names[-1], *names, *names, f"newcomer-{turn}"):
            limiter.take(name, "/r")
        clock.now += _SECOND

        assert len(limiter) <= 3


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20 * _SECOND)), max_size=150))
def test_ever_new_names_are_no_way_around(visits: list[tuple[int, int]]) -> None:
    """With more names than there is room for, all together get a bounded number of requests."""
    clock = _Clock()
    rule, room = Rule(per_minute=6, burst=2), 3
    limiter = _limiter(rule, clock, buckets=room)
    begun, allowed = clock.now, 0
    for name, pause in visits:
        clock.now += pause
        allowed += limiter.take(f"name-{name}", "/r").allowed
        assert len(limiter) <= room + 1

    earned = (clock.now - begun) // 1000 * rule.per_minute // 60_000_000
    assert allowed <= (room + 1) * (rule.burst + earned)


def test_what_is_forgotten_is_of_no_account() -> None:
    """A newcomer takes the place of one who owes nothing; who owes is remembered."""
    clock = _Clock()
    limiter = _limiter(Rule(per_minute=60, burst=2), clock, buckets=2)
    limiter.take("spent", "/r")
    limiter.take("spent", "/r")
    limiter.take("brief", "/r")
    clock.now += _SECOND

    assert limiter.take("new", "/r").allowed
    assert limiter.take("spent", "/r").allowed
    assert not limiter.take("spent", "/r").allowed


def test_without_room_newcomers_share() -> None:
    """When everybody who is known owes something, strangers have one bucket together."""
    limiter = _limiter(Rule(per_minute=1, burst=2), _Clock(), buckets=1)
    limiter.take("known", "/r")

    assert [True, True, False] == [limiter.take(name, "/r").allowed for name in ("a", "b", "c")]
    assert limiter.take("known", "/r").allowed


def test_a_clock_set_back_pays_nothing() -> None:
    """Time that goes backwards neither fills a bucket nor empties it."""
    clock = _Clock()
    limiter = _limiter(Rule(per_minute=60, burst=2), clock)
    limiter.take("c", "/r")
    clock.now -= 5 * _SECOND

    assert [True, False] == [limiter.take("c", "/r").allowed for _ in range(2)]


def test_threads_take_from_one_bucket() -> None:
    """However many threads ask at once, the burst is given once."""
    limiter = LocalLimiter(Rule(per_minute=1, burst=100))
    allowed: list[bool] = []

    def ask() -> None:
        allowed.extend(limiter.take("c", "/r").allowed for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 100 == sum(allowed)
