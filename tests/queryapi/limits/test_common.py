"""Processes count one budget together; without Redis each counts its own, and never none."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from demo.processes import LOOPBACK, free_port
from queryapi.errors import SharedUnavailable
from queryapi.limits.allowance import Allowance
from queryapi.limits.bucket import Rule
from queryapi.limits.choice import limiter_of
from queryapi.limits.common import CommonLimiter
from queryapi.limits.local import LocalLimiter
from queryapi.settings import Limits, Settings
from queryapi.shared.redis import RedisStore
from queryapi.telemetry.sharing import Sharing
from tests.support.redis import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def _store(url: str) -> RedisStore:
    return RedisStore(url, Sharing(CollectorRegistry()))


class _AtTimes:
    """The real Redis, but for its clock: the script is told the time by the test."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self.now = 0

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str]) -> Sequence[int]:
        told = f"{{{self.now // 1_000_000}, {self.now % 1_000_000}}}"
        told_script = script.replace("redis.call('TIME')", told)
        assert told_script != script
        # Keys end by Redis' own clock, which stands still beside this one.
        return self._store.run(re.sub(r",\s*'PX', [^)]*\)\)", ")", told_script), keys, arguments)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class _Unasked:
    """Stands where the process would count alone: Redis is there, so nobody asks."""

    def take(self, client: str, endpoint: str) -> Allowance:
        raise AssertionError(f"{client} was counted alone at {endpoint}")


# The rules are few, as Redis keeps every script it was given; the times are as large as real ones.
@given(
    st.sampled_from([Rule(7, 3), Rule(500, 5), Rule(100_000_000, 100_000_000)]),
    st.lists(st.sampled_from([0, 1, 119_999, 120_000, 8_571_429, 10**9]), min_size=1, max_size=15),
)
def test_local_and_redis_agree(redis: RedisServer, rule: Rule, pauses: list[int]) -> None:
    """The same requests at the same times are answered the same, to the last digit."""
    store = _store(redis.url)
    store.run("return redis.call('FLUSHDB') and 1", [], [])
    timed, now = _AtTimes(store), 1_800_000_000_000_000
    local = LocalLimiter(rule, clock=lambda: now * 1000)
    common = CommonLimiter(rule, timed, _Unasked())  # type: ignore[arg-type]
    for pause in pauses:
        now += pause
        timed.now = now

        assert local.take("c", "/r") == common.take("c", "/r")
    store.close()


def test_two_processes_share_one_budget(redis: RedisServer) -> None:
    """What two processes allow at the same time is one burst, not two."""
    command = [sys.executable, "-m", "tests.support.taking", redis.url, "80"]
    takers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    allowed = [int(taker.communicate(timeout=60)[0]) for taker in takers]

    assert 100 == sum(allowed)
    assert all(0 < each <= 80 for each in allowed)


def test_a_bucket_that_is_full_again_takes_no_memory(redis: RedisServer) -> None:
    """A key lives as long as its client owes something."""
    store = _store(redis.url)
    redis.say("FLUSHALL")
    rule = Rule(per_minute=60, burst=10)
    limiter = CommonLimiter(rule, store, _Unasked())
    limiter.take("c", "/r")
    limiter.take("c", "/r")
    store.close()
    [key] = re.findall(r"gpuscope:limit:[0-9a-f]{32}", redis.say("KEYS", "*"))

    assert 1000 < int(redis.say("PTTL", key)[1:]) <= 2000


@pytest.mark.parametrize("name", ["\ud800", "x" * 100_000, "a\r\nFLUSHALL\r\n", "", "\0"])
def test_names_may_be_hostile(redis: RedisServer, name: str) -> None:
    """Whatever a client is called, it is counted, under a key of fixed length."""
    store = _store(redis.url)
    rule = Rule(per_minute=1, burst=1)
    limiters = (CommonLimiter(rule, store, _Unasked()), LocalLimiter(rule))

    assert [[True, False]] * 2 == [
        [limiter.take(name, "/hostile").allowed for _ in range(2)] for limiter in limiters
    ]
    store.close()


def test_names_and_endpoints_are_not_mixed_up(redis: RedisServer) -> None:
    """Two pairs whose texts are the same when joined have a bucket each."""
    store = _store(redis.url)
    limiter = CommonLimiter(Rule(per_minute=1, burst=1), store, _Unasked())

    assert [True, True] == [limiter.take(*pair).allowed for pair in (("ab", "c"), ("a", "bc"))]
    store.close()


def test_a_value_that_is_none_of_ours_is_replaced(redis: RedisServer) -> None:
    """Rubbish under a bucket's name counts as a full bucket, and is overwritten."""
    store = _store(redis.url)
    redis.say("FLUSHALL")
    limiter = CommonLimiter(Rule(per_minute=1, burst=1), store, _Unasked())
    limiter.take("c", "/r")
    [key] = re.findall(r"gpuscope:limit:[0-9a-f]{32}", redis.say("KEYS", "*"))
    redis.say("SET", key, "rubbish")

    assert [True, False] == [limiter.take("c", "/r").allowed for _ in range(2)]
    store.close()


def test_without_redis_the_limit_stays() -> None:
    """Each process then counts for itself: no error, and no end of limits."""
    store = _store(f"redis://{LOOPBACK}:{free_port()}")
    rule = Rule(per_minute=1, burst=3)
    limiter = CommonLimiter(rule, store, LocalLimiter(rule))

    assert [True] * 3 + [False] * 2 == [limiter.take("c", "/r").allowed for _ in range(5)]
    store.close()


def test_when_redis_ends_the_limit_stays(tmp_path: Path) -> None:
    """A Redis that dies between two requests is no reason to refuse or to let all pass."""
    with redis_server(tmp_path) as server:
        store = _store(server.url)
        rule = Rule(per_minute=1, burst=2)
        limiter = CommonLimiter(rule, store, LocalLimiter(rule))
        before = [limiter.take("c", "/r").allowed for _ in range(3)]
        server.kill()
        after = [limiter.take("c", "/r").allowed for _ in range(3)]

    assert ([True, True, False], [True, True, False]) == (before, after)
    store.close()


def test_an_answer_of_another_shape_is_no_answer() -> None:
    """A store that answers with fewer numbers than the script returns is not believed."""

    class _Odd:
        def __init__(self, answer: list[int] | None) -> None:
            self._answer = answer

        def run(self, *_: object) -> list[int]:
            if self._answer is None:
                raise SharedUnavailable("no")
            return self._answer

    rule = Rule(per_minute=1, burst=1)
    for answer in ([], [1], None):
        limiter = CommonLimiter(rule, _Odd(answer), LocalLimiter(rule))  # type: ignore[arg-type]
        assert [True, False] == [limiter.take("c", "/r").allowed for _ in range(2)]


def test_the_settings_choose(redis: RedisServer) -> None:
    """No rate is no limit; a store makes it common; else it is the process's own."""
    store = _store(redis.url)
    limited, free = Settings(), Settings(limits=Limits(per_minute=0, burst=5))

    alone = limiter_of(limited, None)

    assert None is limiter_of(free, store)
    assert isinstance(limiter_of(limited, store), CommonLimiter)
    assert isinstance(alone, LocalLimiter)
    assert 999 == alone.take("c", "/r").remaining
    store.close()
